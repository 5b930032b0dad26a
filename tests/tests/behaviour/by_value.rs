//! Handlers that take their delivery by value.

use std::sync::atomic::{AtomicUsize, Ordering};

use stream_lib::message::{DecodeError, EncodeError, FieldWriter, Fields, Schema};
use stream_lib::{Delivery, OwnedMessage, StreamMessage, by_value};

use crate::support::{Seen, Shop, quick};

static READ: AtomicUsize = AtomicUsize::new(0);

/// Can't be cloned, and counts how often it is read.
#[derive(Debug)]
struct Parcel(String);

impl StreamMessage for Parcel {
    const SCHEMA: &'static Schema = &Schema::new("Parcel");

    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.text("order_id", &self.0)
    }
}

impl OwnedMessage for Parcel {
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError> {
        READ.fetch_add(1, Ordering::SeqCst);
        let id = fields.get("order_id").unwrap_or_default();
        Ok(Self(String::from_utf8_lossy(id).into_owned()))
    }
}

#[test]
fn message_that_is_given_by_value_is_read_once() {
    let shop = Shop::open();
    let seen = Seen::default();
    let moved = seen.clone();
    let handler = by_value(move |delivery: Delivery<Parcel>| {
        let Parcel(id) = delivery.into_message();
        moved.push(id);
        Ok(())
    });
    shop.add_by_hand("orders", 3);
    let config = quick("orders").workers(1);
    shop.manager.consume("c", config, handler).unwrap();
    seen.wait_for(3);
    shop.wait_until_settled("orders");
    assert_eq!(seen.all(), ["0", "1", "2"]);
    assert_eq!(READ.load(Ordering::SeqCst), 3);
}
