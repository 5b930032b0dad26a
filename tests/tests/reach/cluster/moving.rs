//! Slots move from node to node under producers and consumers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stream_lib::{
    BackupStreamConfig, ConsumerConfig, HandlerError, OnGroupLost, Producer, RawMessage,
    StreamManager,
};
use stream_tests::{Cluster, LogCapture, Resharding, wait_until};
use tempfile::TempDir;

use super::support::{Work, connect, message, number_of, other_than, pending, quick};
use crate::DEADLINE;

/// As redis-cli does it, with everything that it moves alone.
#[track_caller]
fn move_one_by_one(moving: Resharding<'_>, work: &Work) {
    for key in moving.keys_left() {
        moving.move_keys(&[&key]);
    }
    let from = Instant::now();
    moving.finish();
    work.wait_for_more(from);
}

fn stopping_if_lost(config: ConsumerConfig) -> ConsumerConfig {
    config.on_group_lost(OnGroupLost::Stop).workers(1)
}

#[test]
fn a_slot_under_full_load_moves_step_by_step_and_back() {
    let log = LogCapture::start();
    let cluster = Cluster::start().unwrap();
    let manager = Arc::new(connect(&cluster));
    let slot = cluster.slot_of("orders");
    let work = Work::begin(&manager, "orders", stopping_if_lost);
    for _ in 0..4 {
        let to = other_than(&cluster, cluster.node_of("orders"));
        move_one_by_one(cluster.reshard(slot, to), &work);
    }
    let ledger = work.stop();
    assert!(ledger.failed.is_empty(), "{:?}", ledger.failed);
    assert!(ledger.order.is_sorted(), "{:?}", ledger.order);
    assert!(manager.consumer("orders_consumer").unwrap().is_running());
    assert!(log.containing("had vanished").is_empty());
    wait_until(DEADLINE, "all to be settled", || {
        pending(&cluster, "orders") == 0
    });
}

#[test]
fn a_blocked_reader_follows_its_stream_while_the_slot_is_between_two_nodes() {
    let log = LogCapture::start();
    let cluster = Cluster::start().unwrap();
    let manager = Arc::new(connect(&cluster));
    let (from, slot) = (cluster.node_of("orders"), cluster.slot_of("orders"));
    for policy in [OnGroupLost::Stop, OnGroupLost::default()] {
        let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let config = quick("orders").on_group_lost(policy);
        let consumer = manager
            .consume_fn::<RawMessage>("c", config, move |delivery| {
                notes.lock().push(number_of(delivery));
                Ok(())
            })
            .unwrap();
        let from = cluster.node_of("orders");
        let blocked = |node: &stream_tests::Server| {
            let info: String = node.command(&["INFO", "clients"]);
            !info.contains("blocked_clients:0\r\n")
        };
        wait_until(DEADLINE, "a blocked reader", || blocked(from));
        let to = other_than(&cluster, from);
        let moving = cluster.reshard(slot, to);
        // The stream alone: its signs of life and its meta hash stay behind.
        moving.move_keys(&["orders"]);
        wait_until(DEADLINE, "the reader to wait at the new node", || {
            blocked(to)
        });
        assert!(!moving.keys_left().is_empty());
        let producer = connect(&cluster);
        producer
            .create_simple_producer("p", stream_lib::StreamConfig::new("orders"))
            .unwrap();
        producer.add_to("p", &message(1)).unwrap();
        wait_until(DEADLINE, "the message", || seen.lock().contains(&1));
        moving.finish();
        producer.add_to("p", &message(2)).unwrap();
        wait_until(DEADLINE, "the next message", || seen.lock().contains(&2));
        assert!(consumer.is_running(), "{:?}", consumer.failure());
        wait_until(DEADLINE, "all to be settled", || {
            pending(&cluster, "orders") == 0
        });
        manager.remove_consumer("c").unwrap();
    }
    assert!(log.containing("had vanished").is_empty());
    assert_eq!(cluster.node_of("orders").port(), from.port());
}

/// How many requests a node has answered with `TRYAGAIN`.
fn tried_again(node: &stream_tests::Server) -> usize {
    let stats: String = node.command(&["INFO", "errorstats"]);
    let line = stats.lines().find(|l| l.starts_with("errorstat_TRYAGAIN"));
    let count = line.and_then(|line| line.split_once("count="));
    count.map_or(0, |(_, count)| count.trim().parse().unwrap())
}

#[test]
fn a_slot_between_two_nodes_is_no_outage() {
    let log = LogCapture::start();
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    let config = quick("between").lease(Duration::from_millis(600));
    let seen = Arc::new(parking_lot::Mutex::new(0));
    let notes = Arc::clone(&seen);
    // Something waits for a retry, so that the keys of a claim are on both nodes.
    let handler = move |delivery: &stream_lib::Delivery<RawMessage>| {
        if delivery.attempt() < 3 {
            return Err(HandlerError::retry_after("later", Duration::from_millis(500)).into());
        }
        *notes.lock() += 1;
        Ok(())
    };
    manager
        .consume_fn::<RawMessage>("c", config, handler)
        .unwrap();
    let producer = manager
        .create_simple_producer("p", stream_lib::StreamConfig::new("between"))
        .unwrap();
    producer.typed().add(&message(1)).unwrap();
    let from = cluster.node_of("between");
    let waiting = "{between}:waiting:between_group";
    let waits = || from.command::<bool>(&["EXISTS", waiting]);
    wait_until(DEADLINE, "an entry that waits", waits);
    let to = other_than(&cluster, from);
    let moving = cluster.reshard(cluster.slot_of("between"), to);
    moving.move_keys(&["between"]);
    wait_until(DEADLINE, "requests that meet half of their keys", || {
        tried_again(from) + tried_again(to) > 5
    });
    moving.finish();
    wait_until(DEADLINE, "the last attempt", || *seen.lock() == 1);
    let told = log.matching(|line| line.text.contains("`between` is held up"));
    assert!(told.is_empty(), "{told:?}");
}

/// A stream in use with everything that has a script.
struct AllScripts {
    manager: StreamManager,
    _dir: TempDir,
    handled: Arc<parking_lot::Mutex<Vec<usize>>>,
}

impl AllScripts {
    fn begin(cluster: &Cluster) -> Self {
        let manager = connect(cluster);
        let dir = TempDir::new().unwrap();
        let backup = |name: &str| {
            BackupStreamConfig::new(name)
                .max_length(30)
                .fast_timeout(Duration::from_millis(5))
                .slow_timeout(Duration::from_millis(5))
        };
        manager
            .create_backup_producer("routed", backup("orders"))
            .unwrap();
        let spooled = backup("orders").spool_dir(dir.path());
        manager.create_backup_producer("spooled", spooled).unwrap();
        let handled = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let notes = Arc::clone(&handled);
        let lease = Duration::from_secs(1);
        manager
            .consume_fn::<RawMessage>("c", quick("orders").lease(lease), move |delivery| {
                let number = number_of(delivery);
                match (number % 10, delivery.attempt()) {
                    (3, 1) => Err("once more")?,
                    (4, _) if delivery.redrives() == 0 => Err(HandlerError::permanent("no"))?,
                    _ => notes.lock().push(number),
                }
                Ok(())
            })
            .unwrap();
        Self {
            manager,
            _dir: dir,
            handled,
        }
    }

    /// Adds by every way there is. Returns which were confirmed.
    fn add(&self, numbers: std::ops::Range<usize>) -> Vec<usize> {
        let mut confirmed = Vec::new();
        for number in numbers {
            let name = if number % 2 == 0 { "routed" } else { "spooled" };
            let producer: Producer<RawMessage> = self.manager.producer(name).unwrap();
            let added = match number % 3 {
                0 => producer.add_with_key(&message(number), &number.to_string()),
                _ => producer.add(&message(number)),
            };
            confirmed.extend(added.is_ok().then_some(number));
        }
        confirmed
    }
}

#[test]
fn every_script_meets_a_slot_whose_keys_are_here_and_there() {
    let cluster = Cluster::start().unwrap();
    let shop = AllScripts::begin(&cluster);
    let slot = cluster.slot_of("orders");
    let mut expected = shop.add(0..60);
    let mut next = 60;
    // Each key in its turn is the only one that has moved, or the only one that
    // hasn't.
    for round in 0..6 {
        let to = other_than(&cluster, cluster.node_of("orders"));
        let moving = cluster.reshard(slot, to);
        let keys = moving.keys_left();
        let chosen = keys.get(round % keys.len()).unwrap();
        let some: Vec<_> = match round % 2 {
            0 => vec![chosen.as_str()],
            _ => keys
                .iter()
                .map(String::as_str)
                .filter(|key| key != chosen)
                .collect(),
        };
        let reading = shop.manager.dead_letters("orders").unwrap();
        moving.move_keys(&some);
        std::thread::scope(|scope| {
            let adding = scope.spawn(|| shop.add(next..next + 20));
            // None of these may do half of its work.
            let _ = reading.redrive_some(2);
            let _ = shop
                .manager
                .cleanup_once(&stream_lib::StreamConfig::new("orders"));
            let _ = shop.manager.stream_stats("orders");
            moving.finish();
            expected.extend(adding.join().unwrap());
        });
        next += 20;
    }
    let dead = shop.manager.dead_letters("orders").unwrap();
    let missing = || {
        let _ = dead.redrive_all();
        let handled = shop.handled.lock();
        let missing = expected.iter().filter(|n| !handled.contains(n));
        missing.copied().collect::<Vec<_>>()
    };
    let whole = stream_tests::poll(DEADLINE, || missing().is_empty().then_some(()));
    assert!(whole.is_some(), "never handled: {:?}", missing());
    assert!(expected.len() > next / 2, "{} of {next}", expected.len());
    wait_until(DEADLINE, "all to be settled", || {
        pending(&cluster, "orders") == 0
    });
    let stats = shop.manager.stream_stats("orders").unwrap();
    assert_eq!((stats.backup, stats.dead), (0, 0));
}

#[test]
fn a_slot_under_full_load_moves_at_once_where_the_server_can() {
    let cluster = Cluster::start().unwrap();
    let manager = Arc::new(connect(&cluster));
    let slot = cluster.slot_of("orders");
    let work = Work::begin(&manager, "orders", stopping_if_lost);
    for _ in 0..3 {
        let to = other_than(&cluster, cluster.node_of("orders"));
        let from = Instant::now();
        if !cluster.migrate_atomically(slot, to) {
            eprintln!("not tested: the server has no atomic slot migration");
            return drop(work.end());
        }
        work.wait_for_more(from);
    }
    let ledger = work.stop();
    assert!(ledger.failed.is_empty(), "{:?}", ledger.failed);
    assert!(ledger.order.is_sorted(), "{:?}", ledger.order);
    wait_until(DEADLINE, "all to be settled", || {
        pending(&cluster, "orders") == 0
    });
}
