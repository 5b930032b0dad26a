//! Publication to a recorder that sums up.

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{
    Counter, CounterFn, Gauge, GaugeFn, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit, with_local_recorder,
};
use parking_lot::Mutex;

use super::*;
use crate::error::ErrorKind;
use crate::message::dead_reason::DeadReason;
use crate::metrics::{Fate, ProducerRecord, WorkerRecords};

/// Sums up the published values by name and labels.
#[derive(Debug, Default)]
struct Sums(Arc<Mutex<BTreeMap<String, f64>>>);

/// One of these sums; for a histogram, the number of values.
struct Sum {
    key: String,
    sums: Arc<Mutex<BTreeMap<String, f64>>>,
}

impl Sum {
    fn add(&self, value: f64) {
        *self.sums.lock().entry(self.key.clone()).or_default() += value;
    }
}

impl CounterFn for Sum {
    fn increment(&self, value: u64) {
        self.add(f64::from(u32::try_from(value).unwrap()));
    }

    fn absolute(&self, _: u64) {
        unreachable!("several managers add up");
    }
}

impl GaugeFn for Sum {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, _: f64) {
        unreachable!("several managers add up");
    }
}

impl HistogramFn for Sum {
    fn record(&self, _: f64) {
        self.add(1.0);
    }
}

impl Sums {
    fn sum(&self, key: &Key) -> Arc<Sum> {
        let labels = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()));
        let labels: Vec<_> = labels.collect();
        Arc::new(Sum {
            key: format!("{} {}", key.name(), labels.join(" ")),
            sums: Arc::clone(&self.0),
        })
    }

    fn of(&self, key: &str) -> Option<f64> {
        self.0.lock().get(key).copied()
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.sum(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.sum(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> ::metrics::Histogram {
        ::metrics::Histogram::from_arc(self.sum(key))
    }
}

fn producer(record: &ProducerRecord, waiting: u64) -> ProducerMetrics {
    ProducerMetrics {
        stream: "orders".to_owned(),
        waiting,
        ..record.snapshot()
    }
}

fn consumer(name: &str, completed: u64) -> ConsumerMetrics {
    let workers = WorkerRecords::default();
    let worker = workers.take();
    (0..completed).for_each(|_| worker.handled(Duration::from_millis(3)));
    ConsumerMetrics {
        name: name.to_owned(),
        stream: "orders".to_owned(),
        group: "g".to_owned(),
        completed,
        running: 2,
        dead: vec![(DeadReason::Permanent, completed)],
        handler_duration: workers.handlers(),
        ..ConsumerMetrics::default()
    }
}

#[test]
fn what_is_new_is_handed_on_once_and_adds_up() {
    let (sums, record) = (Sums::default(), ProducerRecord::default());
    let (mut one, mut other) = (Published::default(), Published::default());
    let time = Duration::from_millis(1);
    let failed = Fate::Failed(ErrorKind::Unavailable);
    record.batch(3);
    record.answered([Fate::Main, Fate::Backup, failed], time);
    let snapshot = |waiting, consumers: &[ConsumerMetrics]| Metrics {
        producers: vec![producer(&record, waiting)],
        consumers: consumers.to_vec(),
    };
    with_local_recorder(&sums, || {
        one.publish(snapshot(7, &[consumer("a", 2), consumer("b", 1)]));
        other.publish(snapshot(1, &[]));
        one.publish(snapshot(4, &[consumer("a", 5)]));
        one.publish(snapshot(4, &[consumer("a", 1)]));
    });
    let known = |key: &str, value| assert_eq!(sums.of(key), Some(value), "{key}");
    known(
        "messaging_client_sent_messages_total stream=orders outcome=stream",
        2.0,
    );
    known(
        "messaging_client_sent_messages_total stream=orders outcome=backup",
        2.0,
    );
    known(
        "messaging_client_sent_messages_total stream=orders outcome=failed",
        2.0,
    );
    known(
        "stream_send_failures_total stream=orders kind=Unavailable",
        2.0,
    );
    known(
        "messaging_client_operation_duration_seconds stream=orders",
        6.0,
    );
    known("stream_batch_messages stream=orders", 2.0);
    known("stream_waiting stream=orders", 5.0);
    // Of `a` 2 and 3 more, of `b` 1, and of a later `a` 1.
    known("stream_completed_total stream=orders group=g", 7.0);
    known(
        "stream_dead_total stream=orders group=g kind=permanent",
        7.0,
    );
    known("stream_running stream=orders group=g", 2.0);
    let handled = sums.of("messaging_process_duration_seconds stream=orders group=g");
    assert!(handled >= Some(6.0));
    let keys = sums.0.lock();
    let labels = ["stream", "group", "outcome", "kind"];
    for label in keys.keys().flat_map(|key| key.split(' ').skip(1)) {
        let (name, _) = label.split_once('=').unwrap();
        assert!(labels.contains(&name), "{label}");
    }
    drop(keys);
    with_local_recorder(&sums, || one.publish(Metrics::default()));
    known("stream_waiting stream=orders", 1.0);
    known("stream_running stream=orders group=g", 0.0);
}
