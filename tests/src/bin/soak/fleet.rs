//! The worker processes, and the faults that strike them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fastrand::Rng;
use stream_tests::poll;
use tempfile::TempDir;

use super::args::Args;
use super::life::{Life, Totals};
use super::logs::Logs;
use super::{Outcome, Scene};

/// A worker that ends at an error so soon after its start has not got as far
/// as to consume: its checks need Redis.
const START: Duration = Duration::from_secs(15);
/// When all have ended, or been killed.
const STOPPED_BY: Duration = Duration::from_mins(2);
/// Between two starts of workers that end by themselves, as supervisors do.
const PAUSE: Duration = Duration::from_millis(250);
/// How long idle workers are watched.
const IDLE: Duration = Duration::from_secs(3);
/// Idle workers renew, beat and look for due entries; that takes little.
const MOST_IDLE_CPU: f64 = 0.1;
/// Log lines of one worker in a minute that nobody would want to read.
const FLOOD: f64 = 200.0;

/// All workers of a run.
pub(super) struct Fleet<'a> {
    args: &'a Args,
    scene: &'a Scene,
    rng: Rng,
    dir: TempDir,
    /// The current worker of each place.
    current: Vec<Life<'a>>,
    /// Those that were told to end and have not yet.
    stopping: Vec<Life<'a>>,
    next_fault: Instant,
    /// When one that ended by itself is replaced at the earliest.
    next_start: Instant,
    pub(super) record: Record,
}

/// The fate of the workers.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) started: u64,
    /// Ended in order, by label: what they said, when they were born and when
    /// they ended.
    pub(super) stopped: Vec<Stopped>,
    pub(super) killed: Vec<String>,
    /// Found no Redis at their start, which ends a worker.
    pub(super) never_began: u64,
    pub(super) slowest_stop: Duration,
    /// The highest share of a core that one worker took over its life.
    pub(super) most_cpu: f64,
    pub(super) idle_cpu: f64,
    pub(super) log_lines: u64,
    pub(super) logs: Logs,
    pub(super) failures: Vec<String>,
}

/// A worker that ended in order.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) label: String,
    pub(super) totals: Totals,
    /// When it was told to, and when it had ended.
    pub(super) from: Duration,
    pub(super) to: Duration,
    /// Its last line.
    pub(super) last_words: String,
}

impl<'a> Fleet<'a> {
    /// Starts the workers.
    pub(super) fn new(args: &'a Args, scene: &'a Scene, rng: Rng) -> Outcome<Self> {
        let mut fleet = Self {
            args,
            scene,
            rng,
            dir: tempfile::Builder::new().prefix("stream-soak-").tempdir()?,
            current: Vec::new(),
            stopping: Vec::new(),
            next_fault: Instant::now(),
            next_start: Instant::now(),
            record: Record::default(),
        };
        for place in 0..usize::from(args.processes) {
            let life = fleet.begin(place);
            fleet.current.push(life);
        }
        fleet.plan_next_fault();
        Ok(fleet)
    }

    /// The files that completed orders are noted in, one for each place.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        (0..usize::from(self.args.processes))
            .map(|place| self.file(place))
            .collect()
    }

    /// Looks after the workers: thaws, buries, replaces, and strikes when it is
    /// time.
    pub(super) fn tend(&mut self, strike: bool) {
        let now = Instant::now();
        for life in self.current.iter_mut().chain(&mut self.stopping) {
            life.thaw_if(|until| until <= now || !strike);
        }
        for place in 0..self.current.len() {
            let ended = |life: &Life<'_>| !life.process.is_running();
            if self.next_start <= now && self.current.get(place).is_some_and(ended) {
                self.next_start = now + PAUSE;
                let gone = self.replace(place);
                self.ended_by_itself(&gone);
            }
        }
        self.reap_stopping();
        if strike && self.next_fault <= now {
            self.strike();
            self.plan_next_fault();
        }
    }

    fn plan_next_fault(&mut self) {
        self.next_fault = Instant::now() + Duration::from_millis(self.rng.u64(500..4_000));
    }

    fn strike(&mut self) {
        let place = self.rng.usize(..self.current.len());
        match self.rng.u8(..10) {
            0..=3 => {
                self.scene.journal.strike("worker killed");
                let gone = self.replace(place);
                gone.process.kill();
                self.record.killed.push(gone.label.clone());
                self.read_logs(&gone);
            }
            4..=6 => self.freeze(place),
            7..=8 => {
                self.scene.journal.strike("worker restarted");
                self.restart(place);
            }
            _ => {
                self.scene.journal.strike("workers restarted, all");
                (0..self.current.len()).for_each(|place| self.restart(place));
            }
        }
    }

    /// SIGSTOP for 1 to 4 leases.
    fn freeze(&mut self, place: usize) {
        let time = self.args.lease().mul_f64(1.0 + 3.0 * self.rng.f64());
        if let Some(life) = self.current.get_mut(place)
            && !life.is_frozen()
        {
            let lasting = self.scene.journal.begin("worker frozen");
            life.freeze(Instant::now() + time, lasting);
        }
    }

    /// A rolling restart: the next one starts while the old one ends.
    fn restart(&mut self, place: usize) {
        let mut old = self.replace(place);
        old.stop();
        self.stopping.push(old);
    }

    fn replace(&mut self, place: usize) -> Life<'a> {
        let mut life = self.begin(place);
        if let Some(current) = self.current.get_mut(place) {
            std::mem::swap(current, &mut life);
        }
        let age = self.scene.journal.now().saturating_sub(life.born);
        if let Some(used) = life.cpu_time()
            && age > START / 3
        {
            let share = used.as_secs_f64() / age.as_secs_f64();
            self.record.most_cpu = self.record.most_cpu.max(share);
        }
        life
    }

    fn begin(&mut self, place: usize) -> Life<'a> {
        self.record.started += 1;
        let label = format!("w{place}-{}", self.record.started);
        // Some are slow, and a few hold an order for longer than its lease.
        let handler = match self.rng.u8(..8) {
            0 => self.args.lease().mul_f64(1.2),
            1 => Duration::from_millis(100),
            _ => Duration::from_millis(4),
        };
        Life::begin(self.args, self.scene, label, handler, &self.file(place))
    }

    fn file(&self, place: usize) -> PathBuf {
        self.dir.path().join(format!("done-{place}"))
    }

    fn reap_stopping(&mut self) {
        let (ended, stopping): (Vec<_>, Vec<_>) = std::mem::take(&mut self.stopping)
            .into_iter()
            .partition(|life| life.hangs() || !life.process.is_running());
        self.stopping = stopping;
        for life in ended {
            self.ended_in_order(&life);
        }
    }

    fn ended_in_order(&mut self, life: &Life<'_>) {
        let took = life
            .asked_to_stop
            .map(|at| at.elapsed())
            .unwrap_or_default();
        let now = self.scene.journal.now();
        let from = now.saturating_sub(took);
        let failure = match (life.process.status(), life.totals()) {
            (None, _) => {
                let threads = life.threads();
                life.process.kill();
                Some(format!("hangs after SIGTERM, in {threads}"))
            }
            (Some(status), Some(totals)) if status.success() => {
                self.record.slowest_stop = self.record.slowest_stop.max(took);
                let label = life.label.clone();
                self.record.stopped.push(Stopped {
                    label,
                    totals,
                    from,
                    to: now,
                    last_words: last_words(life),
                });
                None
            }
            (Some(_), _) if self.never_began(life) => {
                self.record.never_began += 1;
                None
            }
            (Some(status), _) => Some(format!("ended with {status} after SIGTERM")),
        };
        self.note(life, failure);
    }

    fn ended_by_itself(&mut self, life: &Life<'_>) {
        let failure = if self.never_began(life) {
            self.record.never_began += 1;
            None
        } else {
            Some(format!("ended by itself with {:?}", life.process.status()))
        };
        self.note(life, failure);
    }

    /// Whether it found no Redis at its start, and had reason to.
    fn never_began(&self, life: &Life<'_>) -> bool {
        let now = self.scene.journal.now();
        now.saturating_sub(life.born) < START
            && life
                .process
                .stderr()
                .lines()
                .any(|line| line.starts_with("orders: "))
            && self.scene.journal.redis_was_away(life.born, now)
    }

    fn note(&mut self, life: &Life<'_>, failure: Option<String>) {
        if let Some(failure) = failure {
            let now = self.scene.journal.now();
            let faults = self.scene.journal.during(now.saturating_sub(START), now);
            self.record.failures.push(format!(
                "{} {failure}, born at {:.1} s, ended at {:.1} s, lately {faults:?}:\n{}",
                life.label,
                life.born.as_secs_f64(),
                now.as_secs_f64(),
                last_words(life)
            ));
        }
        self.read_logs(life);
    }

    fn read_logs(&mut self, life: &Life<'_>) {
        let lines = self.record.logs.enter(&life.label, &life.process.stderr());
        self.record.log_lines += lines;
        let age = self.scene.journal.now().saturating_sub(life.born);
        let minutes = (age.as_secs_f64() / 60.0).max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "exact for 2^53 lines")]
        if lines as f64 / minutes > FLOOD {
            let failure = format!("{} logged {lines} lines in {age:.0?}", life.label);
            self.record.failures.push(failure);
        }
    }

    /// Watches the processor time of workers that have nothing to do.
    pub(super) fn measure_idleness(&mut self) {
        let before: Vec<_> = self.current.iter().map(Life::cpu_time).collect();
        let start = Instant::now();
        // Nothing is awaited here: what counts is that time passes.
        poll(IDLE, || None::<()>);
        for (life, before) in self.current.iter().zip(before) {
            let Some(used) = life
                .cpu_time()
                .zip(before)
                .map(|(now, then)| now.saturating_sub(then))
            else {
                continue;
            };
            let share = used.as_secs_f64() / start.elapsed().as_secs_f64();
            self.record.idle_cpu = self.record.idle_cpu.max(share);
            if share > MOST_IDLE_CPU {
                let failure = format!("{} takes {share:.2} of a core while idle", life.label);
                self.record.failures.push(failure);
            }
        }
    }

    /// Ends all workers in order.
    pub(super) fn stop_all(&mut self) {
        for mut life in std::mem::take(&mut self.current) {
            life.stop();
            self.stopping.push(life);
        }
        // Those that hang are killed before, one by one.
        poll(STOPPED_BY, || {
            self.reap_stopping();
            self.stopping.is_empty().then_some(())
        });
    }
}

fn last_words(life: &Life<'_>) -> String {
    let stderr = life.process.stderr();
    let mut last: Vec<_> = stderr.lines().rev().take(15).collect();
    last.reverse();
    last.join("\n")
}
