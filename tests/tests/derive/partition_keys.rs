//! Partition keys of messages.

use stream_lib::__private::{key_of, place_of};
use stream_lib::message::{EncodeError, FieldWriter, Schema};
use stream_lib::{RawMessage, StreamMessage};

fn place(message: &impl StreamMessage) -> Option<u32> {
    place_of(message).expect("a message that can be written")
}

// By `python3 -c 'import zlib; print(hex(zlib.crc32(b"…")))'`.
const OF_CUSTOMER_1: u32 = 0xEBEF_DC7D;
const OF_42: u32 = 0x3224_B088;

#[derive(StreamMessage)]
struct Order {
    order_id: String,
    #[stream(key)]
    customer: Option<String>,
}

fn order(customer: Option<&str>) -> Order {
    Order {
        order_id: "A-1".to_owned(),
        customer: customer.map(str::to_owned),
    }
}

#[derive(StreamMessage)]
struct Payment {
    #[stream(idempotency_key, key)]
    account: u64,
}

#[derive(StreamMessage)]
#[stream(tag = "kind", rename_all = "lowercase")]
enum Event {
    Made {
        #[stream(key, json)]
        number: u64,
    },
    Ordered(Order),
    Nothing,
}

/// Written by hand, with a key of its own.
struct ByHand;

impl StreamMessage for ByHand {
    const SCHEMA: &'static Schema = &Schema::new("ByHand");

    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.partition_key(b"42");
        out.text("hand", "made")
    }
}

#[derive(StreamMessage)]
struct Outer<M: StreamMessage> {
    #[stream(key)]
    request: Option<String>,
    #[stream(flatten)]
    inner: M,
}

#[derive(StreamMessage)]
struct Passing<M: StreamMessage> {
    step: u8,
    #[stream(flatten, key)]
    inner: M,
}

#[test]
fn the_hash_is_that_of_the_value_as_it_is_written() {
    assert_eq!(place(&order(Some("customer-1"))), Some(OF_CUSTOMER_1));
    assert_eq!(place(&Event::Made { number: 42 }), Some(OF_42));
    // Without the variant, which an idempotency key carries.
    let ordered = Event::Ordered(order(Some("customer-1")));
    assert_eq!(place(&ordered), Some(OF_CUSTOMER_1));
    assert_eq!(place(&ByHand), Some(OF_42));
}

#[test]
fn no_value_is_no_key_and_an_empty_one_is_one() {
    assert_eq!(place(&order(None)), None);
    assert_eq!(place(&Event::Nothing), None);
    assert_eq!(place(&RawMessage::new().with("customer", "42")), None);
    assert_eq!(place(&order(Some(""))), Some(0));
}

#[test]
fn one_field_may_be_both_keys() {
    let payment = Payment { account: 42 };
    assert_eq!(place(&payment), Some(OF_42));
    let key = key_of(&payment).expect("a message that can be written");
    assert_eq!(key.as_deref(), Some(&b"42"[..]));
}

#[test]
fn key_of_a_flattened_message_counts_only_where_the_outer_one_says_so() {
    let outer = |request: Option<&str>| Outer {
        request: request.map(str::to_owned),
        inner: ByHand,
    };
    assert_eq!(place(&outer(Some("customer-1"))), Some(OF_CUSTOMER_1));
    assert_eq!(place(&outer(None)), None);
    let passing = Passing {
        step: 1,
        inner: ByHand,
    };
    assert_eq!(place(&passing), Some(OF_42));
}
