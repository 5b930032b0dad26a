//! Encoding allocates nothing while the buffer has room.

use std::borrow::Cow;

use serde::Serialize;
use stream_lib::__private::writer;
use stream_lib::{RawMessage, StreamMessage};

use crate::allocations;

#[derive(StreamMessage)]
struct Order<'a> {
    id: String,
    user_id: u64,
    amount: f64,
    paid: bool,
    status: Status,
    note: Option<&'a str>,
    #[stream(rename = "Blob")]
    blob: Vec<u8>,
    place: Cow<'a, str>,
    #[stream(flatten)]
    address: Address,
    #[stream(json)]
    tags: Tags,
}

#[derive(StreamMessage)]
enum Status {
    Processing,
}

#[derive(StreamMessage)]
struct Address {
    street: String,
    number: i32,
}

#[derive(Serialize)]
struct Tags {
    first: String,
    more: [u8; 3],
}

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    Moved { from: u64, to: u64 },
}

fn order() -> Order<'static> {
    Order {
        id: "ORD-00000000000000001".to_owned(),
        user_id: u64::MAX,
        amount: -1299.99e-30,
        paid: true,
        status: Status::Processing,
        note: Some("a longer text than any small string would keep in place"),
        blob: vec![0; 300],
        place: Cow::Borrowed("here"),
        address: Address {
            street: "Long Street".to_owned(),
            number: i32::MIN,
        },
        tags: Tags {
            first: "a \"quoted\" word".to_owned(),
            more: [1, 2, 255],
        },
    }
}

fn encoding<M: StreamMessage>(message: &M) -> u64 {
    let mut buffer = Vec::with_capacity(4 << 10);
    let count = allocations(|| message.encode(&mut writer(&mut buffer)).unwrap());
    assert!(!buffer.is_empty() && buffer.capacity() == 4 << 10);
    count
}

#[test]
fn fields_of_every_kind_are_encoded_without_an_allocation() {
    assert_eq!(encoding(&order()), 0);
}

#[test]
fn a_variant_is_encoded_without_an_allocation() {
    assert_eq!(encoding(&Event::Moved { from: 1, to: 2 }), 0);
}

#[test]
fn an_untyped_message_is_encoded_without_an_allocation() {
    let raw = RawMessage::from_message(&order()).unwrap();
    assert_eq!(encoding(&raw), 0);
}

#[test]
fn only_the_buffer_grows() {
    let order = order();
    let mut buffer = Vec::new();
    let grows = allocations(|| {
        for _ in 0..1_000 {
            order.encode(&mut writer(&mut buffer)).unwrap();
        }
    });
    // It doubles.
    let most = u64::from(buffer.capacity().ilog2());
    assert!(grows <= most, "{grows} for {} bytes", buffer.len());
}
