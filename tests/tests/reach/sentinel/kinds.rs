//! Producers of every kind during a failover.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use stream_lib::{
    Added, BackupStreamConfig, ErrorKind, Producer, RawMessage, Receipt, StreamConfig,
    StreamManager,
};
use stream_tests::{Sentinels, Server, wait_until};
use tempfile::TempDir;

use super::support::{config, connect, fail_over};
use crate::DEADLINE;

const KINDS: [&str; 6] = ["single", "batches", "sent", "keyed", "routed", "spooled"];

/// As often may a connection be lost while a server dies.
const TRIES: usize = 3;

/// Messages that go out together.
const BATCH: usize = 50;

/// What became of one producer's messages.
#[derive(Default)]
struct Fates {
    added: Mutex<Vec<Instant>>,
    failed: Mutex<Vec<stream_lib::Error>>,
}

impl Fates {
    fn note(&self, all: impl IntoIterator<Item = stream_lib::Result<Added>>) {
        for added in all {
            match added {
                Ok(_) => self.added.lock().push(Instant::now()),
                Err(e) => self.failed.lock().push(e),
            }
        }
    }

    fn after(&self, from: Instant) -> Option<Instant> {
        let added = self.added.lock();
        added.iter().find(|at| **at > from).copied()
    }
}

/// A producer of each kind, which all add numbers, each its own, in order.
fn producers(manager: &StreamManager, dir: &TempDir) -> Vec<Producer<RawMessage>> {
    let made = KINDS.map(|kind| {
        let plain = StreamConfig::new(kind).send_timeout(DEADLINE);
        match kind {
            "routed" => {
                let config = BackupStreamConfig::from(plain).max_length(10_000_000);
                manager.create_backup_producer(kind, config)
            }
            "spooled" => {
                let config = BackupStreamConfig::from(plain)
                    .max_length(10_000_000)
                    .spool_dir(dir.path());
                manager.create_backup_producer(kind, config)
            }
            _ => manager.create_simple_producer(kind, plain),
        }
        .unwrap();
        manager.producer(kind).unwrap()
    });
    made.into()
}

fn message(n: usize) -> RawMessage {
    RawMessage::new().with("n", n.to_string())
}

fn work(producer: &Producer<RawMessage>, fates: &Fates, over: &AtomicBool) {
    let mut next = 0;
    let mut some = || {
        next += BATCH;
        (next - BATCH..next).map(message)
    };
    while !over.load(Ordering::SeqCst) {
        match producer.stream() {
            "batches" => fates.note(producer.add_all(&some().collect::<Vec<_>>())),
            "sent" => {
                let sent: Vec<_> = some().map(|m| producer.send(&m).unwrap()).collect();
                fates.note(sent.into_iter().map(Receipt::wait));
            }
            "keyed" => some().for_each(|m| {
                let key = m
                    .iter()
                    .next()
                    .map(|(_, n)| String::from_utf8_lossy(n).into_owned());
                fates.note([producer.add_with_key(&m, &key.unwrap())]);
            }),
            _ => some().for_each(|m| fates.note([producer.add(&m)])),
        }
    }
}

/// The numbers in a stream of the master, each greater than the one before.
#[track_caller]
fn in_order(master: &Server, stream: &str) -> Vec<usize> {
    type Entry = (String, Vec<String>);
    let entries: Vec<Entry> = master.command(&["XRANGE", stream, "-", "+"]);
    let number = |(_, fields): &Entry| {
        let place = fields.iter().position(|name| name == "n")? + 1;
        fields.get(place)?.parse().ok()
    };
    let numbers: Vec<usize> = entries.iter().filter_map(number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{stream}");
    numbers
}

/// Has all producers work while `change` changes the master, and returns the errors
/// of each kind.
#[track_caller]
fn while_all_add(change: impl FnOnce(&Sentinels) -> Instant) -> Vec<Vec<stream_lib::Error>> {
    let sentinels = Sentinels::start().unwrap();
    let dir = TempDir::new().unwrap();
    let (manager, moves) = connect(config(&sentinels));
    let producers = producers(&manager, &dir);
    let fates: Vec<Fates> = KINDS.iter().map(|_| Fates::default()).collect();
    let over = AtomicBool::new(false);
    let begin = Instant::now();
    thread::scope(|scope| {
        for (producer, fates) in producers.iter().zip(&fates) {
            scope.spawn(|| work(producer, fates, &over));
        }
        let wait = |from: Instant| {
            for (kind, fates) in KINDS.iter().zip(&fates) {
                wait_until(DEADLINE, kind, || fates.after(from).is_some());
            }
        };
        wait(begin);
        let named = change(&sentinels);
        wait_until(DEADLINE, "the failover", || !moves.lock().is_empty());
        wait(Instant::now());
        for (kind, fates) in KINDS.iter().zip(&fates) {
            let after = fates.after(named).map(|at| at - named);
            eprintln!("{kind}: added {after:?} after a sentinel had named the new master");
        }
        over.store(true, Ordering::SeqCst);
    });
    manager.shutdown();
    let master = sentinels.master();
    for kind in KINDS {
        assert!(!in_order(master, kind).is_empty());
    }
    fates
        .into_iter()
        .map(|fates| fates.failed.into_inner())
        .collect()
}

#[track_caller]
fn only_what_was_under_way(failed: &[Vec<stream_lib::Error>]) {
    let kinds = KINDS.iter().zip(failed);
    for (kind, failed) in kinds {
        let known = failed
            .iter()
            .find(|e| e.kind() != ErrorKind::OutcomeUnknown);
        assert!(known.is_none(), "{kind}: {known:?}");
        // A server that is killed closes one connection after the other: the next try
        // may be under way on another one that it has not closed yet.
        let most = match *kind {
            "single" | "routed" => TRIES,
            "batches" | "sent" => TRIES * BATCH,
            _ => 0,
        };
        assert!(failed.len() <= most, "{kind}: {} of {most}", failed.len());
    }
}

#[test]
fn a_planned_failover_fails_no_add_of_any_kind() {
    let failed = while_all_add(|sentinels| {
        let old = sentinels.master();
        let named = fail_over(sentinels);
        sentinels.wait_for_switch(old);
        named
    });
    for (kind, failed) in KINDS.iter().zip(failed) {
        assert!(failed.is_empty(), "{kind}: {failed:?}");
    }
}

#[test]
fn a_kill_fails_what_was_under_way_alone() {
    let failed = while_all_add(|sentinels| {
        let old = sentinels.master();
        let watch = sentinels.watch(old);
        old.kill();
        watch.wait(DEADLINE)
    });
    only_what_was_under_way(&failed);
}

#[test]
fn a_master_that_freezes_and_comes_back_fails_what_was_under_way_alone() {
    let failed = while_all_add(|sentinels| {
        let old = sentinels.master();
        let watch = sentinels.watch(old);
        old.freeze();
        let named = watch.wait(DEADLINE);
        sentinels.wait_for_switch(old);
        old.thaw();
        named
    });
    only_what_was_under_way(&failed);
}
