//! Many threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::Sequence;
use super::super::fail::faults::{Plan, set_plan};
use super::redis::Redis;
use super::{ErrorKind, OPTIONS, Spool, append, in_new_directory, kind, texts};

#[test]
fn threads_share_commits_and_each_keeps_its_order() {
    let plan = Arc::new(Plan::default());
    set_plan(Some(Arc::clone(&plan)));
    let (_directory, spool) = in_new_directory();
    let before = plan.steps();
    append(&spool, &["alone"]).unwrap();
    let steps_of_one = plan.steps() - before;
    let (threads, each) = (8, 25);
    let before = plan.steps();
    thread::scope(|scope| {
        for t in 0..threads {
            let spool = &spool;
            scope.spawn(move || {
                for n in 0..each {
                    append(spool, &[&format!("{t}:{n}")]).unwrap();
                }
            });
        }
    });
    set_plan(None);
    let all = texts(&spool);
    assert_eq!(all.len(), threads * each + 1);
    for t in 0..threads {
        let prefix = format!("{t}:");
        let own: Vec<_> = all.iter().filter(|m| m.starts_with(&prefix)).collect();
        let expected: Vec<_> = (0..each).map(|n| format!("{t}:{n}")).collect();
        assert!(own.into_iter().eq(&expected));
    }
    let steps = plan.steps() - before;
    let alone = steps_of_one * (threads * each) as u64;
    assert!(
        steps < alone / 2,
        "{steps} steps, {alone} if each were alone"
    );
}

#[test]
fn direct_sends_appends_and_replay_keep_the_order_of_each_thread() {
    let (directory, spool) = in_new_directory();
    let redis = Redis::in_file(&directory.path().join("redis"));
    let (threads, each) = (4, 40);
    let done = AtomicBool::new(false);
    let calls = AtomicU64::new(0);
    thread::scope(|scope| {
        let producers: Vec<_> = (0..threads)
            .map(|t| {
                let (spool, redis, calls) = (&spool, &redis, &calls);
                scope.spawn(move || {
                    for n in 0..each {
                        add(spool, redis, &format!("{t}:{n:02}"), calls);
                    }
                })
            })
            .collect();
        let replayer = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) || !spool.is_empty() {
                redis.replay(&spool, 3);
                thread::yield_now();
            }
        });
        let ended: Vec<_> = producers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::SeqCst);
        replayer.join().unwrap();
        assert!(ended.iter().all(Result::is_ok));
    });
    let all = redis.entries();
    assert_eq!(all.len(), threads * each);
    for t in 0..threads {
        let prefix = format!("{t}:");
        let own: Vec<_> = all.iter().filter(|m| m.starts_with(&prefix)).collect();
        assert!(own.is_sorted_by(|a, b| a < b), "{own:?}");
    }
}

#[test]
fn records_removed_as_soon_as_they_are_on_disk_are_not_counted_for_ever() {
    let (_directory, spool) = in_new_directory();
    let (threads, each) = (4, 150);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let remover = scope.spawn(|| {
            let mut removed = 0;
            while !done.load(Ordering::SeqCst) || removed < threads * each {
                if let [.., last] = &*spool.peek_oldest(1_000, u64::MAX).unwrap() {
                    removed += spool.remove_up_to(last.sequence).unwrap();
                }
            }
        });
        let appenders: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| (0..each).for_each(|_| append(&spool, &["a"]).unwrap())))
            .collect();
        let ended: Vec<_> = appenders
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::SeqCst);
        remover.join().unwrap();
        assert!(ended.iter().all(Result::is_ok));
    });
    assert_eq!((spool.len(), spool.bytes()), (0, 0));
    assert!(spool.turn(1).is_some());
}

/// As a producer does it, with every third send of unknown outcome: Redis took half of
/// those.
fn add(spool: &Spool, redis: &Redis, text: &str, calls: &AtomicU64) {
    let Some(turn) = spool.turn(1) else {
        return append(spool, &[text]).unwrap();
    };
    let call = calls.fetch_add(1, Ordering::SeqCst);
    if !call.is_multiple_of(6) {
        redis.add(&[(spool.id(), turn.first(), text)]);
    }
    if call.is_multiple_of(3) {
        turn.keep(&[0], vec![text.as_bytes().to_vec()]).unwrap();
    }
}

#[test]
fn full_spool_refuses_whole_batches_and_takes_more_once_emptied() {
    let (_directory, spool) = in_new_directory();
    let half = "x".repeat(usize::try_from(OPTIONS.max_bytes / 2).unwrap() - 1_000);
    append(&spool, &[&half]).unwrap();
    assert_eq!(
        kind(append(&spool, &["small", &half, &half])),
        ErrorKind::Full
    );
    assert_eq!(spool.len(), 1);
    append(&spool, &[&half]).unwrap();
    assert_eq!(kind(append(&spool, &[&half])), ErrorKind::Full);
    let oldest = spool.peek_oldest(1, 0).unwrap();
    assert_eq!(spool.remove_up_to(oldest[0].sequence).unwrap(), 1);
    append(&spool, &[&half]).unwrap();
    assert_eq!(spool.remove_up_to(Sequence::from_raw(u64::MAX)).unwrap(), 2);
    assert_eq!((spool.len(), spool.bytes()), (0, 0));
}

#[test]
fn kept_turn_without_room_gives_the_turn_back() {
    let (_directory, spool) = in_new_directory();
    let huge = vec![0; usize::try_from(OPTIONS.max_bytes).unwrap()];
    let turn = spool.turn(1).unwrap();
    assert_eq!(kind(turn.keep(&[0], vec![huge])), ErrorKind::Full);
    assert!(spool.turn(1).is_some());
}

#[test]
fn a_thread_that_waits_for_the_spool_to_be_empty_is_woken() {
    let (_directory, spool) = in_new_directory();
    append(&spool, &["first", "second"]).unwrap();
    let long = Duration::from_secs(3_600);
    assert!(!spool.is_empty_by(Instant::now()));
    let numbers = spool.peek_oldest(2, u64::MAX).unwrap();
    thread::scope(|scope| {
        // Woken by the last of them alone.
        let waiting = scope.spawn(|| spool.is_empty_by(Instant::now() + long));
        for record in &numbers {
            spool.remove_up_to(record.sequence).unwrap();
        }
        assert!(waiting.join().unwrap());
    });
    assert!(spool.turn(1).is_some());
}
