//! The measurements of a drill.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::ledger::{Call, Fate};

/// The figures of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    /// From the fault until the first sentinel names the new master.
    named: Duration,
    /// From then until the first confirmed add, by producer.
    added: BTreeMap<String, Duration>,
    /// From then until the first add that needs no spool, by producer.
    emptied: BTreeMap<String, Duration>,
    /// From then until the first handled entry that only the new master has, by
    /// group.
    handled: BTreeMap<String, Duration>,
    longest_call: Duration,
    /// Whose it was, and what came of it.
    longest_of: String,
    confirmed: usize,
    pub(super) lost: usize,
    refused: usize,
    unknown: usize,
    not_replicated: usize,
    /// Handlers that ran again.
    pub(super) repeats: usize,
    /// Warnings.
    pub(super) lines: usize,
}

impl Figures {
    pub(super) fn named(after: Duration) -> Self {
        Self {
            named: after,
            ..Self::default()
        }
    }

    pub(super) fn added(&mut self, producer: &str, after: Duration) {
        self.added.insert(producer.to_owned(), after);
    }

    pub(super) fn emptied(&mut self, producer: &str, after: Duration) {
        self.emptied.insert(producer.to_owned(), after);
    }

    pub(super) fn handled(&mut self, group: &str, after: Duration) {
        self.handled.insert(group.to_owned(), after);
    }

    pub(super) fn called(&mut self, producer: &str, call: &Call) {
        if call.took() > self.longest_call {
            self.longest_call = call.took();
            self.longest_of = format!("{producer}:{:?}", call.fate);
        }
    }

    pub(super) fn count(&mut self, fate: Fate) {
        *match fate {
            Fate::Confirmed | Fate::Spooled => &mut self.confirmed,
            Fate::Unknown => &mut self.unknown,
            Fate::NotReplicated => &mut self.not_replicated,
            Fate::Refused => &mut self.refused,
        } += 1;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "named_ms={}", self.named.as_millis())?;
        for (what, times) in [
            ("added", &self.added),
            ("emptied", &self.emptied),
            ("handled", &self.handled),
        ] {
            for (name, time) in times {
                write!(f, " {what}.{name}_ms={}", time.as_millis())?;
            }
        }
        write!(
            f,
            " longest_call_ms={} longest_call_of={} confirmed={} lost={} refused={} unknown={} not_replicated={} \
             repeats={} lines={}",
            self.longest_call.as_millis(),
            self.longest_of,
            self.confirmed,
            self.lost,
            self.refused,
            self.unknown,
            self.not_replicated,
            self.repeats,
            self.lines
        )
    }
}

/// The figures of all runs of one drill, as a row of a table.
#[derive(Debug, Default)]
pub(super) struct Row {
    runs: Vec<Figures>,
}

impl Row {
    /// The heads of the columns.
    pub(super) const HEADS: &str = "drill              | runs | named ms | added ms median, worst | \
                                    handled ms median, worst | longest call ms | lost | refused \
                                    | unknown | lines";

    pub(super) fn extend(&mut self, figures: Option<Figures>) {
        self.runs.extend(figures);
    }

    pub(super) fn show(&self, name: &str) -> String {
        let all = |times: fn(&Figures) -> Vec<Duration>| {
            let mut times: Vec<_> = self.runs.iter().flat_map(times).collect();
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let worst = times.last().copied().unwrap_or_default();
            (median.as_millis(), worst.as_millis())
        };
        let sum = |count: fn(&Figures) -> usize| self.runs.iter().map(count).sum::<usize>();
        let (named, _) = all(|run| vec![run.named]);
        let (added, added_worst) = all(|run| run.added.values().copied().collect());
        let (handled, handled_worst) = all(|run| run.handled.values().copied().collect());
        let (_, longest) = all(|run| vec![run.longest_call]);
        let most_lines = self.runs.iter().map(|run| run.lines).max().unwrap_or(0);
        format!(
            "{name:<18} | {:>4} | {named:>8} | {added:>13}, {added_worst:>7} | \
             {handled:>15}, {handled_worst:>7} | {longest:>15} | {:>4} | {:>7} | {:>7} | {most_lines:>5}",
            self.runs.len(),
            sum(|run| run.lost),
            sum(|run| run.refused + run.not_replicated),
            sum(|run| run.unknown),
        )
    }
}
