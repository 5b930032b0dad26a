//! A spool for all partitions.

use std::fs;
use std::path::Path;
use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, ConnectionConfig, Producer, RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{Fsync, Server, wait_until};
use tempfile::TempDir;

use super::{KEYS, add, in_partition, keyed, lengths, message};
use crate::support::{DEADLINE, Shop, ask};

/// A server that keeps what it has when it is killed.
#[track_caller]
fn server() -> Server {
    Server::options().appendonly(Fsync::Always).start().unwrap()
}

#[track_caller]
fn spooling(manager: &StreamManager, dir: &Path) -> Producer<RawMessage> {
    let config = BackupStreamConfig::new("orders")
        .partitions(16)
        .max_length(100_000)
        .spool_dir(dir)
        .spool_grace(Duration::from_millis(50));
    let made = manager.create_backup_producer("s", config).unwrap();
    made.typed()
}

fn in_spool(manager: &StreamManager) -> u64 {
    manager.spool_stats("s").unwrap().unwrap().messages
}

#[track_caller]
fn assert_each_key_has(server: &Server, all: usize) {
    for (key, partition) in KEYS {
        let numbers = in_partition(server, partition);
        assert!(numbers.iter().copied().eq(0..all), "{key}: {numbers:?}");
    }
    let sum: usize = lengths(server, 16).iter().sum();
    assert_eq!(sum, all * KEYS.len());
}

#[test]
fn messages_of_an_outage_get_their_partitions_when_it_is_over() {
    let dir = TempDir::new().unwrap();
    let shop = Shop::with(server());
    let producer = spooling(&shop.manager, dir.path());
    let add_round = |number: usize| {
        let message = message(number);
        let added = producer.add_all(KEYS.map(|(key, _)| keyed(&message, key)));
        added.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    for number in 0..5 {
        let added = add_round(number);
        assert!(
            added.iter().all(|a| matches!(a, Added::Main(_))),
            "{added:?}"
        );
    }
    shop.server.kill();
    for number in 5..40 {
        let added = add_round(number);
        assert!(added.iter().all(|a| *a == Added::Spooled), "{added:?}");
    }
    shop.server.restart();
    for number in 40..45 {
        add_round(number);
    }
    wait_until(DEADLINE, "an empty spool", || in_spool(&shop.manager) == 0);
    for number in 45..50 {
        add_round(number);
    }
    assert_each_key_has(&shop.server, 50);
    // Each partition keeps a mark, and the whole none.
    for (_, partition) in KEYS {
        let marks: usize = shop.ask(&format!("HLEN {{orders:{partition}}}:spools"));
        assert_eq!(marks, 1, "{partition}");
    }
    assert!(!shop.ask::<bool>("EXISTS {orders}:spools"));
}

#[test]
fn a_spool_that_was_filled_before_anything_was_known_is_emptied_by_another_life() {
    let dir = TempDir::new().unwrap();
    let server = server();
    let connect = || {
        let config = ConnectionConfig::new(server.url()).unwrap();
        StreamManager::connect_lazy(config).unwrap()
    };
    server.kill();
    {
        let manager = connect();
        let producer = spooling(&manager, dir.path());
        for number in 0..10 {
            for (key, _) in KEYS {
                assert_eq!(add(&producer, number, key).unwrap(), Added::Spooled);
            }
        }
        // One without a key, too.
        assert_eq!(producer.add(&message(7)).unwrap(), Added::Spooled);
        assert_eq!(manager.shutdown().spooled, 10 * KEYS.len() as u64 + 1);
    }
    server.restart();
    let manager = connect();
    spooling(&manager, dir.path());
    wait_until(DEADLINE, "an empty spool", || in_spool(&manager) == 0);
    let all: usize = lengths(&server, 16).iter().sum();
    assert_eq!(all, 10 * KEYS.len() + 1);
    for (key, partition) in KEYS {
        let mut numbers = in_partition(&server, partition);
        if numbers.len() == 11 {
            let stray = numbers.iter().rposition(|n| *n == 7).unwrap();
            numbers.remove(stray);
        }
        assert!(numbers.iter().copied().eq(0..10), "{key}: {numbers:?}");
    }
}

#[test]
fn messages_that_are_there_already_are_not_added_again() {
    let dir = TempDir::new().unwrap();
    let shop = Shop::with(server());
    let producer = spooling(&shop.manager, dir.path());
    add(&producer, 0, "A-1").unwrap();
    // The answers are lost, and the entries aren't.
    shop.server.kill();
    for number in 1..20 {
        for (key, _) in KEYS {
            add(&producer, number, key).unwrap();
        }
    }
    shop.server.restart();
    // Again and again in the midst of the replay.
    let mut dropped = 0;
    wait_until(DEADLINE, "an empty spool", || {
        if dropped < 20 && ask::<usize>(&shop.server, "CLIENT KILL TYPE normal SKIPME yes") > 0 {
            dropped += 1;
        }
        in_spool(&shop.manager) == 0
    });
    for (key, partition) in KEYS {
        let numbers = in_partition(&shop.server, partition);
        let first = usize::from(key != "A-1");
        assert!(numbers.iter().copied().eq(first..20), "{key}: {numbers:?}");
    }
}

#[test]
fn entries_that_overflow_into_a_backup_stream_are_looked_for_at_once() {
    let dir = TempDir::new().unwrap();
    let shop = Shop::open();
    let config = BackupStreamConfig::new("orders")
        .partitions(16)
        .max_length(5)
        // With 16 of them, an empty backup stream is looked at every two minutes.
        .slow_timeout(Duration::from_mins(1))
        .spool_dir(dir.path());
    let made = shop.manager.create_backup_producer("s", config).unwrap();
    let producer: Producer<RawMessage> = made.typed();
    add(&producer, 0, "customer-1").unwrap();
    wait_until(DEADLINE, "a look at all backup streams", || {
        (0..16).all(|n| shop.ask::<bool>(&format!("HEXISTS {{orders:{n}}}:meta backup:name")))
    });
    for number in 0..10 {
        add(&producer, number, "customer-2").unwrap();
    }
    assert_eq!(shop.ask::<usize>("XLEN {orders:7}:backup"), 5);
    assert_eq!(shop.ask::<usize>("XTRIM {orders:7} MAXLEN 0"), 5);
    wait_until(DEADLINE, "the others to come back", || {
        in_partition(&shop.server, 7) == [5, 6, 7, 8, 9]
    });
}

#[test]
fn messages_of_many_keys_share_requests() {
    let dir = TempDir::new().unwrap();
    let shop = Shop::open();
    let stream = StreamConfig::new("orders").batch_size(100).partitions(16);
    let config = BackupStreamConfig::from(stream)
        .max_length(100_000)
        // An empty backup stream is looked at every two minutes.
        .slow_timeout(Duration::from_mins(1))
        .spool_dir(dir.path());
    let made = shop.manager.create_backup_producer("s", config).unwrap();
    let producer: Producer<RawMessage> = made.typed();
    let message = message(1);
    let add = |rounds: usize| {
        let keys = (0..rounds).flat_map(|_| KEYS.map(|(key, _)| key));
        let added = producer.add_all(keys.map(|key| keyed(&message, key)));
        for added in added {
            assert!(matches!(added.unwrap(), Added::Main(_)));
        }
    };
    let scripts = || -> usize {
        let stats: String = shop.ask("INFO commandstats");
        let line = stats.lines().find(|line| line.contains("_evalsha:"));
        let calls = line.and_then(|line| line.split_once("calls=")?.1.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    };
    add(1);
    wait_until(DEADLINE, "a look at all backup streams", || {
        (0..16).all(|n| shop.ask::<bool>(&format!("HEXISTS {{orders:{n}}}:meta backup:name")))
    });
    let before = scripts();
    // More than all else that goes on in a moment.
    add(50);
    let sent = scripts() - before;
    assert!(
        sent < 150,
        "{sent} scripts for 300 messages of 6 partitions"
    );
    for (_, partition) in KEYS {
        assert_eq!(in_partition(&shop.server, partition).len(), 51);
    }
}

#[test]
fn a_copy_of_a_spool_is_found_out_in_each_partition() {
    let (dir, copied) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = server();
    let connect = || {
        let config = ConnectionConfig::new(server.url()).unwrap();
        StreamManager::connect_lazy(config).unwrap()
    };
    let [first, second] = ["A-1", "customer-1"];
    // Something stays in the spool, else its marks would go with its end.
    let end = |manager: StreamManager, producer: &Producer<RawMessage>, number: usize| {
        server.kill();
        assert_eq!(add(producer, number, first).unwrap(), Added::Spooled);
        manager.shutdown();
    };
    let manager = connect();
    let producer = spooling(&manager, dir.path());
    for key in [first, second] {
        assert!(matches!(add(&producer, 0, key).unwrap(), Added::Main(_)));
    }
    end(manager, &producer, 1);
    for file in fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copied.path().join(file.file_name())).unwrap();
    }
    server.restart();
    // The original gives out numbers that the second partition gets to know.
    let manager = connect();
    let producer = spooling(&manager, dir.path());
    wait_until(DEADLINE, "an empty spool", || in_spool(&manager) == 0);
    for number in 1..6 {
        add(&producer, number, second).unwrap();
    }
    end(manager, &producer, 2);
    // The copy gives out the same ones.
    let manager = connect();
    let producer = spooling(&manager, copied.path());
    for key in [first, second] {
        assert_eq!(add(&producer, 100, key).unwrap(), Added::Spooled);
    }
    server.restart();
    wait_until(DEADLINE, "an empty spool", || in_spool(&manager) == 0);
    assert_eq!(in_partition(&server, 13), [0, 1, 2, 3, 4, 5, 100]);
    let of_first = in_partition(&server, 0);
    assert_eq!(of_first, [0, 1, 100], "each once");
    manager.shutdown();
}
