//! Decoding allocates the fields of the struct; a reply adds a constant, whatever its
//! number of entries.

use serde::Deserialize;
use stream_lib::__private::ReplyReader;
use stream_lib::{OwnedMessage, RawMessage, StreamMessage};

use crate::{allocations, read, reply_of};

/// What one reply costs: the places of its entries, those of their fields, and
/// the room for the values of the reply after it. Its bytes are taken over.
const OF_A_REPLY: u64 = 3;

#[derive(Debug, Clone, PartialEq, StreamMessage)]
struct Order {
    id: String,
    user_id: u64,
    amount: f64,
    status: String,
}

impl Order {
    /// `id` and `status`.
    const OWNED: u64 = 2;

    fn number(number: usize) -> Self {
        Self {
            id: format!("ORD-{number:017}"),
            user_id: 1_000_000_000 + number as u64,
            amount: 1299.99,
            status: "processing".to_owned(),
        }
    }
}

fn orders(count: usize) -> Vec<Order> {
    (0..count).map(Order::number).collect()
}

/// How often decoding one message allocates.
fn decoding<M: StreamMessage + OwnedMessage>(message: &M) -> u64 {
    let mut reader = ReplyReader::default();
    let entries = read(&mut reader, reply_of(std::slice::from_ref(message)));
    allocations(|| M::decode(entries.fields(0)).unwrap())
}

#[test]
fn a_reply_costs_the_same_whatever_is_in_it() {
    for count in [1, 2, 100, 1_000] {
        let mut reader = ReplyReader::default();
        let reply = reply_of(&orders(count));
        // A connection's scanner keeps its room from one reply to the next.
        read(&mut reader, reply.clone());
        let cost = allocations(|| read(&mut reader, reply));
        assert_eq!(cost, OF_A_REPLY, "{count} entries");
    }
}

#[test]
fn a_reply_in_pieces_costs_no_more() {
    let mut reader = ReplyReader::default();
    let reply = reply_of(&orders(100));
    read(&mut reader, reply.clone());
    reader.begin();
    let cost = allocations(|| {
        for end in 0..reply.len() {
            reader.read(&reply[..end]);
        }
    });
    assert_eq!(cost, 0);
}

#[test]
fn a_struct_costs_the_strings_that_it_owns() {
    let sent = orders(500);
    let mut reader = ReplyReader::default();
    let entries = read(&mut reader, reply_of(&sent));
    let mut received = Vec::with_capacity(sent.len());
    let cost = allocations(|| {
        for index in 0..entries.count() {
            received.push(Order::decode(entries.fields(index)).unwrap());
        }
    });
    assert_eq!(cost, Order::OWNED * sent.len() as u64);
    assert_eq!(received, sent);
}

#[test]
fn what_owns_nothing_costs_nothing() {
    #[derive(StreamMessage)]
    struct Numbers {
        count: u32,
        share: f32,
        ready: bool,
        level: Level,
        #[stream(default)]
        absent: String,
        note: Option<String>,
        #[stream(flatten)]
        more: More,
    }

    #[derive(StreamMessage)]
    enum Level {
        High,
    }

    #[derive(StreamMessage)]
    struct More {
        total: i64,
    }

    let numbers = Numbers {
        count: 7,
        share: 0.25,
        ready: true,
        level: Level::High,
        absent: String::new(),
        note: None,
        more: More { total: -1 },
    };
    assert_eq!(decoding(&numbers), 0);
}

#[test]
fn each_owned_field_costs_one() {
    #[derive(StreamMessage)]
    struct Owner {
        bytes: Vec<u8>,
        note: Option<String>,
        boxed: Box<str>,
        #[stream(flatten)]
        inner: Inner,
        #[stream(json)]
        tags: Tags,
    }

    #[derive(StreamMessage)]
    struct Inner {
        street: String,
    }

    #[derive(serde::Serialize, Deserialize)]
    struct Tags {
        first: String,
    }

    let owner = Owner {
        bytes: vec![1; 100],
        note: Some("n".to_owned()),
        boxed: "b".into(),
        inner: Inner {
            street: "s".to_owned(),
        },
        tags: Tags {
            first: "t".to_owned(),
        },
    };
    assert_eq!(decoding(&owner), 5);
}

#[test]
fn a_variant_costs_what_it_owns() {
    #[derive(StreamMessage)]
    #[stream(tag = "kind")]
    enum Event {
        Moved { to: String, by: u64 },
    }

    let event = Event::Moved {
        to: "there".to_owned(),
        by: 1,
    };
    assert_eq!(decoding(&event), 1);
}

#[test]
fn an_untyped_message_costs_its_bytes_and_their_places() {
    let few = RawMessage::new().with("a", "1");
    let many = (0..50).fold(few.clone(), |m, n| m.with(format!("f{n}"), "value"));
    assert_eq!((decoding(&few), decoding(&many)), (2, 2));
}
