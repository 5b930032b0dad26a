//! Outputs of deliveries, written in one step with the acknowledgement.

mod backup;
mod handlers;
mod model;
mod partitions;
mod refused;
mod zombies;

use std::collections::BTreeMap;
use std::time::Duration;

use redis::Value;
use stream_lib::{ConsumerConfig, RetryPolicy, StreamMessage};

use crate::support::{Shop, quick};

/// What a handler makes of an order.
#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(name = "settled")]
struct Settled {
    order_id: String,
}

fn settled(id: &str) -> Settled {
    Settled {
        order_id: id.to_owned(),
    }
}

/// A quick consumer whose deliveries are never buried.
fn patient(stream: &str) -> ConsumerConfig {
    quick(stream).retry(short().max_deliveries(1_000))
}

fn short() -> RetryPolicy {
    RetryPolicy::list([Duration::from_millis(20)])
}

/// The order ids in a stream, in its order.
#[track_caller]
fn ids(shop: &Shop, stream: &str) -> Vec<String> {
    let entries: Vec<(String, BTreeMap<String, String>)> =
        shop.ask(&format!("XRANGE {stream} - +"));
    let id = |fields: &BTreeMap<String, String>| fields["order_id"].clone();
    entries.iter().map(|(_, fields)| id(fields)).collect()
}

/// Whether the id is in the stream exactly once, for ids `0 … count-1`.
#[track_caller]
fn assert_each_once(shop: &Shop, stream: &str, count: usize) {
    let mut found: Vec<usize> = ids(shop, stream)
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    found.sort_unstable();
    let expected: Vec<usize> = (0..count).collect();
    assert_eq!(found, expected, "in {stream}");
}

#[track_caller]
fn run(shop: &Shop, command: &str) {
    shop.ask::<Value>(command);
}
