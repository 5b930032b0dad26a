//! Outputs in one step with the acknowledgement, and in two where slots differ.

use std::collections::BTreeSet;

use stream_lib::{RawMessage, RetryPolicy};
use stream_tests::{Cluster, LogCapture, wait_until};

use super::support::{connect, message, number_of, other_than, pending, quick};
use crate::DEADLINE;

const COUNT: usize = 200;

/// The numbers in a stream, in order.
#[track_caller]
fn numbers(cluster: &Cluster, stream: &str) -> Vec<usize> {
    let node = cluster.node_of(stream);
    let entries: Vec<(String, Vec<String>)> = node.command(&["XRANGE", stream, "-", "+"]);
    let number = |fields: &[String]| {
        let at = fields.iter().position(|field| field == "n")?;
        fields.get(at + 1)?.parse().ok()
    };
    entries
        .iter()
        .map(|(_, fields)| number(fields).unwrap())
        .collect()
}

#[test]
fn outputs_are_written_once_in_the_same_slot_and_in_others() {
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    let log = LogCapture::start();
    let stream = "{shop}:orders";
    let near = "{shop}:settled";
    let node = cluster.node_of(stream);
    let far = cluster.name_on(other_than(&cluster, node), "settled");
    for number in 0..COUNT {
        manager.with_number(stream, number);
    }
    let far_stream = far.clone();
    let retry = RetryPolicy::list([std::time::Duration::from_millis(20)]).max_deliveries(100);
    let consumer = manager
        .consume_fn::<RawMessage>("c", quick(stream).retry(retry), move |delivery| {
            let number = number_of(delivery);
            delivery.produce_to(near, delivery.message())?;
            if number.is_multiple_of(2) {
                delivery.produce_to(&far_stream, delivery.message())?;
            }
            if number.is_multiple_of(5) && delivery.attempt() == 1 {
                return Err("once more".into());
            }
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == COUNT as u64
    });
    assert_eq!(pending(&cluster, stream), 0);
    let all = |numbers: Vec<usize>, step: usize| {
        let set: BTreeSet<usize> = numbers.iter().copied().collect();
        assert_eq!(set.len(), numbers.len(), "each once");
        assert_eq!(set, (0..COUNT).step_by(step).collect());
    };
    all(numbers(&cluster, near), 1);
    all(numbers(&cluster, &far), 2);
    let told = log.containing("are written before the acknowledgement");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told.iter().all(|line| line.text.contains(&far)));
}

/// Adds to any stream.
trait Adds {
    fn with_number(&self, stream: &str, number: usize);
}

impl Adds for stream_lib::StreamManager {
    #[track_caller]
    fn with_number(&self, stream: &str, number: usize) {
        if self.producer::<RawMessage>(stream).is_err() {
            self.create_simple_producer(stream, stream_lib::StreamConfig::new(stream))
                .unwrap();
        }
        self.add_to(stream, &message(number)).unwrap();
    }
}
