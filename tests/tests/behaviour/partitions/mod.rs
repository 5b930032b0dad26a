//! Streams with partitions: producers, retention, statistics and deletion.

mod backing;
mod cleaning;
mod declaring;
mod deleting;
mod letters;
mod looking;
mod routing;
mod sending;
mod spooling;

use stream_lib::{Envelope, Producer, RawMessage, StreamConfig, StreamManager};
use stream_tests::Server;

use crate::support::{Shop, ask, numbers};

/// Keys, and their partitions of 16: by
/// `python3 -c 'import zlib; print(zlib.crc32(b"…") % 16)'`.
const KEYS: [(&str, u16); 6] = [
    ("customer-1", 13),
    ("customer-2", 7),
    ("customer-3", 1),
    ("42", 8),
    ("A-1", 0),
    ("3", 11),
];

/// A message whose first field is its number.
fn message(number: usize) -> RawMessage {
    RawMessage::new().with("n", number.to_string())
}

/// A simple producer of `orders` with so many partitions.
#[track_caller]
fn producer(shop: &Shop, partitions: u16) -> Producer<RawMessage> {
    producer_of(
        &shop.manager,
        StreamConfig::new("orders").partitions(partitions),
    )
}

#[track_caller]
fn producer_of(manager: &StreamManager, config: StreamConfig) -> Producer<RawMessage> {
    let producer = manager.create_simple_producer("p", config).unwrap();
    producer.typed()
}

/// Adds one message of this key.
fn add(
    producer: &Producer<RawMessage>,
    number: usize,
    key: &str,
) -> stream_lib::Result<stream_lib::Added> {
    producer.with(&message(number)).key(key).add()
}

fn keyed<'m>(message: &'m RawMessage, key: &str) -> Envelope<'m, RawMessage> {
    Envelope::new(message).key(key)
}

/// The numbers in one partition of `orders`, in its order.
#[track_caller]
fn in_partition(server: &Server, partition: u16) -> Vec<usize> {
    numbers(server, &format!("{{orders:{partition}}}"))
}

/// How many entries each partition has.
#[track_caller]
fn lengths(server: &Server, partitions: u16) -> Vec<usize> {
    let length = |n| ask(server, &format!("XLEN {{orders:{n}}}"));
    (0..partitions).map(length).collect()
}
