//! A job as stored with its stream.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::config::Cron;
use super::missed::Missed;
use super::terms::Terms;
use crate::command::{JobState, StoredJob};

/// A recurring job as stored with its stream: see
/// [`StreamManager::crons`](crate::StreamManager::crons).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CronJob {
    /// Its name.
    pub name: String,
    /// Its expression, with one space between fields.
    pub expression: String,
    /// Its time zone.
    pub zone: String,
    /// Whether it is on, paused or removed.
    pub state: CronState,
    /// The time when it was last due, declared, changed or resumed.
    pub last: SystemTime,
    /// The next time at which it is due; `None` while it is paused or removed, and if
    /// this version can't read the expression.
    pub next: Option<SystemTime>,
    /// Its revision; see [`Cron::revision`].
    pub revision: u64,
    /// The treatment of missed ticks in all processes; `None` if an earlier version has
    /// stored the job, so that each process uses its own, or if this version can't read it.
    pub missed: Option<Missed>,
    /// The group that must have finished the message of the tick before; see
    /// [`Cron::no_overlap`]. `None` if there is none, or an earlier version has stored the
    /// job.
    pub no_overlap: Option<String>,
    /// Whether this manager takes part in it.
    pub is_here: bool,
}

/// The state of a job.
///
/// More states may be added, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CronState {
    /// It ticks.
    On,
    /// It was paused.
    Paused,
    /// It was removed. This is remembered, so that no process of an older deploy brings
    /// it back.
    Removed,
}

impl CronJob {
    pub(super) fn new(name: String, stored: &StoredJob, is_here: bool) -> Self {
        let at = |ms| UNIX_EPOCH.checked_add(Duration::from_millis(ms));
        let state = match stored.state {
            JobState::On => CronState::On,
            JobState::Paused => CronState::Paused,
            JobState::Removed => CronState::Removed,
        };
        let terms = Terms::of(&stored.terms);
        let times = Cron::times_of(terms.schedule).ok();
        let times = times.filter(|_| state == CronState::On);
        let next = times.and_then(|times| times.after(stored.last));
        let schedule = terms.schedule;
        let no_overlap = terms.no_overlap().filter(|group| !group.is_empty());
        let (expression, zone) = schedule.rsplit_once(' ').unwrap_or((schedule, ""));
        Self {
            name,
            expression: expression.to_owned(),
            zone: zone.to_owned(),
            state,
            last: at(stored.last).unwrap_or(UNIX_EPOCH),
            next: next.and_then(at),
            revision: stored.revision,
            missed: terms.missed(),
            no_overlap: no_overlap.map(str::to_owned),
            is_here,
        }
    }
}
