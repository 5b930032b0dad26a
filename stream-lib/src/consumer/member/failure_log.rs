//! The log lines about failed deliveries.
//!
//! Each consumer writes some lines a second, for all of its members; the others are
//! counted, and a keeper writes the count. The lines contain no payloads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::Group;
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;
use crate::runtime::{Bell, LogLimit, LogLine, LogSum, counted};

/// Logs failed deliveries and dead letters.
#[derive(Debug)]
pub(crate) struct FailureLog {
    group: Group,
    /// The stream's name in the configuration.
    declared: String,
    limits: Arc<FailureLimits>,
    /// Wakes the keeper.
    wake: Bell,
}

/// The lines that a consumer may write, and the counts of the others.
#[derive(Debug, Default)]
pub(crate) struct FailureLimits {
    failed: Mutex<LogLimit>,
    undecodable: Mutex<LogLimit>,
    buried: Mutex<LogLimit>,
    dropped: Mutex<LogSum>,
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Its handler failed.
    Handler,
    /// The entry is no message of the handler's type.
    Undecodable,
}

/// The state of an entry after its last delivery has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Buried,
    /// Redis has refused the burial, or is away: it is tried again.
    Unburied,
    /// The consumer has been given up: nothing is tried any more.
    Abandoned,
    /// Another consumer holds it by now, or the group is gone.
    Lost,
    Deleted,
}

impl Fate {
    fn text(self) -> &'static str {
        match self {
            Self::Buried => "the entry went to the dead letters",
            Self::Unburied => "the entry is to go to the dead letters as soon as Redis takes it",
            Self::Abandoned => "the entry stays pending, since the consumer has stopped",
            Self::Lost => "the entry is not this consumer's any more",
            Self::Deleted => "the entry was deleted from the stream meanwhile",
        }
    }
}

impl FailureLog {
    pub(crate) fn new(
        group: &Group,
        declared: &str,
        limits: &Arc<FailureLimits>,
        wake: &Bell,
    ) -> Self {
        Self {
            group: group.clone(),
            declared: declared.to_owned(),
            limits: Arc::clone(limits),
            wake: wake.clone(),
        }
    }

    /// Logs a failed delivery that another one follows. `error` makes the text of its
    /// error with the causes, and is called only for a line that is written.
    pub(crate) fn failed(
        &self,
        failure: Failure,
        id: EntryId,
        attempt: u32,
        delay: Duration,
        error: impl FnOnce() -> String,
    ) {
        let is_written = match failure {
            Failure::Handler => self.admits(&self.limits.failed, Self::more_failed),
            Failure::Undecodable => self.admits(&self.limits.undecodable, Self::more_undecodable),
        };
        if !is_written {
            return;
        }
        let (failed, hint) = match failure {
            Failure::Handler => ("failed", ""),
            Failure::Undecodable => (
                "found an undecodable entry",
                ", in case another member can decode it",
            ),
        };
        let (stream, group) = (self.group.stream(), self.group.name());
        let error = error();
        log::warn!(
            "delivery {attempt} of {id} of `{stream}` in the group `{group}` {failed}, \
             the next comes in {delay:.1?}{hint}: {error}"
        );
    }

    /// Logs the last delivery of an entry, and the entry's state, in one line.
    pub(crate) fn ended(
        &self,
        id: EntryId,
        attempt: u32,
        reason: DeadReason,
        fate: Fate,
        error: &str,
    ) {
        let is_admitted = if fate == Fate::Buried {
            self.admits(&self.limits.buried, Self::more_buried)
        } else {
            self.admits(&self.limits.failed, Self::more_failed)
        };
        if is_admitted {
            let (stream, group, fate) = (self.group.stream(), self.group.name(), fate.text());
            log::warn!(
                "delivery {attempt} of {id} of `{stream}` in the group `{group}` failed, \
                 and was the last one; {fate} ({reason}): {error}"
            );
        }
    }

    /// Logs removals of old dead letters, at once or within a minute.
    pub(crate) fn dropped(&self, entries: u64) {
        let (told, due) = {
            let mut dropped = self.limits.dropped.lock();
            (dropped.add(entries, Instant::now()), dropped.due())
        };
        match told {
            Some(count) => self.were_dropped(count),
            None if due.is_some() => self.wake.ring(),
            None => {}
        }
    }

    /// When a count is to be logged.
    pub(crate) fn due(&self) -> Option<Instant> {
        let limits = [
            &self.limits.failed,
            &self.limits.undecodable,
            &self.limits.buried,
        ];
        let limits = limits.iter().filter_map(|limit| limit.lock().due());
        limits.chain(self.limits.dropped.lock().due()).min()
    }

    /// Logs the counts that are due.
    pub(crate) fn tell_due(&self, now: Instant) {
        self.tell(|limit| limit.take_due(now), |sum| sum.take_due(now));
    }

    /// Logs all counts, due or not.
    pub(crate) fn tell_rest(&self) {
        self.tell(LogLimit::take_rest, LogSum::take_rest);
    }

    fn tell(
        &self,
        take: impl Fn(&mut LogLimit) -> Option<u64>,
        take_sum: impl Fn(&mut LogSum) -> Option<u64>,
    ) {
        let failed = take(&mut self.limits.failed.lock());
        if let Some(count) = failed {
            self.more_failed(count);
        }
        let undecodable = take(&mut self.limits.undecodable.lock());
        if let Some(count) = undecodable {
            self.more_undecodable(count);
        }
        let buried = take(&mut self.limits.buried.lock());
        if let Some(count) = buried {
            self.more_buried(count);
        }
        let dropped = take_sum(&mut self.limits.dropped.lock());
        if let Some(count) = dropped {
            self.were_dropped(count);
        }
    }

    fn admits(&self, limit: &Mutex<LogLimit>, more: impl FnOnce(&Self, u64)) -> bool {
        if !log::log_enabled!(log::Level::Warn) {
            return false;
        }
        let line = limit.lock().admit(Instant::now());
        match line {
            LogLine::Written { withheld: 0 } => true,
            LogLine::Written { withheld } => {
                more(self, withheld);
                true
            }
            LogLine::Withheld { is_first } => {
                if is_first {
                    self.wake.ring();
                }
                false
            }
        }
    }

    fn more_failed(&self, count: u64) {
        let (stream, group) = (&self.declared, self.group.name());
        log::warn!(
            "{} of `{stream}` in the group `{group}` failed within a second",
            counted(count, "more delivery", "more deliveries")
        );
    }

    fn more_undecodable(&self, count: u64) {
        let (stream, group) = (&self.declared, self.group.name());
        log::warn!(
            "{} of `{stream}` in the group `{group}` found undecodable entries within a second",
            counted(count, "more delivery", "more deliveries")
        );
    }

    fn more_buried(&self, count: u64) {
        let (stream, group) = (&self.declared, self.group.name());
        log::warn!(
            "{} of `{stream}` went to the dead letters of the group `{group}` within a second",
            counted(count, "more entry", "more entries")
        );
    }
}

impl FailureLog {
    fn were_dropped(&self, count: u64) {
        log::warn!(
            "the dead letters of `{}` are too many or too old: the oldest {count} were removed \
             for newer ones (dead_letter_max_length, dead_letter_max_age)",
            self.declared
        );
    }
}

/// Handlers that a stop has left behind may fail after the keeper's last look.
impl Drop for FailureLog {
    fn drop(&mut self) {
        self.tell_rest();
    }
}
