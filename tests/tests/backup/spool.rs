//! The spool of a backup producer, during an outage and after it.

use std::path::Path;
use std::time::Duration;

use stream_lib::{Added, BackupStreamConfig, ErrorKind, RawMessage, Receipt, StreamConfig};
use stream_tests::{Fsync, Server, wait_until};
use tempfile::TempDir;

use crate::{DEADLINE, Rig, STREAM, connect, message, numbers, quick};

/// A server that keeps what it has when it is killed, and a spool.
fn rig(dir: &Path) -> Rig {
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    Rig::on(server, spooling(dir))
}

fn spooling(dir: &Path) -> BackupStreamConfig {
    quick(100_000)
        .spool_dir(dir)
        .spool_grace(Duration::from_millis(50))
}

fn in_spool(rig: &Rig) -> u64 {
    rig.manager.spool_stats("p").unwrap().unwrap().messages
}

fn wait_until_replayed(rig: &Rig) {
    wait_until(DEADLINE, "an empty spool", || in_spool(rig) == 0);
}

fn all_spooled(added: &[stream_lib::Result<Added>]) -> bool {
    added
        .iter()
        .all(|added| matches!(added, Ok(Added::Spooled)))
}

#[test]
fn outage_goes_to_the_spool_and_comes_back_in_order() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    assert_eq!(rig.placed(0..5), (5, 0));
    rig.server.kill();
    assert!(all_spooled(&rig.add(5..25)));
    let stats = rig.manager.spool_stats("p").unwrap().unwrap();
    assert_eq!((stats.messages, stats.damages.len()), (20, 0));
    assert!(stats.bytes > 0);
    rig.server.restart();
    wait_until_replayed(&rig);
    // What comes now is behind it.
    assert_eq!(rig.placed(25..30), (5, 0));
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..30));
}

#[test]
fn sends_go_through_the_spool_too() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    let producer = rig.producer();
    let send = |n| producer.send(&message(n)).unwrap();
    let before: Vec<Receipt> = (0..50).map(send).collect();
    for receipt in before {
        assert!(matches!(receipt.wait(), Ok(Added::Main(_))));
    }
    rig.server.kill();
    let during: Vec<Receipt> = (50..150).map(send).collect();
    for receipt in during {
        assert!(matches!(receipt.wait(), Ok(Added::Spooled)));
    }
    rig.server.restart();
    let after: Vec<Receipt> = (150..200).map(send).collect();
    assert!(after.into_iter().all(|receipt| receipt.wait().is_ok()));
    let report = producer.flush(DEADLINE);
    assert_eq!((report.added, report.is_ok()), (200, true));
    wait_until_replayed(&rig);
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..200));
}

#[test]
fn full_spool_says_so_and_keeps_what_it_took() {
    let dir = TempDir::new().unwrap();
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let rig = Rig::on(server, spooling(dir.path()).max_spool_bytes(64 << 10));
    assert_eq!(rig.placed(0..1), (1, 0));
    rig.server.kill();
    let padding = "x".repeat(1_000);
    let mut taken = 1;
    let error = loop {
        let message = message(taken).with("padding", &padding);
        match rig.producer().add(&message) {
            Ok(added) => assert_eq!(added, Added::Spooled),
            Err(error) => break error,
        }
        taken += 1;
        assert!(taken < 70, "64 KiB have no room for so many");
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(taken > 30, "{taken}");
    rig.server.restart();
    wait_until_replayed(&rig);
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..taken));
    // There is room again.
    assert_eq!(rig.placed(taken..=taken), (1, 0));
}

#[test]
fn key_that_waits_twice_in_the_spool_is_added_once() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    let producer = rig.producer();
    let early = producer.add_with_key(&message(0), "early").unwrap();
    assert!(matches!(early, Added::Main(_)));
    rig.server.kill();
    for (n, key) in [(9, "early"), (1, "late"), (9, "late"), (2, "later")] {
        let added = producer.add_with_key(&message(n), key).unwrap();
        assert_eq!(added, Added::Spooled);
    }
    rig.server.restart();
    wait_until_replayed(&rig);
    assert_eq!(numbers(&rig.server, STREAM), [0, 1, 2]);
    // Known to Redis by now, whichever way it went.
    producer.add_with_key(&message(9), "later").unwrap();
    assert_eq!(numbers(&rig.server, STREAM), [0, 1, 2]);
}

#[test]
fn shutdown_tells_what_stays_and_the_next_life_sends_it_first() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    assert_eq!(rig.placed(0..1), (1, 0));
    rig.server.kill();
    assert!(all_spooled(&rig.add(1..4)));
    assert_eq!(rig.manager.shutdown().spooled, 3);

    rig.server.restart();
    let manager = connect(&rig.server);
    manager
        .create_backup_producer("p", spooling(dir.path()))
        .unwrap();
    manager.add_to("p", &message(4)).unwrap();
    wait_until(DEADLINE, "an empty spool", || {
        manager.spool_stats("p").unwrap().unwrap().messages == 0
    });
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..5));
}

#[test]
fn directory_belongs_to_one_producer_until_that_is_removed() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    let second = || {
        rig.manager
            .create_backup_producer("second", spooling(dir.path()))
    };
    let error = second().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    rig.manager.remove_producer("p").unwrap();
    second().unwrap();
}

#[test]
fn only_producers_with_a_spool_have_figures_of_one() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    rig.manager
        .create_simple_producer("simple", StreamConfig::new(STREAM))
        .unwrap();
    rig.manager
        .create_backup_producer("bare", quick(10))
        .unwrap();
    assert_eq!(rig.manager.spool_stats("simple").unwrap(), None);
    assert_eq!(rig.manager.spool_stats("bare").unwrap(), None);
    assert_eq!(in_spool(&rig), 0);
    let error = rig.manager.spool_stats("nobody").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// Its message can be written in a spool as anywhere else.
#[test]
fn fields_come_out_of_the_spool_byte_for_byte() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    assert_eq!(rig.placed(0..1), (1, 0));
    rig.server.kill();
    let odd = RawMessage::new()
        .with(b"\xff\x00", b"\r\n$3\r\n")
        .with("empty", "")
        .with("empty", "x".repeat(100_000));
    assert_eq!(rig.producer().add(&odd).unwrap(), Added::Spooled);
    rig.server.restart();
    wait_until_replayed(&rig);
    let last: Vec<(String, Vec<(Vec<u8>, Vec<u8>)>)> =
        rig.server
            .command(&["XREVRANGE", STREAM, "+", "-", "COUNT", "1"]);
    let expected: Vec<_> = odd
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    assert_eq!(last[0].1, expected);
}
