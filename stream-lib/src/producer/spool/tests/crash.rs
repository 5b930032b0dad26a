//! Deaths of the process at every step.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;
use tempfile::TempDir;

use super::super::fail::faults::{POWER, STEP, step};
use super::redis::{Redis, append as write_line};
use super::{Spool, open, refused};

const DIRECTORY: &str = "STREAM_LIB_SPOOL_TEST_DIRECTORY";

/// The spool of a producer's life, its Redis, and the list of the adds that returned.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            // Memory is as good as a disk for a process that dies, and faster.
            directory: TempDir::new_in("/dev/shm")
                .or_else(|_| TempDir::new())
                .unwrap(),
        }
    }

    fn redis(&self) -> Redis {
        Redis::in_file(&self.directory.path().join("redis"))
    }

    fn confirmed(&self) -> Vec<String> {
        let path = self.directory.path().join("confirmed");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Lets a process live its life until it dies before `step`. Returns whether it came
    /// through.
    fn live_until(&self, step: u64, power: Option<u64>) -> bool {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "--ignored", "--nocapture"])
            .arg(format!("{}::life_of_a_producer", module_path()))
            .env(DIRECTORY, self.directory.path())
            .env(STEP, step.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(seed) = power {
            child.env(POWER, seed.to_string());
        }
        let status = child.status().unwrap();
        // Dead, and not failed: a failed test has a code.
        assert!(status.success() || status.code().is_none(), "{status}");
        status.success()
    }

    /// Sends the rest, and compares the arrived messages with the confirmed ones.
    fn check(&self, step: u64) {
        let spool = open(&self.directory.path().join("spool"));
        assert_eq!(spool.damages(), [], "step {step}");
        let redis = self.redis();
        redis.meet(&spool);
        redis.replay(&spool, 3);
        let arrived = redis.entries();
        let mut sorted = arrived.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(arrived, sorted, "in order and none twice, step {step}");
        // A message that is set aside may have been sent by a life that didn't know.
        let aside = refused(&self.directory.path().join("spool"));
        for text in self.confirmed() {
            let is_there = arrived.contains(&text) || aside.contains(&text);
            assert!(is_there, "{text} is lost, step {step}");
        }
        let (files, _) = spool.refused();
        assert_eq!(files, aside.len() as u64, "step {step}");
    }
}

fn module_path() -> &'static str {
    // The path without the crate's name.
    module_path!().split_once("::").unwrap().1
}

/// A producer's actions in its life. Texts rise in the order of the adds.
fn life(directory: &Path) {
    let redis = Redis::in_file(&directory.join("redis"));
    let confirm = |text: &str| {
        step();
        write_line(&directory.join("confirmed"), &format!("{text}\n"));
    };
    let lived = redis.entries().len();
    let text = |n: usize| format!("{lived:04}-{n:02}");
    let directory = directory.join("spool");
    let spool = open(&directory);
    redis.meet(&spool);
    redis.replay(&spool, 2);

    // Sent at once.
    send(&spool, &redis, &text(1), Answer::Heard);
    confirm(&text(1));
    // Redis took it, and its answer was lost.
    send(&spool, &redis, &text(2), Answer::Lost);
    confirm(&text(2));
    // Redis is away, then there for one batch, whose answer is lost, too.
    assert!(spool.turn(1).is_none());
    spool
        .append(vec![text(3).into_bytes(), text(4).into_bytes()])
        .unwrap();
    confirm(&text(3));
    confirm(&text(4));
    redis.send(&spool.peek_oldest(2, u64::MAX).unwrap());
    step();
    spool.append(vec![text(5).into_bytes()]).unwrap();
    confirm(&text(5));
    redis.replay(&spool, 2);
    // Redis never got it.
    send(&spool, &redis, &text(6), Answer::Refused);
    confirm(&text(6));
    drop(spool);
    // A second life, which begins with messages of the first.
    let spool = open(&directory);
    assert!(spool.turn(1).is_none());
    redis.meet(&spool);
    spool.append(vec![text(7).into_bytes()]).unwrap();
    confirm(&text(7));
    redis.replay(&spool, 9);
    // Redis never takes the first one.
    spool
        .append(vec![text(8).into_bytes(), text(9).into_bytes()])
        .unwrap();
    confirm(&text(8));
    confirm(&text(9));
    let first = spool.peek_oldest(1, u64::MAX).unwrap().remove(0);
    step();
    spool.set_aside(&first, &first.message).unwrap();
    redis.replay(&spool, 9);
    send(&spool, &redis, &text(10), Answer::Heard);
    confirm(&text(10));
    send(&spool, &redis, &text(11), Answer::Lost);
    confirm(&text(11));
}

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Heard,
    Lost,
    Refused,
}

fn send(spool: &Spool, redis: &Redis, text: &str, answer: Answer) {
    let turn = spool.turn(1).unwrap();
    step();
    if answer != Answer::Refused {
        redis.add(&[(spool.id(), turn.first(), text)]);
    }
    step();
    if answer != Answer::Heard {
        turn.keep(&[0], vec![text.as_bytes().to_vec()]).unwrap();
    }
}

#[test]
#[ignore = "run by the tests beside it, in a process of its own"]
fn life_of_a_producer() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        life(Path::new(&directory));
    }
}

/// Lets a process die at each step of `every`, in a place of its own, until one comes
/// through.
fn die_at_each(every: usize, power: impl Fn(u64) -> Option<u64> + Sync) {
    let first_through = AtomicU64::new(u64::MAX);
    let steps = Mutex::new((1..).step_by(every));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let step = steps.lock().next().unwrap();
                    if step > first_through.load(Ordering::SeqCst) {
                        return;
                    }
                    let place = Place::new();
                    if place.live_until(step, power(step)) {
                        first_through.fetch_min(step, Ordering::SeqCst);
                    }
                    place.check(step);
                }
            });
        }
    });
    let tried = first_through.load(Ordering::SeqCst);
    assert!(tried > 100, "only {tried} steps were tried");
}

#[test]
fn crash_at_any_step_neither_loses_nor_doubles_nor_reorders() {
    die_at_each(1, |_| None);
}

#[test]
fn power_loss_keeps_all_that_was_confirmed() {
    die_at_each(3, |step| Some(step * 77));
}

#[test]
fn one_spool_survives_crash_after_crash() {
    let place = Place::new();
    for step in (3..).step_by(11).take(25) {
        place.live_until(step, None);
    }
    place.check(0);
}
