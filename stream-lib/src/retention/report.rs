//! The reports of cleanups, and of plans.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::policy::{Floor, held_back};
use super::standing::{Listed, StandingGroup};
use crate::command::Sight;
use crate::config::Priority;
use crate::message::EntryId;
use crate::runtime::counted;

/// What retention would remove from a stream now, and why.
///
/// By [`StreamManager::retention_plan`](crate::StreamManager::retention_plan).
/// The stream goes on changing: a cleanup looks for itself. It prints as a
/// sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionPlan {
    /// The stream's name.
    pub stream: String,
    /// The priority that holds for it.
    pub priority: Priority,
    /// Entries in the stream (`XLEN`).
    pub length: u64,
    /// How many of the oldest would go. The counts of a plan end at
    /// [`COUNTED`](Self::COUNTED): there may be more.
    pub removes: u64,
    /// Of these, how many are older than `max_age`.
    pub expired: u64,
    /// Of these, how many are too many for `max_length`.
    pub excess: u64,
    /// Of these, how many `delete_after_ack` is a reason for.
    pub acknowledged: u64,
    /// Of these, how many lie at or above the floor: unread or pending for
    /// some group, or behind such an entry. Only under [`Priority::Low`], and with
    /// groups that are left out.
    pub above_floor: u64,
    /// The groups that hold nothing back, since they stand still for longer than
    /// [`ignore_groups_idle_for`](crate::StreamConfig::ignore_groups_idle_for).
    pub left_out: Vec<StandingGroup>,
    /// Why entries stay in the stream that would go otherwise.
    pub blocked: Option<BlockedStream>,
}

impl RetentionPlan {
    /// Where a plan stops counting: 20,000.
    pub const COUNTED: u64 = 20_000;

    /// With that of another partition.
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

/// The entries that a cleanup has removed and left. It prints as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CleanupReport {
    /// The stream's name.
    pub stream: String,
    /// Entries removed (`XTRIM`).
    pub removed: u64,
    /// Of these, entries that some group had not read or not acknowledged.
    /// Only under [`Priority::Low`], and with groups that are left out.
    pub lost: u64,
    /// Entries left (`XLEN`).
    pub length: u64,
    /// The groups that held nothing back, since they stand still for longer than
    /// [`ignore_groups_idle_for`](crate::StreamConfig::ignore_groups_idle_for).
    pub left_out: Vec<StandingGroup>,
    /// Why entries stay in the stream that would have gone otherwise.
    pub blocked: Option<BlockedStream>,
}

impl CleanupReport {
    /// With that of another partition.
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

/// A stream that can't be trimmed, because groups have yet to handle its oldest
/// entries.
///
/// To get it moving, start consumers of these groups, or remove the groups that
/// nobody needs: [`StreamManager::remove_group`](crate::StreamManager::remove_group).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockedStream {
    /// The stream's name.
    pub stream: String,
    /// The group that is furthest behind; `None` where the stream has no group
    /// at all.
    pub group: Option<String>,
    /// The oldest entry that it has yet to handle.
    pub entry: EntryId,
    /// Since when the group stands there, by the server's clock: as far back
    /// as a cleanup has seen it there, and not before the entry was added.
    pub since: SystemTime,
    /// How long that is.
    pub standing: Duration,
    /// All groups that have yet to handle entries which would go otherwise, the one
    /// that is furthest behind first; none where the stream has no group at all.
    pub groups: Vec<StandingGroup>,
}

impl BlockedStream {
    /// Of a stream with `above` entries from `first_above` on, the first one
    /// at or above the floor.
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

    /// As [`find`](Self::find), for a stream from which all has gone that may. Of
    /// the groups it names only the one that is furthest behind.
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
            "`{}` can't be trimmed: {}; start their consumers, or remove the groups that nobody \
             needs (`remove_group`)",
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
