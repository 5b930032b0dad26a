//! All operations of a program on a stream of a managed service.

use std::collections::BTreeSet;
use std::time::Duration;

use log::Level;
use parking_lot::Mutex;
use stream_lib::{
    Added, BackupStreamConfig, BatchConfig, ConsumerConfig, Producer, RetryPolicy, StreamConfig,
    StreamManager, StreamMessage,
};
use stream_tests::{LogCapture, wait_until};
use tempfile::TempDir;

use crate::DEADLINE;

#[derive(StreamMessage, Debug, Clone)]
struct Order {
    order_id: String,
    note: String,
}

fn order(id: impl Into<String>, size: usize) -> Order {
    Order {
        order_id: id.into(),
        note: "n".repeat(size),
    }
}

/// The ids that handlers have completed.
type Done = Mutex<BTreeSet<String>>;

/// Does everything on streams whose names begin with `name`, and returns the
/// warnings.
pub(super) fn work(manager: &StreamManager, name: &str) -> Vec<String> {
    let log = LogCapture::start();
    let kinds = produce(manager, name);
    for stream in &kinds {
        consume(manager, stream);
    }
    consume_in_batches(manager, kinds.first().unwrap());
    for stream in &kinds {
        look_after(manager, stream);
    }
    let report = manager.shutdown();
    assert_eq!((report.still_running, report.spooled), (0, 0), "{name}");
    let told = log.matching(|line| line.level <= Level::Warn && line.text.contains(name));
    let told = told.into_iter().map(|line| line.text);
    // A handler fails on purpose.
    let told = told.filter(|text| !text.contains("told to fail"));
    told.collect()
}

/// Adds by each kind of producer, in each way; returns their streams.
fn produce(manager: &StreamManager, name: &str) -> [String; 3] {
    let streams = ["simple", "routed", "spooled"].map(|kind| format!("{name}-{kind}"));
    let [simple, routed, spooled] = &streams;
    let dir = TempDir::new().unwrap();
    manager
        .create_simple_producer(simple, StreamConfig::new(simple))
        .unwrap();
    // Most of it goes by way of the backup stream.
    let config = BackupStreamConfig::new(routed).capacity(10);
    manager.create_backup_producer(routed, config).unwrap();
    let config = BackupStreamConfig::new(spooled).spool_dir(dir.path());
    manager.create_backup_producer(spooled, config).unwrap();
    for stream in &streams {
        let producer: Producer<Order> = manager.producer(stream).unwrap();
        let added = producer.add(&order("one", 10)).unwrap();
        assert!(matches!(added, Added::Main(_)), "{stream}: {added:?}");
        let many: Vec<_> = (0..30).map(|n| order(format!("many-{n}"), 10)).collect();
        for added in producer.add_all(&many) {
            let added = added.unwrap();
            assert!(!matches!(added, Added::Spooled), "{stream}: {added:?}");
        }
        let key = format!("{stream}-key");
        producer.add_with_key(&order("keyed", 10), &key).unwrap();
        let again = producer.add_with_key(&order("keyed", 10), &key).unwrap();
        assert!(again.is_duplicate(), "{stream}: {again:?}");
        let receipts: Vec<_> = (0..10)
            .map(|n| producer.send(&order(format!("sent-{n}"), 10)).unwrap())
            .collect();
        assert!(producer.flush(DEADLINE).is_ok(), "{stream}");
        drop(receipts);
        producer.add(&order("fails-once", 10)).unwrap();
        producer.add(&order("fails", 10)).unwrap();
    }
    streams
}

fn quick(stream: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream)
        .workers(2)
        .grace(Duration::from_secs(10))
        .retry(RetryPolicy::list([Duration::from_millis(10); 2]))
}

/// Completes all of a stream but what fails, which goes to the dead letters.
fn consume(manager: &StreamManager, stream: &str) {
    let done = std::sync::Arc::new(Done::default());
    let noted = std::sync::Arc::clone(&done);
    let consumer = manager
        .consume_fn::<Order>(stream, quick(stream), move |delivery| {
            let fails = match delivery.order_id.as_str() {
                "fails" => true,
                "fails-once" => delivery.attempt() == 1,
                _ => false,
            };
            if fails {
                Err("told to fail")?;
            }
            noted.lock().insert(delivery.order_id.clone());
            Ok(())
        })
        .unwrap();
    let all = 1 + 30 + 1 + 10 + 1;
    wait_until(DEADLINE, format!("all of {stream}"), || {
        done.lock().len() == all && consumer.stats().dead == 1
    });
    // While it is blocked in a read.
    let report = consumer.stop();
    assert_eq!(report.still_running, 0, "{stream}");
}

fn consume_in_batches(manager: &StreamManager, stream: &str) {
    let name = format!("{stream}-batches");
    let config = quick(stream).group(&name);
    let batches = BatchConfig::new(10).wait(Duration::from_millis(20));
    let consumer = manager
        .consume_batches_fn::<Order>(&name, config, batches, |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, format!("all of {stream} in batches"), || {
        consumer.stats().completed == 44
    });
    consumer.stop();
}

/// Statistics, dead letters and retention.
fn look_after(manager: &StreamManager, stream: &str) {
    wait_until(DEADLINE, format!("{stream} to be settled"), || {
        let stats = manager.stream_stats(stream).unwrap();
        let group = stats.groups.first().unwrap();
        group.pending == 0 && group.unread == Some(0) && stats.backup == 0
    });
    let dead = manager.dead_letters(stream).unwrap();
    assert_eq!(dead.list(10).unwrap().len(), 1);
    assert_eq!(dead.redrive_all().unwrap().redriven, 1);
    assert_eq!(dead.count().unwrap(), 0);
    manager.cleanup_now(stream).unwrap();
    let config = StreamConfig::new(stream)
        .max_length(10)
        .min_retention_time(Duration::ZERO)
        .min_retention_count(0);
    manager.cleanup_once(&config).unwrap();
    assert!(manager.blocked_streams().is_ok());
}
