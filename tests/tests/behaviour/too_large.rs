//! A message that is larger than the server accepts fails alone: it isn't written, and
//! its neighbours get their own outcomes.

use std::thread;

use stream_lib::{
    Added, BackupStreamConfig, ErrorKind, Producer, RawMessage, Result, StreamConfig, StreamManager,
};
use stream_tests::Server;
use tempfile::TempDir;

use crate::support::numbers;

const KINDS: [&str; 3] = ["simple", "routed", "spooled"];

fn server() -> Server {
    let options = Server::options().config("proto-max-bulk-len", "1mb");
    options.start().unwrap()
}

/// Producers of each kind, each with a stream of its own.
fn producers(manager: &StreamManager, dir: &TempDir, batch: usize) -> Vec<Producer<RawMessage>> {
    let of = |stream: &str| StreamConfig::new(stream).batch_size(batch);
    let backup = |stream: &str| BackupStreamConfig::from(of(stream));
    manager
        .create_simple_producer("simple", of("simple"))
        .unwrap();
    manager
        .create_backup_producer("routed", backup("routed"))
        .unwrap();
    let spooled = backup("spooled").spool_dir(dir.path());
    manager.create_backup_producer("spooled", spooled).unwrap();
    KINDS.map(|kind| manager.producer(kind).unwrap()).into()
}

fn message(n: usize, size: usize) -> RawMessage {
    RawMessage::new()
        .with("n", n.to_string())
        .with("body", "x".repeat(size))
}

const LARGE: usize = 2 << 20;
/// More than lies in the buffers of a connection: writing it fails.
const HUGE: usize = 32 << 20;

#[track_caller]
fn assert_too_large(added: &Result<Added>) {
    let error = added.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert!(error.to_string().contains("proto-max-bulk-len"), "{error}");
    assert!(!error.is_retryable());
}

#[test]
fn it_fails_for_its_size_and_the_next_one_is_added() {
    let (server, dir) = (server(), TempDir::new().unwrap());
    let manager = StreamManager::connect(server.url()).unwrap();
    for (kind, producer) in KINDS.iter().zip(producers(&manager, &dir, 10)) {
        producer.add(&message(0, 10)).unwrap();
        for size in [LARGE, HUGE] {
            assert_too_large(&producer.add(&message(1, size)));
            assert_too_large(&producer.add_with_key(&message(1, size), "k"));
        }
        let added = producer.add_with_key(&message(2, 10), "k").unwrap();
        assert!(matches!(added, Added::Main(_)), "{kind}: {added:?}");
        assert_eq!(numbers(&server, kind), [0, 2], "{kind}");
    }
}

#[test]
fn in_a_batch_it_fails_alone() {
    for batch in [1, 3, 10] {
        for size in [LARGE, HUGE] {
            let (server, dir) = (server(), TempDir::new().unwrap());
            let manager = StreamManager::connect(server.url()).unwrap();
            for (kind, producer) in KINDS.iter().zip(producers(&manager, &dir, batch)) {
                producer.add(&message(0, 10)).unwrap();
                let all: Vec<_> = (1..10)
                    .map(|n| message(n, if n % 4 == 2 { size } else { 10 }))
                    .collect();
                let results = producer.add_all(&all);
                for (n, added) in (1..10).zip(&results) {
                    match n % 4 {
                        2 => assert_too_large(added),
                        _ => assert!(matches!(added, Ok(Added::Main(_))), "{kind} {n}: {added:?}"),
                    }
                }
                assert_eq!(numbers(&server, kind), [0, 1, 3, 4, 5, 7, 8, 9], "{kind}");
            }
        }
    }
}

#[test]
fn among_the_adds_of_others_it_fails_alone() {
    const EACH: usize = 40;
    let (server, dir) = (server(), TempDir::new().unwrap());
    let manager = StreamManager::connect(server.url()).unwrap();
    let producers = producers(&manager, &dir, 10);
    for producer in &producers {
        producer.add(&message(0, 10)).unwrap();
    }
    thread::scope(|scope| {
        for caller in 0..12 {
            let producer = &producers[caller % 2];
            scope.spawn(move || {
                for n in 0..EACH {
                    // Small enough for a pipeline with others.
                    let large = caller < 2 && n % 2 == 1;
                    let added = producer.add(&message(n, if large { (1 << 20) + 1 } else { 10 }));
                    if large {
                        assert_too_large(&added);
                    } else {
                        assert!(matches!(added, Ok(Added::Main(_))), "{added:?}");
                    }
                }
            });
        }
    });
    // Half of what one caller of each added was too large.
    for kind in ["simple", "routed"] {
        assert_eq!(
            numbers(&server, kind).len(),
            1 + 6 * EACH - EACH / 2,
            "{kind}"
        );
    }
}
