//! One life of a worker process.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use stream_tests::{Process, Program, Usage};

use super::args::Args;
use super::journal::Lasting;
use super::{STREAM, Scene};

/// How long a stop waits for handlers, which take less.
const GRACE: Duration = Duration::from_secs(5);
/// A stop has ended by then, whatever Redis does: the grace, 10 s to settle,
/// and what a start takes that the stop came into.
const STOP_BY: Duration = Duration::from_secs(30);

/// A worker process.
pub(super) struct Life<'a> {
    /// The prefix of its name in Redis.
    pub(super) label: String,
    pub(super) process: Process,
    /// Since the start of the run.
    pub(super) born: Duration,
    thaw: Option<(Instant, Lasting<'a>)>,
    pub(super) asked_to_stop: Option<Instant>,
}

/// The last line of an ended worker.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) dead: u64,
    pub(super) released: u64,
}

impl<'a> Life<'a> {
    pub(super) fn begin(
        args: &Args,
        scene: &'a Scene,
        label: String,
        handler: Duration,
        done: &Path,
    ) -> Self {
        // Taken first: on a busy machine the start takes its time, and the
        // process may have met a fault before it returns.
        let born = scene.journal.now();
        let process = Program::example("orders")
            .args(["work", "--stream", STREAM, "--consumer", &label])
            .args(["--handler-ms", &handler.as_millis().to_string()])
            .args(["--fail-every", "53"])
            .args(["--panic-every", "97", "--backoff-ms", "200"])
            .args(["--lease-ms", &args.lease_ms.to_string()])
            .args(["--grace-ms", &GRACE.as_millis().to_string()])
            .arg("--done")
            .arg(done)
            .redis_url(scene.redis.url_for_workers())
            .env("RUST_LOG", "warn,stream_lib=info")
            .spawn();
        Self {
            label,
            process,
            born,
            thaw: None,
            asked_to_stop: None,
        }
    }

    pub(super) fn freeze(&mut self, until: Instant, lasting: Lasting<'a>) {
        self.process.freeze();
        self.thaw = Some((until, lasting));
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.thaw.is_some()
    }

    /// Thaws it when it is time.
    pub(super) fn thaw_if(&mut self, due: impl FnOnce(Instant) -> bool) {
        if self.thaw.as_ref().is_some_and(|(until, _)| due(*until)) {
            self.process.thaw();
            self.thaw = None;
        }
    }

    pub(super) fn stop(&mut self) {
        self.process.terminate();
        self.asked_to_stop = Some(Instant::now());
    }

    pub(super) fn hangs(&self) -> bool {
        self.asked_to_stop.is_some_and(|at| at.elapsed() > STOP_BY)
    }

    pub(super) fn cpu_time(&self) -> Option<Duration> {
        Some(Usage::of(self.process.pid())?.cpu_time)
    }

    /// The place in which each thread waits, to explain a hang.
    pub(super) fn threads(&self) -> String {
        let mut out = String::new();
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.pid()));
        for task in tasks.into_iter().flatten().flatten() {
            let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let (name, place) = (read("comm"), read("wchan"));
            // Writing to a string can't fail.
            let _ = write!(out, "{}: {}; ", name.trim(), place.trim());
        }
        out
    }

    /// `completed C failed F dead D released R`, if it came so far.
    pub(super) fn totals(&self) -> Option<Totals> {
        let stdout = self.process.stdout();
        let words: Vec<_> = stdout.lines().last()?.split(' ').collect();
        let [
            "completed",
            completed,
            "failed",
            failed,
            "dead",
            dead,
            "released",
            released,
        ] = words.as_slice()
        else {
            return None;
        };
        Some(Totals {
            completed: completed.parse().ok()?,
            failed: failed.parse().ok()?,
            dead: dead.parse().ok()?,
            released: released.parse().ok()?,
        })
    }
}
