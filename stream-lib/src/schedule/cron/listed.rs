//! A job as a stream knows it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::config::Cron;
use super::missed::Missed;
use super::terms::Terms;
use crate::command::{JobState, StoredJob};

/// A job that recurs, as its stream knows it: see
/// [`StreamManager::crons`](crate::StreamManager::crons).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CronJob {
    /// Its name.
    pub name: String,
    /// The expression that is in force, with one space between fields.
    pub expression: String,
    /// The time zone of it.
    pub zone: String,
    /// Whether it goes on.
    pub state: CronState,
    /// When it was due last, or declared, changed or resumed.
    pub last: SystemTime,
    /// When it is due next by its schedule; `None` while it doesn't go on, and where
    /// this version can't read the expression.
    pub next: Option<SystemTime>,
    /// The revision of it; see [`Cron::revision`].
    pub revision: u64,
    /// What all processes do about ticks that were missed; `None` where it was declared by
    /// an earlier version, so that each goes by its own, and where this version can't read
    /// it.
    pub missed: Option<Missed>,
    /// The group that must be done with the message of the tick before; see
    /// [`Cron::no_overlap`]. `None` where there is none, and where the job was declared by
    /// an earlier version.
    pub no_overlap: Option<String>,
    /// Whether this manager takes part in it.
    pub is_here: bool,
}

/// Whether a job goes on.
///
/// More may come, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CronState {
    /// It does.
    On,
    /// It was paused.
    Paused,
    /// It was removed, and is remembered, so that no old process brings it back.
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
