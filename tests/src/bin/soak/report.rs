//! The output during the run and at its end.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Args;
use super::done::Done;
use super::fleet::Record;
use super::{Left, Scene};

/// How often a line comes where there is no terminal.
const LINE: Duration = Duration::from_secs(30);

/// The state of the run, on a terminal as a bar, else as a line now and then.
pub(super) struct Progress {
    time: Duration,
    bar: Option<ProgressBar>,
    next_line: Instant,
}

impl Progress {
    pub(super) fn new(time: Duration) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(time.as_secs());
            let style = "{elapsed_precise} {wide_bar} {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        Self {
            time,
            bar,
            next_line: Instant::now() + LINE,
        }
    }

    pub(super) fn show(&mut self, scene: &Scene, done: &Done) {
        let now = scene.journal.now();
        let line = || {
            format!(
                "confirmed {} completed {} duplicates {} faults {}{}",
                scene.ledger.confirmed(),
                done.orders.len(),
                done.duplicates(),
                scene.journal.counts().values().sum::<usize>(),
                if scene.enough.is_set() {
                    ", draining"
                } else {
                    ""
                }
            )
        };
        if let Some(bar) = &self.bar {
            bar.set_position(now.min(self.time).as_secs());
            bar.set_message(line());
        } else if self.next_line <= Instant::now() {
            self.next_line += LINE;
            eprintln!("{:>5.0} s: {}", now.as_secs_f64(), line());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The findings of the ledger and the stream.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) confirmed: u64,
    pub(super) unknown: u64,
    pub(super) unknown_landed: u64,
    pub(super) refused: u64,
    pub(super) missing: u64,
}

/// The consumers left in the group.
#[derive(Debug, Default)]
pub(super) struct Consumers {
    pub(super) of_killed: usize,
    /// Ended in order while Redis was out of reach.
    pub(super) of_cut_off: usize,
    pub(super) waiting: bool,
}

/// The summary of a run.
pub(super) struct Report {
    lines: Vec<(&'static str, String)>,
    pub(super) failures: Vec<String>,
}

impl Report {
    #[expect(clippy::too_many_arguments, reason = "everything is summed up here")]
    pub(super) fn new(
        args: &Args,
        seed: u64,
        scene: &Scene,
        record: &Record,
        done: &Done,
        left: &Left,
        orders: &Orders,
        consumers: &Consumers,
        failures: Vec<String>,
    ) -> Self {
        let mut report = Self {
            lines: Vec::new(),
            failures,
        };
        report.line(
            "run",
            format!(
                "{} min, SEED={seed}, {} workers, lease {} ms",
                args.minutes, args.processes, args.lease_ms
            ),
        );
        report.orders(scene, done, orders);
        report.workers(record);
        report.faults(scene);
        report.line(
            "left",
            format!(
                "unread {}, pending {}, dead letters {} ({:.1} s after the last fault)",
                left.group.unread.map_or("?".to_owned(), |n| n.to_string()),
                left.group.pending,
                left.stats.dead,
                left.took.as_secs_f64()
            ),
        );
        report.line(
            "consumers",
            format!(
                "left: {} of killed workers, {} of workers that stopped without Redis{}",
                consumers.of_killed,
                consumers.of_cut_off,
                if consumers.waiting { ", ~waiting" } else { "" }
            ),
        );
        report
    }

    fn line(&mut self, name: &'static str, text: String) {
        self.lines.push((name, text));
    }

    fn orders(&mut self, scene: &Scene, done: &Done, orders: &Orders) {
        let errors = scene.ledger.errors();
        let errors: Vec<_> = errors.iter().map(|(k, n)| format!("{k} {n}")).collect();
        self.line(
            "added",
            format!(
                "{} confirmed, {} with unknown outcome ({} of them landed), {} refused [{}]",
                orders.confirmed,
                orders.unknown,
                orders.unknown_landed,
                orders.refused,
                errors.join(", ")
            ),
        );
        self.line(
            "completed",
            format!(
                "{} orders, {} duplicates, {} missing",
                done.orders.len(),
                done.duplicates(),
                orders.missing
            ),
        );
        self.line(
            "delivered",
            format!(
                "{} times, one order {} times at most",
                done.deliveries(),
                done.most_deliveries()
            ),
        );
        let gap = done.longest_gap;
        let faults = scene.journal.during(gap.from, gap.to);
        self.line(
            "gap",
            format!(
                "{:.1} s at most without a completion, from {:.1} s on: {}",
                gap.len().as_secs_f64(),
                gap.from.as_secs_f64(),
                faults.join(", ")
            ),
        );
    }

    fn workers(&mut self, record: &Record) {
        let logs = &record.logs;
        self.line(
            "takeovers",
            format!(
                "{} entries taken over, {} fetched whose delivery was lost, {} leases lost",
                logs.taken_over, logs.fetched, logs.leases_lost
            ),
        );
        let sum = |part: fn(&super::life::Totals) -> u64| {
            record.stopped.iter().map(|l| part(&l.totals)).sum::<u64>()
        };
        self.line(
            "workers",
            format!(
                "{} started, {} killed, {} stopped in {:.1} s at most, {} found no Redis",
                record.started,
                record.killed.len(),
                record.stopped.len(),
                record.slowest_stop.as_secs_f64(),
                record.never_began
            ),
        );
        self.line(
            "",
            format!(
                "those stopped: completed {} failed {} dead {} released {}",
                sum(|t| t.completed),
                sum(|t| t.failed),
                sum(|t| t.dead),
                sum(|t| t.released)
            ),
        );
        self.line(
            "",
            format!(
                "{} panics, {} failed deliveries told, {} other log lines, at most {:.0} % of a core, {:.1} % while idle",
                logs.panics,
                logs.failed,
                record.log_lines,
                record.most_cpu * 100.0,
                record.idle_cpu * 100.0
            ),
        );
        for (kind, count) in &logs.kinds {
            self.line("", format!("{count} × {kind}"));
        }
    }

    fn faults(&mut self, scene: &Scene) {
        let counts = scene.journal.counts();
        self.line("faults", counts.values().sum::<usize>().to_string());
        for (what, count) in counts {
            self.line("", format!("{count} × {what}"));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, text) in &self.lines {
            writeln!(f, "{name:<10} {text}")?;
        }
        for failure in &self.failures {
            writeln!(f, "WRONG      {failure}")?;
        }
        if self.failures.is_empty() {
            write!(f, "soak passed: nothing was lost")
        } else {
            write!(f, "soak FAILED: {} things are wrong", self.failures.len())
        }
    }
}
