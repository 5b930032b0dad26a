//! Limits of size and of time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use log::Level;
use parking_lot::Mutex;
use stream_lib::{
    Added, BackupStreamConfig, ConnectionConfig, ConsumerConfig, Producer, RawMessage,
    StreamConfig, StreamManager,
};
use stream_tests::{LogCapture, Proxy, Server, poll, wait_until};
use tempfile::TempDir;

use super::all_day;
use crate::DEADLINE;

/// A request, and what a client may have under way: 1 MiB, the least that Redis can
/// be set to.
fn narrow() -> Server {
    let options = Server::options()
        .config("proto-max-bulk-len", "1mb")
        .config("client-query-buffer-limit", "1mb");
    options.start().unwrap()
}

fn message(n: usize, size: usize) -> RawMessage {
    RawMessage::new()
        .with("n", n.to_string())
        .with("body", "x".repeat(size))
}

/// A producer of each kind, on streams of these names.
fn producers(
    manager: &StreamManager,
    dir: &TempDir,
    [simple, routed, spooled]: [&'static str; 3],
) -> [(&'static str, Producer<RawMessage>); 3] {
    let of = |stream: &str| StreamConfig::new(stream).batch_size(200);
    manager.create_simple_producer(simple, of(simple)).unwrap();
    let config = BackupStreamConfig::from(of(routed)).capacity(100);
    manager.create_backup_producer(routed, config).unwrap();
    let config = BackupStreamConfig::from(of(spooled)).spool_dir(dir.path());
    manager.create_backup_producer(spooled, config).unwrap();
    [simple, routed, spooled].map(|name| (name, manager.producer(name).unwrap()))
}

#[test]
fn a_day_is_the_same_where_requests_are_narrow() {
    let server = narrow();
    let manager = StreamManager::connect(server.url()).unwrap();
    assert_eq!(all_day::work(&manager, "narrow"), [""; 0]);
}

/// Many messages, each far below the limit, are far above it together.
#[test]
fn many_messages_at_once_keep_below_the_limit() {
    for size in [20_000, 300_000] {
        let (server, dir) = (narrow(), TempDir::new().unwrap());
        let manager = StreamManager::connect(server.url()).unwrap();
        let names = ["many", "many-routed", "many-spooled"];
        for (name, producer) in producers(&manager, &dir, names) {
            let all: Vec<_> = (0..200).map(|n| message(n, size)).collect();
            for (n, added) in producer.add_all(&all).iter().enumerate() {
                assert!(
                    matches!(added, Ok(Added::Main(_) | Added::Backup(_))),
                    "{name} {n} of {size}: {added:?}"
                );
            }
            let receipts: Vec<_> = all.iter().map(|m| producer.send(m).unwrap()).collect();
            let flushed = producer.flush(DEADLINE);
            assert!(flushed.is_ok(), "{name} of {size}: {flushed:?}");
            drop(receipts);
        }
    }
}

/// What a spool has gathered while Redis was away goes there in requests that the
/// server takes, and the backup stream is drained.
#[test]
fn spools_and_backups_are_emptied_in_pieces_that_fit() {
    let (server, dir) = (narrow(), TempDir::new().unwrap());
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let names = ["pieces", "pieces-routed", "pieces-spooled"];
    let [_, (_, routed), (_, spooled)] = producers(&manager, &dir, names);
    proxy.refuse();
    proxy.cut();
    for n in 0..60 {
        let added = spooled.add(&message(n, 100_000)).unwrap();
        assert!(
            matches!(added, Added::Spooled | Added::Main(_)),
            "{added:?}"
        );
    }
    proxy.pass();
    wait_until(DEADLINE, "the spool to be empty", || {
        server.command::<usize>(&["XLEN", "pieces-spooled"]) == 60
    });

    let all: Vec<_> = (0..150).map(|n| message(n, 100_000)).collect();
    assert!(routed.add_all(&all).iter().all(Result::is_ok));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&seen);
    let _consumer = manager
        .consume_fn::<RawMessage>("c", ConsumerConfig::new("pieces-routed"), move |delivery| {
            noted.lock().insert(delivery.id());
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be handled", || seen.lock().len() == 150);
}

/// A service closes connections that are idle; that is no outage.
#[test]
fn connections_that_are_idle_may_be_closed() {
    let server = Server::options().config("timeout", "1").start().unwrap();
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_with(config).unwrap();
    let log = LogCapture::start();
    let dir = TempDir::new().unwrap();
    let names = ["rested", "rested-routed", "rested-spooled"];
    let producers = producers(&manager, &dir, names);
    let seen = Arc::new(Mutex::new(0));
    let mut consumers = Vec::new();
    for (kind, _) in &producers {
        let noted = Arc::clone(&seen);
        let consumer = manager.consume_fn::<RawMessage>(kind, ConsumerConfig::new(*kind), {
            move |_| {
                *noted.lock() += 1;
                Ok(())
            }
        });
        consumers.push(consumer.unwrap());
    }
    for round in 0..4 {
        for (kind, producer) in &producers {
            let added = producer.add(&message(round, 10));
            assert!(matches!(added, Ok(Added::Main(_))), "{kind}: {added:?}");
            let added = producer.add_with_key(&message(round, 10), &round.to_string());
            assert!(matches!(added, Ok(Added::Main(_))), "{kind}: {added:?}");
            let _receipt = producer.send(&message(round, 10)).unwrap();
            assert!(producer.flush(DEADLINE).is_ok());
        }
        wait_until(DEADLINE, "all to be handled", || {
            *seen.lock() == (round + 1) * 9
        });
        assert_eq!(manager.stats().unwrap().len(), 3);
        // Nothing is awaited here: what counts is that time passes.
        poll(Duration::from_millis(2_500), || None::<()>);
    }
    assert!(
        consumers
            .iter()
            .all(|consumer| consumer.held_up().is_none())
    );
    let told = log.matching(|line| line.level <= Level::Warn && line.text.contains("`rested"));
    assert_eq!(told, []);
    assert_eq!(manager.shutdown().still_running, 0);
}
