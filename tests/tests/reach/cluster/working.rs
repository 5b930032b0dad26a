//! Everything works as on one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stream_lib::{Added, BackupStreamConfig, HandlerError, Producer, RawMessage, StreamConfig};
use stream_tests::{Cluster, wait_until};
use tempfile::TempDir;

use super::support::{connect, message, number_of, pending, quick};
use crate::DEADLINE;

#[test]
fn streams_of_all_nodes_are_produced_consumed_buried_redriven_and_deleted() {
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    for master in cluster.masters() {
        let stream = cluster.name_on(master, "orders");
        let producer_config = StreamConfig::new(&stream);
        manager
            .create_simple_producer(&stream, producer_config)
            .unwrap();
        let producer: Producer<RawMessage> = manager.producer(&stream).unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        manager
            .consume_fn::<RawMessage>(&stream, quick(&stream), move |delivery| {
                match (number_of(delivery), delivery.attempt()) {
                    (7, 1) => Err("once more")?,
                    (8, _) if delivery.redrives() == 0 => Err(HandlerError::permanent("no"))?,
                    _ => {}
                }
                count.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
            .unwrap();
        let added = producer.add(&message(1)).unwrap();
        assert!(matches!(added, Added::Main(_)));
        let batch: Vec<_> = (2..=10).map(message).collect();
        assert!(producer.add_all(&batch).iter().all(Result::is_ok));
        producer.send(&message(11)).unwrap().wait().unwrap();
        let first = producer.add_with_key(&message(12), "key").unwrap();
        let again = producer.add_with_key(&message(12), "key").unwrap();
        assert!(matches!((first, again), (Added::Main(a), Added::Duplicate(b)) if a == b));
        wait_until(DEADLINE, "all but one to be handled", || {
            handled.load(Ordering::SeqCst) == 11
        });
        let dead = manager.dead_letters(&stream).unwrap();
        wait_until(DEADLINE, "a dead letter", || {
            manager.stream_stats(&stream).unwrap().dead == 1
        });
        assert_eq!(dead.redrive_all().unwrap().redriven, 1);
        wait_until(DEADLINE, "the dead letter to be handled", || {
            handled.load(Ordering::SeqCst) == 12 && pending(&cluster, &stream) == 0
        });
        assert_eq!(manager.stream_stats(&stream).unwrap().dead, 0);
        let node = cluster.node_of(&stream);
        assert_eq!(node.port(), master.port());
        manager.remove_consumer(&stream).unwrap();
        manager.remove_producer(&stream).unwrap();
        wait_until(DEADLINE, "the stream to be free", || {
            manager.delete_stream(&stream).is_ok()
        });
        assert!(!node.command::<bool>(&["EXISTS", &stream]));
    }
}

#[test]
fn a_full_stream_overflows_into_its_backup_and_is_drained_in_order() {
    const ALL: usize = 300;
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    let dir = TempDir::new().unwrap();
    let config = BackupStreamConfig::new("orders")
        .max_length(20)
        .fast_timeout(Duration::from_millis(5))
        .slow_timeout(Duration::from_millis(5))
        .spool_dir(dir.path());
    manager.create_backup_producer("p", config).unwrap();
    let producer: Producer<RawMessage> = manager.producer("p").unwrap();
    let mut in_backup = 0;
    for number in 0..ALL {
        let added = producer.add(&message(number)).unwrap();
        in_backup += usize::from(matches!(added, Added::Backup(_)));
    }
    assert!(in_backup > ALL / 2, "{in_backup}");
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    manager
        .consume_fn::<RawMessage>("c", quick("orders").workers(1), move |delivery| {
            notes.lock().push(number_of(delivery));
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be handled", || seen.lock().len() == ALL);
    assert_eq!(*seen.lock(), (0..ALL).collect::<Vec<_>>());
}

#[test]
fn a_spool_bridges_a_failover() {
    const ALL: usize = 200;
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    let dir = TempDir::new().unwrap();
    let config = BackupStreamConfig::new("orders").spool_dir(dir.path());
    manager.create_backup_producer("p", config).unwrap();
    let producer: Producer<RawMessage> = manager.producer("p").unwrap();
    assert!(matches!(producer.add(&message(0)).unwrap(), Added::Main(_)));
    let old = cluster.node_of("orders");
    old.command::<u64>(&["WAIT", "1", "10000"]);
    old.kill();
    for number in 1..ALL {
        producer.add(&message(number)).unwrap();
    }
    let new = cluster.wait_for_switch(cluster.slot_of("orders"), old);
    let length = || {
        new.try_command::<usize>(&["XLEN", "orders"])
            .unwrap_or_default()
    };
    wait_until(DEADLINE, "the spool to be replayed", || length() == ALL);
}
