//! Batch handlers: the entries of a batch, each of which keeps its own fate.

mod fates;
mod gathering;
mod stopping;

use std::time::Duration;

use stream_lib::{BatchDelivery, ConsumerConfig, HandlerResult};

use crate::support::{Order, Seen, quick};

const AT_ONCE: Duration = Duration::from_millis(1);
const LEASE: Duration = Duration::from_millis(500);
/// The longest wait there is: what waits for it is stuck.
const FOR_EVER: Duration = Duration::from_mins(20);

/// One batch: ids and attempts.
type Seat = (String, u32);

fn seats(batch: &[BatchDelivery<Order>]) -> Vec<Seat> {
    let seat = |order: &BatchDelivery<Order>| (order.order_id.clone(), order.attempt());
    batch.iter().map(seat).collect()
}

/// A batch handler that notes each batch and then does as it is told.
fn noting_batches(
    seen: &Seen<Vec<Seat>>,
    then: impl Fn(&[BatchDelivery<Order>]) -> HandlerResult + Send + Sync + 'static,
) -> impl Fn(&[BatchDelivery<Order>]) -> HandlerResult + Send + Sync + 'static {
    let seen = seen.clone();
    move |batch| {
        seen.push(seats(batch));
        then(batch)
    }
}

/// One worker, so that batches come one after the other.
fn single(stream: &str) -> ConsumerConfig {
    quick(stream).workers(1)
}

fn numbers(range: std::ops::Range<usize>, attempt: u32) -> Vec<Seat> {
    range.map(|n| (n.to_string(), attempt)).collect()
}
