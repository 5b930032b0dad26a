//! A producer with a spool: a message stays there until the replicas have it.

use std::path::Path;
use std::time::Duration;

use stream_lib::{Added, BackupStreamConfig, Producer, RawMessage, StreamManager};
use stream_tests::{LogCapture, Proxy, wait_until};
use tempfile::TempDir;

use super::{Fleet, SHORT, assert_main, message, wanting};
use crate::support::{DEADLINE, numbers};

fn spooling(stream: &str, dir: &Path) -> BackupStreamConfig {
    BackupStreamConfig::from(wanting(stream, 1, 5 * SHORT))
        .spool_dir(dir)
        .spool_grace(Duration::from_millis(10))
}

fn open(manager: &StreamManager, stream: &str, dir: &Path) -> Producer<RawMessage> {
    let config = spooling(stream, dir);
    let made = manager.create_backup_producer("p", config);
    made.unwrap().typed()
}

fn in_spool(manager: &StreamManager) -> u64 {
    manager.spool_stats("p").unwrap().unwrap().messages
}

fn assert_spooled(added: stream_lib::Result<Added>) {
    assert_eq!(added.unwrap(), Added::Spooled);
}

#[test]
fn it_forgets_a_message_only_when_the_replica_has_it() {
    let log = LogCapture::start();
    let fleet = Fleet::of(1);
    let dir = TempDir::new().unwrap();
    let manager = fleet.connect();
    let producer = open(&manager, "kept", dir.path());
    wait_until(DEADLINE, "the replica", || {
        matches!(producer.add(&message(0)), Ok(Added::Main(_)))
    });
    let before = numbers(&fleet.master, "kept").len();
    fleet.freeze();
    assert_spooled(producer.add(&message(before)));
    for added in producer.add_all(&[message(before + 1), message(before + 2)]) {
        assert_spooled(added);
    }
    assert_spooled(producer.send(&message(before + 3)).unwrap().wait());
    // It is sent again and again, and written once; one line tells of it.
    let repeats = || {
        let waits = fleet.master.calls("wait");
        wait_until(DEADLINE, "repeats", || {
            fleet.master.calls("wait") > waits + 2
        });
    };
    let told = || log.matching(|line| line.text.contains("`kept` is held up"));
    repeats();
    let lines = told();
    let last = lines.last().unwrap();
    assert!(last.text.contains("0 of 1 replicas"), "{lines:?}");
    repeats();
    assert_eq!(told().len(), lines.len());
    assert_eq!(in_spool(&manager), 4);
    assert_eq!(fleet.length("kept"), before as u64 + 4);
    // Another life of the process knows nothing of it.
    drop(producer);
    assert_eq!(manager.shutdown().spooled, 4);
    let manager = fleet.connect();
    let producer = open(&manager, "kept", dir.path());
    repeats();
    assert_eq!(in_spool(&manager), 4);
    fleet.thaw();
    wait_until(DEADLINE, "an empty spool", || in_spool(&manager) == 0);
    wait_until(DEADLINE, "the way past the spool", || {
        matches!(producer.add(&message(usize::MAX)), Ok(Added::Main(_)))
    });
    let mut numbers = numbers(&fleet.master, "kept");
    numbers.retain(|n| *n != usize::MAX && *n != 0);
    assert_eq!(numbers, (before..before + 4).collect::<Vec<_>>());
}

#[test]
fn a_failover_to_a_server_without_them_brings_them_there() {
    let (old, new) = (Fleet::of(1), Fleet::of(1));
    let proxy = Proxy::in_front_of(&old.master);
    let dir = TempDir::new().unwrap();
    let manager = StreamManager::connect(old.master.url_at(proxy.port())).unwrap();
    let producer = open(&manager, "orders", dir.path());
    old.freeze();
    for n in 0..20 {
        assert_spooled(producer.add(&message(n)));
    }
    wait_until(DEADLINE, "the old master", || old.length("orders") == 20);
    // The replica that is promoted has none of them.
    old.master.kill();
    proxy.redirect(new.master.address());
    wait_until(DEADLINE, "an empty spool", || in_spool(&manager) == 0);
    assert_main(producer.add(&message(20)));
    assert_eq!(numbers(&new.master, "orders"), (0..=20).collect::<Vec<_>>());
    assert_eq!(numbers(&new.replicas[0], "orders").len(), 21);
}
