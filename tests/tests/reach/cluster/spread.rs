//! Producers of a stream whose partitions are on all nodes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stream_lib::{
    Added, BackupStreamConfig, Envelope, Producer, RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{Cluster, Server, wait_until};
use tempfile::TempDir;

use super::support::{config, connect, message, number_of, other_than};
use crate::DEADLINE;

const PARTITIONS: usize = 16;

/// One key for each partition.
fn keys() -> Vec<String> {
    let mut keys = vec![None; PARTITIONS];
    for number in 0.. {
        let key = format!("customer-{number}");
        let partition = crc32(key.as_bytes()) as usize % PARTITIONS;
        if let Some(slot) = keys.get_mut(partition) {
            slot.get_or_insert(key);
        }
        if keys.iter().all(Option::is_some) {
            break;
        }
    }
    keys.into_iter().flatten().collect()
}

/// zlib's, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    let of_byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), shifted);
    !bytes.iter().fold(!0, of_byte)
}

fn name(partition: usize) -> String {
    format!("{{orders:{partition}}}")
}

#[track_caller]
fn simple(manager: &StreamManager, timeout: Duration) -> Producer<RawMessage> {
    let config = StreamConfig::new("orders")
        .partitions(16)
        .batch_size(64)
        .send_timeout(timeout);
    manager.create_simple_producer("p", config).unwrap().typed()
}

/// The numbers in a partition, in its order.
#[track_caller]
fn numbers(cluster: &Cluster, partition: usize) -> Vec<usize> {
    let stream = name(partition);
    let node = cluster.node_of(&stream);
    let entries: Vec<(String, BTreeMap<String, String>)> =
        node.command(&["XRANGE", &stream, "-", "+"]);
    entries
        .iter()
        .map(|(_, f)| f["n"].parse().unwrap())
        .collect()
}

#[test]
fn messages_of_every_kind_reach_the_partitions_on_all_nodes() {
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    let dir = TempDir::new().unwrap();
    let producer = simple(&manager, DEADLINE);
    let spooling = BackupStreamConfig::new("orders").spool_dir(dir.path());
    let spooling = manager.create_backup_producer("s", spooling).unwrap();
    let spooling: Producer<RawMessage> = spooling.typed();
    let keys = keys();
    let all = |from: usize| {
        let messages = (0..4).flat_map(|round| keys.iter().map(move |key| (round, key)));
        let messages = messages.map(move |(round, key)| (message(from + round), key.clone()));
        messages.collect::<Vec<_>>()
    };
    let messages = all(0);
    let added = producer.add_all(messages.iter().map(|(m, key)| Envelope::new(m).key(key)));
    assert!(
        added.iter().all(|a| matches!(a, Ok(Added::Main(_)))),
        "{added:?}"
    );
    for (message, key) in all(4) {
        drop(producer.with(&message).key(&key).send().unwrap());
    }
    assert!(producer.flush(DEADLINE).is_ok());
    let once = all(8);
    for _ in 0..2 {
        let keyed = once.iter().map(|(m, key)| {
            let envelope = Envelope::new(m).key(key);
            envelope.idempotency_key(format!("{key}-{}", number_of(m)))
        });
        assert!(producer.add_all(keyed).iter().all(Result::is_ok));
    }
    for (message, key) in all(12) {
        let added = spooling.with(&message).key(&key).add().unwrap();
        assert!(matches!(added, Added::Main(_)), "{added:?}");
    }
    for partition in 0..PARTITIONS {
        let numbers = numbers(&cluster, partition);
        assert!(
            numbers.iter().copied().eq(0..16),
            "{partition}: {numbers:?}"
        );
    }
    let nodes: std::collections::BTreeSet<_> = (0..PARTITIONS)
        .map(|partition| cluster.node_of(&name(partition)).port())
        .collect();
    assert_eq!(nodes.len(), 3);
    let stats = manager.stream_stats("orders").unwrap();
    assert_eq!((stats.length, stats.partitions), (256, Some(16)));
    assert_eq!(manager.cleanup_now("orders").unwrap().length, 256);
    manager.remove_producer("p").unwrap();
    manager.remove_producer("s").unwrap();
    assert!(manager.delete_stream("orders").unwrap());
    assert_eq!(manager.stream_stats("orders").unwrap().length, 0);
}

#[test]
fn a_node_that_is_away_holds_up_no_messages_but_its_own() {
    let cluster = Cluster::options().nodes(3, 0).start().unwrap();
    let manager = connect(&cluster);
    let timeout = Duration::from_secs(4);
    let producer = simple(&manager, timeout);
    let keys = keys();
    let add_all = |from: usize| {
        let messages: Vec<_> = (0..PARTITIONS).map(|n| message(from + n)).collect();
        let keyed = messages.iter().zip(&keys);
        producer.add_all(keyed.map(|(m, key)| Envelope::new(m).key(key)))
    };
    assert!(add_all(0).iter().all(Result::is_ok));
    let stem = cluster.node_of("{orders}:meta").port();
    let away = |node: &&Server| node.port() != stem;
    let dead = *cluster.masters().iter().find(|node| away(node)).unwrap();
    let lost: Vec<bool> = (0..PARTITIONS)
        .map(|partition| cluster.node_of(&name(partition)).port() == dead.port())
        .collect();
    assert!(lost.contains(&true));
    dead.kill();
    let answers = add_all(16);
    for (partition, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_err(), lost[partition], "{partition}: {answer:?}");
    }
    thread::scope(|scope| {
        let stuck = lost.iter().position(|lost| *lost).unwrap();
        let (message, key) = (message(0), &keys[stuck]);
        let waiting = scope.spawn({
            let producer = producer.clone();
            move || producer.with(&message).key(key).add()
        });
        let begin = Instant::now();
        for (partition, key) in keys.iter().enumerate() {
            if !lost[partition] {
                producer
                    .with(&super::support::message(99))
                    .key(key)
                    .add()
                    .unwrap();
            }
        }
        // They have waited for nobody: a generous bound, less than the other one's wait.
        let quick = begin.elapsed() < timeout || !waiting.is_finished();
        assert!(quick, "{:?}", begin.elapsed());
        assert!(waiting.join().unwrap().is_err());
    });
}

#[test]
fn callers_who_need_the_only_connections_of_all_nodes_do_not_wait_for_each_other() {
    const ROUNDS: usize = 200;
    let cluster = Cluster::options().nodes(3, 0).start().unwrap();
    let manager = StreamManager::connect_with(config(&cluster).pool_size(1)).unwrap();
    let producer = simple(&manager, DEADLINE);
    let forth = keys();
    let back: Vec<_> = forth.iter().rev().cloned().collect();
    thread::scope(|scope| {
        for keys in [&forth, &back, &forth, &back] {
            let producer = &producer;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let message = message(round);
                    let keyed = keys.iter().map(|key| Envelope::new(&message).key(key));
                    for added in producer.add_all(keyed) {
                        added.unwrap();
                    }
                }
            });
        }
    });
    for partition in 0..PARTITIONS {
        assert_eq!(
            numbers(&cluster, partition).len(),
            4 * ROUNDS,
            "{partition}"
        );
    }
}

#[test]
fn partitions_that_move_keep_the_order_of_their_keys() {
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    let producer = simple(&manager, DEADLINE);
    let keys = keys();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let adding = scope.spawn(|| {
            let mut rounds = 0;
            while !over.load(Ordering::SeqCst) {
                let messages: Vec<_> = (0..5)
                    .flat_map(|n| keys.iter().map(move |key| (message(rounds * 5 + n), key)))
                    .collect();
                let keyed = messages.iter().map(|(m, key)| Envelope::new(m).key(key));
                for added in producer.add_all(keyed) {
                    added.unwrap();
                }
                rounds += 1;
            }
            rounds * 5
        });
        for partition in [3, 7, 3] {
            let stream = name(partition);
            let slot = cluster.slot_of(&stream);
            let before: usize = cluster.node_of(&stream).command(&["XLEN", &stream]);
            let to = other_than(&cluster, cluster.node_of(&stream));
            let moving = cluster.reshard(slot, to);
            moving.move_rest();
            moving.finish();
            wait_until(DEADLINE, "more messages", || {
                let length = to.try_command::<usize>(&["XLEN", &stream]);
                length.is_ok_and(|length| length > before)
            });
        }
        over.store(true, Ordering::SeqCst);
        let all = adding.join().unwrap();
        for partition in 0..PARTITIONS {
            let numbers = numbers(&cluster, partition);
            assert!(numbers.iter().copied().eq(0..all), "{partition}");
        }
    });
}

#[test]
fn a_failover_of_one_node_under_a_spool_loses_and_doubles_nothing() {
    const ROUNDS: usize = 40;
    let cluster = Cluster::start().unwrap();
    let manager = connect(&cluster);
    let dir = TempDir::new().unwrap();
    let config = BackupStreamConfig::new("orders")
        .partitions(16)
        .max_length(100_000)
        .spool_dir(dir.path());
    let producer = manager.create_backup_producer("s", config).unwrap();
    let producer: Producer<RawMessage> = producer.typed();
    let keys = keys();
    let add_round = |round: usize| {
        let message = message(round);
        let keyed = keys.iter().map(|key| Envelope::new(&message).key(key));
        assert!(producer.add_all(keyed).iter().all(Result::is_ok));
    };
    (0..5).for_each(add_round);
    let stem = cluster.node_of("{orders}:meta").port();
    let masters = cluster.masters();
    let old = *masters.iter().find(|node| node.port() != stem).unwrap();
    old.command::<u64>(&["WAIT", "1", "10000"]);
    let slot = (0..PARTITIONS).map(name).find_map(|stream| {
        let here = cluster.node_of(&stream).port() == old.port();
        here.then(|| cluster.slot_of(&stream))
    });
    for partition in (0..PARTITIONS).map(name) {
        let node = cluster.node_of(&partition);
        node.command::<u64>(&["WAIT", "1", "10000"]);
    }
    old.kill();
    (5..ROUNDS).for_each(add_round);
    cluster.wait_for_switch(slot.unwrap(), old);
    wait_until(DEADLINE, "an empty spool", || {
        manager.spool_stats("s").unwrap().unwrap().messages == 0
    });
    for partition in 0..PARTITIONS {
        let numbers = numbers(&cluster, partition);
        assert!(
            numbers.iter().copied().eq(0..ROUNDS),
            "{partition}: {numbers:?}"
        );
    }
}
