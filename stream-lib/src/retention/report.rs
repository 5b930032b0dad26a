//! Reports of cleanups and plans.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::policy::{Floor, held_back};
use super::standing::{Listed, StandingGroup};
use crate::command::Sight;
use crate::config::Priority;
use crate::message::EntryId;
use crate::runtime::counted;

/// The expected result of a cleanup now, with its reasons.
///
/// Returned by [`StreamManager::retention_plan`](crate::StreamManager::retention_plan).
/// The stream may change before a cleanup, which decides for itself. `Display` shows it
/// as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionPlan {
    /// The name of the stream.
    pub stream: String,
    /// Its priority.
    pub priority: Priority,
    /// Entries in the stream (`XLEN`).
    pub length: u64,
    /// Entries, the oldest of the stream, that would be removed. A plan counts up to
    /// [`COUNTED`](Self::COUNTED) entries: there may be more.
    pub removes: u64,
    /// Of these, entries older than `max_age`.
    pub expired: u64,
    /// Of these, entries in excess of `max_length`.
    pub excess: u64,
    /// Of these, entries that `delete_after_ack` would remove.
    pub acknowledged: u64,
    /// Of these, entries at or above the floor: unread or pending for some group, or
    /// behind such an entry. Above zero only under [`Priority::Low`], and with groups
    /// that are left out.
    pub above_floor: u64,
    /// Groups that don't count for the floor, since they have stood still for longer than
    /// [`ignore_groups_idle_for`](crate::StreamConfig::ignore_groups_idle_for).
    pub left_out: Vec<StandingGroup>,
    /// The groups that keep entries in the stream which would be removed otherwise.
    pub blocked: Option<BlockedStream>,
}

impl RetentionPlan {
    /// The number of entries up to which a plan counts: 20,000.
    pub const COUNTED: u64 = 20_000;

    /// Adds the plan of another partition.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.length += other.length;
        self.removes += other.removes;
        self.expired += other.expired;
        self.excess += other.excess;
        self.acknowledged += other.acknowledged;
        self.above_floor += other.above_floor;
        self.left_out.extend(other.left_out);
        self.blocked = self.blocked.or(other.blocked);
        self
    }
}

impl fmt::Display for RetentionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = |count: u64| if count >= Self::COUNTED { "+" } else { "" };
        write!(
            f,
            "`{}` ({} priority): {}{} of {} would go ({} expired, {} too many, {} acknowledged",
            self.stream,
            self.priority,
            self.removes,
            more(self.removes),
            counted(self.length, "entry", "entries"),
            self.expired,
            self.excess,
            self.acknowledged
        )?;
        if self.above_floor > 0 {
            write!(f, "; {} not handled by all groups", self.above_floor)?;
        }
        f.write_str(")")?;
        if !self.left_out.is_empty() {
            write!(f, "; left out: {}", Listed(&self.left_out))?;
        }
        match &self.blocked {
            Some(blocked) => write!(f, "; {blocked}"),
            None => Ok(()),
        }
    }
}

/// The result of a cleanup. `Display` shows it as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CleanupReport {
    /// The name of the stream.
    pub stream: String,
    /// Entries removed (`XTRIM`).
    pub removed: u64,
    /// Removed entries that some group had not read or not acknowledged. Above zero only
    /// under [`Priority::Low`], and with groups that are left out.
    pub lost: u64,
    /// Entries left (`XLEN`).
    pub length: u64,
    /// Groups that didn't count for the floor, since they have stood still for longer
    /// than [`ignore_groups_idle_for`](crate::StreamConfig::ignore_groups_idle_for).
    pub left_out: Vec<StandingGroup>,
    /// The groups that keep entries in the stream which would have been removed
    /// otherwise.
    pub blocked: Option<BlockedStream>,
}

impl CleanupReport {
    /// Adds the report of another partition.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.removed += other.removed;
        self.lost += other.lost;
        self.length += other.length;
        self.left_out.extend(other.left_out);
        self.blocked = self.blocked.or(other.blocked);
        self
    }
}

impl fmt::Display for CleanupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: {} removed, {} left",
            self.stream,
            counted(self.removed, "entry", "entries"),
            self.length
        )?;
        match self.lost {
            0 => {}
            1 => f.write_str("; 1 was not handled by all groups")?,
            lost => write!(f, "; {lost} were not handled by all groups")?,
        }
        if !self.left_out.is_empty() {
            write!(f, "; left out: {}", Listed(&self.left_out))?;
        }
        match &self.blocked {
            Some(blocked) => write!(f, "; {blocked}"),
            None => Ok(()),
        }
    }
}

/// A stream that can't be trimmed, because groups have not handled its oldest entries.
///
/// Start consumers of these groups, or remove the groups that are no longer needed:
/// [`StreamManager::remove_group`](crate::StreamManager::remove_group).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockedStream {
    /// The name of the stream.
    pub stream: String,
    /// The group that is furthest behind; `None` if the stream has no group at all.
    pub group: Option<String>,
    /// The oldest entry that this group has not handled.
    pub entry: EntryId,
    /// The time since when the group stands there, by the server's clock: the first
    /// cleanup that has seen it there, but not before the entry was added.
    pub since: SystemTime,
    /// The time for which the group has stood there.
    pub standing: Duration,
    /// All groups that have not handled entries which would be removed otherwise, the one
    /// furthest behind first; empty if the stream has no group at all.
    pub groups: Vec<StandingGroup>,
}

impl BlockedStream {
    /// The first entry at or above the floor, in a stream with `above` entries from
    /// `first_above` on.
    pub(super) fn find(
        stream: &str,
        sight: &Sight,
        first_above: EntryId,
        above: u64,
    ) -> Option<Self> {
        if !held_back(sight, first_above, above) {
            return None;
        }
        let group = Floor::of(sight).group;
        let furthest = group.map(|group| StandingGroup::at(group, first_above, sight));
        let added = first_above.ms().min(sight.now);
        let (since, standing) = match &furthest {
            Some(group) => (group.since, group.standing),
            None => (
                UNIX_EPOCH + Duration::from_millis(added),
                Duration::from_millis(sight.now - added),
            ),
        };
        Some(Self {
            stream: stream.to_owned(),
            group: furthest.as_ref().map(|group| group.group.clone()),
            entry: first_above,
            since,
            standing,
            groups: furthest.into_iter().collect(),
        })
    }

    /// As [`find`](Self::find), for a stream from which everything has been removed that
    /// may be. It names only the group that is furthest behind.
    pub(super) fn left(stream: &str, sight: &Sight) -> Option<Self> {
        let first = sight.first.filter(|id| *id >= Floor::of(sight).id)?;
        Self::find(stream, sight, first, sight.length)
    }
}

impl fmt::Display for BlockedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return write!(
                f,
                "`{}` can't be trimmed: it has no group, so nothing counts as handled \
                 (`trim_without_groups` would trim it)",
                self.stream
            );
        }
        write!(
            f,
            "`{}` can't be trimmed: {}; start their consumers, or remove groups that are no \
             longer needed (`remove_group`)",
            self.stream,
            Listed(&self.groups)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleanup_prints_its_counts_and_the_reason_of_those_that_stay() {
        let mut report = CleanupReport {
            stream: "orders".to_owned(),
            removed: 5,
            lost: 0,
            length: 7,
            left_out: Vec::new(),
            blocked: None,
        };
        assert_eq!(report.to_string(), "`orders`: 5 entries removed, 7 left");
        report.lost = 2;
        let blocked = BlockedStream {
            stream: "orders".to_owned(),
            group: None,
            entry: EntryId::MIN,
            since: UNIX_EPOCH,
            standing: Duration::ZERO,
            groups: Vec::new(),
        };
        let expected = format!(
            "`orders`: 5 entries removed, 7 left; 2 were not handled by all groups; {blocked}"
        );
        report.blocked = Some(blocked);
        assert_eq!(report.to_string(), expected);
        (report.removed, report.lost, report.blocked) = (1, 1, None);
        assert_eq!(
            report.to_string(),
            "`orders`: 1 entry removed, 7 left; 1 was not handled by all groups"
        );
    }
}
