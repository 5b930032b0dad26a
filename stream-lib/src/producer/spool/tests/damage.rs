//! Damaged files, and disks that refuse.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::super::fail::faults::{Plan, set_plan};
use super::super::frame;
use super::redis::Redis;
use super::{ErrorKind, Spool, append, in_new_directory, kind, open, texts};

fn database(directory: &TempDir) -> PathBuf {
    directory.path().join("spool/spool.redb")
}

/// A spool with twenty messages on disk, closed.
fn twenty() -> (TempDir, Vec<String>) {
    let (directory, spool) = in_new_directory();
    let all: Vec<String> = (0..20).map(|n| format!("message-{n:02}")).collect();
    for text in &all {
        append(&spool, &[text]).unwrap();
    }
    (directory, all)
}

fn set_aside(directory: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.path().join("spool")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().contains("damaged"))
        .collect()
}

/// Opens a spool whose file was damaged: kept messages must be in order, without
/// inventions, and the rest must work.
fn open_damaged(directory: &TempDir, all: &[String]) -> (Spool, Vec<String>) {
    let spool = open(&directory.path().join("spool"));
    let kept = texts(&spool);
    let mut rest = all.iter();
    for text in &kept {
        assert!(rest.any(|known| known == text), "{text} in {kept:?}");
    }
    append(&spool, &["after"]).unwrap();
    assert_eq!(texts(&spool).last().unwrap(), "after");
    (spool, kept)
}

#[test]
fn changed_byte_costs_the_message_it_is_in_and_no_other() {
    let (directory, all) = twenty();
    let whole = fs::read(database(&directory)).unwrap();
    let mut found = 0;
    // Every frame once, and places in between.
    let frames = marks(&whole).map(|at| at + frame::HEADER + 3);
    for at in frames.chain((0..whole.len()).step_by(997)) {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        fs::write(database(&directory), &changed).unwrap();
        let before = set_aside(&directory).len();
        let (spool, kept) = open_damaged(&directory, &all);
        let damages = spool.damages();
        assert_eq!(set_aside(&directory).len() - before, damages.len());
        if damages.is_empty() {
            assert_eq!(kept, all, "byte {at}");
        } else {
            found += 1;
            assert!(kept.len() + 1 >= all.len(), "byte {at}: {kept:?}");
            assert_eq!(damages[0].kept, kept.len() as u64);
            assert_eq!(fs::read(&damages[0].file).unwrap()[at], changed[at]);
        }
    }
    assert!(found >= 20, "only {found} damages were noticed");
}

fn marks(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let windows = bytes.windows(frame::MARK.len()).enumerate();
    windows.filter(|(_, w)| *w == frame::MARK).map(|(at, _)| at)
}

#[test]
fn cut_file_gives_what_is_left_of_it() {
    let (directory, all) = twenty();
    let whole = fs::read(database(&directory)).unwrap();
    for length in (0..whole.len()).step_by(4_001) {
        fs::write(database(&directory), &whole[..length]).unwrap();
        let (spool, _) = open_damaged(&directory, &all);
        assert_eq!(spool.damages().len(), 1, "{length} bytes");
    }
}

#[test]
fn file_of_another_kind_is_set_aside_untouched() {
    let (directory, all) = twenty();
    let poem = "not a database ".repeat(5_000);
    fs::write(database(&directory), &poem).unwrap();
    let (spool, kept) = open_damaged(&directory, &all);
    assert!(kept.is_empty());
    let damage = &spool.damages()[0];
    assert_eq!(fs::read_to_string(&damage.file).unwrap(), poem);
}

#[test]
fn damaged_spool_has_a_new_name_and_its_messages_the_old() {
    let (directory, spool) = in_new_directory();
    let redis = Redis::in_file(&directory.path().join("redis"));
    append(&spool, &["a", "b", "c"]).unwrap();
    let old = spool.id();
    // Redis took two of them, but the answer was lost.
    redis.send(&spool.peek_oldest(2, u64::MAX).unwrap());
    drop(spool);
    cut(&database(&directory), 200);
    let spool = open(&directory.path().join("spool"));
    assert_eq!(spool.damages().len(), 1);
    assert_ne!(spool.id(), old);
    append(&spool, &["d"]).unwrap();
    let records = spool.peek_oldest(9, u64::MAX).unwrap();
    assert!(records.iter().take(3).all(|record| record.spool == old));
    redis.replay(&spool, 9);
    assert_eq!(redis.entries(), ["a", "b", "c", "d"]);
}

/// Cuts bytes off the end: enough for redb to refuse the file.
fn cut(path: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length - bytes).unwrap();
}

#[test]
fn what_was_sent_does_not_come_back_with_the_damage() {
    let (directory, spool) = in_new_directory();
    append(&spool, &["a", "b", "c"]).unwrap();
    let two = spool.peek_oldest(2, u64::MAX).unwrap();
    spool.remove_up_to(two[1].sequence).unwrap();
    append(&spool, &["d"]).unwrap();
    drop(spool);
    cut(&database(&directory), 200);
    let spool = open(&directory.path().join("spool"));
    assert_eq!(texts(&spool), ["c", "d"]);
    assert_eq!(spool.damages()[0].kept, 2);
}

#[test]
fn damage_under_a_running_spool_is_noticed_when_the_record_is_read() {
    let (directory, spool) = in_new_directory();
    let big = "x".repeat(50_000);
    append(&spool, &["a", &big, "c"]).unwrap();
    let id = spool.id();
    let path = database(&directory);
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(100).position(|w| w == [b'x'; 100]).unwrap();
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(at as u64 + 50)).unwrap();
    file.write_all(b"y").unwrap();
    assert_eq!(texts_after(&spool), ["a", "c"]);
    let damages = spool.damages();
    assert_eq!((damages[0].kept, damages[0].unreadable), (2, 1));
    // Its numbers are known, so its name is good.
    assert_eq!(spool.id(), id);
    append(&spool, &["d"]).unwrap();
    assert_eq!(texts(&spool), ["a", "c", "d"]);
}

/// All messages of the spool, after it has noticed its losses.
fn texts_after(spool: &Spool) -> Vec<String> {
    spool.peek_oldest(1_000, u64::MAX).unwrap();
    texts(spool)
}

#[test]
fn disk_that_refuses_keeps_nothing_and_the_spool_goes_on() {
    let count = Arc::new(Plan::default());
    set_plan(Some(Arc::clone(&count)));
    let (_directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    let before = count.steps();
    append(&spool, &["b"]).unwrap();
    let steps = count.steps() - before;
    set_plan(None);
    drop(spool);
    let mut errors = 0;
    for step in 1..=steps {
        let plan = Arc::new(Plan::default());
        set_plan(Some(Arc::clone(&plan)));
        let (_directory, spool) = in_new_directory();
        append(&spool, &["a"]).unwrap();
        plan.refusals.store(1, Ordering::SeqCst);
        plan.refuse_from
            .store(plan.steps() + step, Ordering::SeqCst);
        match append(&spool, &["b"]) {
            Err(e) => {
                errors += 1;
                assert_eq!(e.kind(), ErrorKind::System, "step {step}: {e:?}");
                assert_eq!(texts(&spool), ["a"], "step {step}");
            }
            Ok(()) => assert_eq!(texts(&spool), ["a", "b"], "step {step}"),
        }
        plan.refusals.store(0, Ordering::SeqCst);
        append(&spool, &["c"]).unwrap();
        assert_eq!(texts(&spool).last().unwrap(), "c");
        assert!(spool.damages().is_empty(), "step {step}");
        set_plan(None);
    }
    assert!(errors >= 3, "{errors} of {steps} steps failed");
}

#[test]
fn disk_that_stays_away_leaves_the_outcome_open_and_is_tried_again() {
    let plan = Arc::new(Plan::default());
    set_plan(Some(Arc::clone(&plan)));
    let (_directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    plan.refusals.store(u64::MAX, Ordering::SeqCst);
    plan.refuse_from.store(1, Ordering::SeqCst);
    assert_eq!(kind(append(&spool, &["b"])), ErrorKind::OutcomeUnknown);
    assert_eq!(kind(append(&spool, &["c"])), ErrorKind::System);
    plan.refusals.store(0, Ordering::SeqCst);
    append(&spool, &["d"]).unwrap();
    assert_eq!(texts(&spool), ["a", "d"]);
    set_plan(None);
}
