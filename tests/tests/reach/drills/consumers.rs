//! Consumers of each kind on the streams of the producers.

use std::sync::Arc;
use std::time::Duration;

use stream_lib::{BatchConfig, BatchDelivery, Consumer, ConsumerConfig, Delivery, StreamManager};

use super::ledger::Handled;
use super::producers::Order;

/// A group on a stream, with its members.
pub(super) struct Group {
    pub(super) stream: String,
    pub(super) name: String,
    /// For the figures.
    pub(super) short: String,
    pub(super) handled: Arc<Handled>,
    pub(super) members: Vec<Consumer>,
}

impl Group {
    /// One member in each manager.
    pub(super) fn begin(managers: &[&StreamManager], stream: &str, short: &str) -> Self {
        let handled = Arc::new(Handled::default());
        let members = managers.iter().map(|manager| {
            let noted = Arc::clone(&handled);
            let handle = move |delivery: &Delivery<Order>| {
                noted.enter(delivery.number);
                Ok(())
            };
            let consumer = manager.consume_fn(stream, config(stream), handle);
            consumer.unwrap()
        });
        Self {
            members: members.collect(),
            stream: stream.to_owned(),
            name: format!("{stream}_group"),
            short: short.to_owned(),
            handled,
        }
    }

    /// One member, which handles ten at a time, in a group of its own.
    pub(super) fn in_batches(manager: &StreamManager, stream: &str, short: &str) -> Self {
        let handled = Arc::new(Handled::default());
        let noted = Arc::clone(&handled);
        let name = format!("{stream}_batches");
        let batches = BatchConfig::new(10).wait(Duration::from_millis(10));
        let handle = move |batch: &[BatchDelivery<Order>]| {
            for delivery in batch {
                noted.enter(delivery.number);
            }
            Ok(())
        };
        let consumer =
            manager.consume_batches_fn(&name, config(stream).group(&name), batches, handle);
        Self {
            members: vec![consumer.unwrap()],
            stream: stream.to_owned(),
            name,
            short: format!("{short}-in-batches"),
            handled,
        }
    }
}

fn config(stream: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream)
        .workers(2)
        .lease(Duration::from_secs(3))
        .grace(Duration::from_secs(5))
}
