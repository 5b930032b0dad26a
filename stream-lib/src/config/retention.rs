//! Settings of retention: as given, and as they apply.

use std::time::Duration;

use super::{Priority, check};
use crate::error::{Error, ErrorKind, Result};

/// The longest time that any setting takes.
const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);
/// The largest count that any setting takes: exact in Lua's numbers.
const LARGEST: u64 = 1_000_000_000_000;

/// The settings as given; `None` for one that was not set.
///
/// Only given settings are stored with the stream, so that the defaults of one program
/// never replace the settings of another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RetentionSettings {
    pub(crate) priority: Option<Priority>,
    pub(crate) max_length: Option<u64>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) min_retention_time: Option<Duration>,
    pub(crate) min_retention_count: Option<u64>,
    pub(crate) delete_after_ack: Option<bool>,
    pub(crate) trim_without_groups: Option<bool>,
    pub(crate) cleanup_interval: Option<Duration>,
    pub(crate) group: Option<String>,
    pub(crate) ignore_groups_idle_for: Option<Duration>,
}

impl RetentionSettings {
    /// Whether no setting was given.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These settings, completed by those of `older`.
    #[must_use]
    pub(crate) fn over(self, older: Self) -> Self {
        Self {
            priority: self.priority.or(older.priority),
            max_length: self.max_length.or(older.max_length),
            max_age: self.max_age.or(older.max_age),
            min_retention_time: self.min_retention_time.or(older.min_retention_time),
            min_retention_count: self.min_retention_count.or(older.min_retention_count),
            delete_after_ack: self.delete_after_ack.or(older.delete_after_ack),
            trim_without_groups: self.trim_without_groups.or(older.trim_without_groups),
            cleanup_interval: self.cleanup_interval.or(older.cleanup_interval),
            group: self.group.or(older.group),
            ignore_groups_idle_for: self.ignore_groups_idle_for.or(older.ignore_groups_idle_for),
        }
    }

    /// Checks all bounds; errors call `max_length` by the name `length`.
    pub(super) fn validate(&self, length: &str) -> Result<()> {
        const MS: Duration = Duration::from_millis(1);
        const WEEK: Duration = Duration::from_secs(7 * 86_400);
        if let Some(entries) = self.max_length {
            check::in_range(length, entries, 1..=LARGEST)?;
        }
        if let Some(age) = self.max_age {
            check::duration("max_age", age, MS, LONGEST)?;
        }
        if let Some(age) = self.min_retention_time {
            check::duration("min_retention_time", age, Duration::ZERO, LONGEST)?;
        }
        if let (Some(least), Some(most)) = (self.min_retention_time, self.max_age)
            && least > most
        {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "`min_retention_time` is {least:?} and `max_age` is {most:?}: the \
                     first must be at most the second"
                ),
            ));
        }
        if let Some(entries) = self.min_retention_count {
            check::in_range("min_retention_count", entries, 0..=LARGEST)?;
        }
        if let Some(interval) = self.cleanup_interval {
            check::duration("cleanup_interval", interval, MS * 10, WEEK)?;
        }
        if let Some(group) = &self.group {
            check::name("group_name", group)?;
        }
        if let Some(time) = self.ignore_groups_idle_for.filter(|time| !time.is_zero()) {
            check::duration("ignore_groups_idle_for", time, MS * 1_000, LONGEST)?;
        }
        if self.delete_after_ack == Some(true) && self.priority == Some(Priority::Critical) {
            return Err(Error::new(
                ErrorKind::Config,
                "`delete_after_ack` is true and `priority` is critical, which keeps \
                 acknowledged entries for the whole `max_age`: choose one of them",
            ));
        }
        Ok(())
    }
}

/// The settings that apply to a stream: each as stored with it, else as given in this
/// process, else the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) priority: Priority,
    pub(crate) max_length: u64,
    pub(crate) max_age: Duration,
    pub(crate) min_retention_time: Duration,
    pub(crate) min_retention_count: u64,
    pub(crate) delete_after_ack: bool,
    pub(crate) trim_without_groups: bool,
    pub(crate) cleanup_interval: Duration,
    /// A group that counts even before it exists.
    pub(crate) group: Option<String>,
    /// Groups that stand still for this long don't count; zero: all groups count.
    pub(crate) ignore_groups_idle_for: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            priority: Priority::Normal,
            max_length: 1_000,
            max_age: Duration::from_secs(3_600),
            min_retention_time: Duration::from_secs(10 * 60),
            min_retention_count: 100,
            delete_after_ack: false,
            trim_without_groups: false,
            cleanup_interval: Duration::from_secs(5 * 60),
            group: None,
            ignore_groups_idle_for: Duration::ZERO,
        }
    }
}

impl From<Retention> for RetentionSettings {
    fn from(all: Retention) -> Self {
        Self {
            priority: Some(all.priority),
            max_length: Some(all.max_length),
            max_age: Some(all.max_age),
            min_retention_time: Some(all.min_retention_time),
            min_retention_count: Some(all.min_retention_count),
            delete_after_ack: Some(all.delete_after_ack),
            trim_without_groups: Some(all.trim_without_groups),
            cleanup_interval: Some(all.cleanup_interval),
            group: all.group,
            ignore_groups_idle_for: Some(all.ignore_groups_idle_for),
        }
    }
}

impl Retention {
    /// The defaults of a process that only consumes the stream.
    pub(crate) fn of_consumers() -> Self {
        Self {
            max_length: 10_000,
            cleanup_interval: Duration::from_secs(30 * 60),
            ..Self::default()
        }
    }
}
