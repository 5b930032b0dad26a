//! A job as stored with its stream.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::config::Cron;
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
        let times = Cron::times_of(&stored.spec).ok();
        let times = times.filter(|_| state == CronState::On);
        let next = times.and_then(|times| times.after(stored.last));
        let (expression, zone) = stored.spec.rsplit_once(' ').unwrap_or((&stored.spec, ""));
        Self {
            name,
            expression: expression.to_owned(),
            zone: zone.to_owned(),
            state,
            last: at(stored.last).unwrap_or(UNIX_EPOCH),
            next: next.and_then(at),
            revision: stored.revision,
            is_here,
        }
    }
}
