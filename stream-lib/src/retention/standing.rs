//! Groups that stand still.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::{Position, Sight};
use crate::message::EntryId;

/// A group that stands still, with entries of the stream at or above its floor, the
/// lowest id that it has not acknowledged. `Display` shows it as part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StandingGroup {
    /// The name of the group.
    pub group: String,
    /// The oldest entry that it has not handled.
    pub entry: EntryId,
    /// The time since when it stands there, by the server's clock: the first cleanup that
    /// has seen it there, but not before the entry was added.
    pub since: SystemTime,
    /// The time for which it has stood there.
    pub standing: Duration,
}

impl StandingGroup {
    /// The state of a group whose oldest unhandled entry in the stream is `entry`.
    pub(super) fn at(group: &Position, entry: EntryId, sight: &Sight) -> Self {
        let added = entry.ms().min(sight.now);
        let since = group.since.min(sight.now).max(added);
        Self {
            group: group.group.clone(),
            entry,
            since: UNIX_EPOCH + Duration::from_millis(since),
            standing: Duration::from_millis(sight.now - since),
        }
    }

    /// The groups that retention leaves out, since they have stood still for too long.
    pub(super) fn left_out(sight: &Sight) -> Vec<Self> {
        let groups = sight.groups.iter().filter(|group| group.is_left_out);
        groups
            .map(|group| Self {
                // The time of the entry doesn't bound it, since the entry may be gone.
                since: UNIX_EPOCH + Duration::from_millis(group.since),
                standing: Duration::from_millis(sight.now.saturating_sub(group.since)),
                ..Self::at(group, group.floor(), sight)
            })
            .collect()
    }
}

impl fmt::Display for StandingGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, entry, .. } = self;
        if self.standing.is_zero() {
            // Nothing has seen it there before.
            return write!(f, "the group `{group}` stands at {entry}");
        }
        let standing = self.standing;
        write!(
            f,
            "the group `{group}` has stood still at {entry} for {standing:?}"
        )
    }
}

/// Groups as one part of a sentence, up to as many as fit a log line.
pub(super) struct Listed<'a>(pub(super) &'a [StandingGroup]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 20;
        for (at, group) in self.0.iter().take(MOST).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{group}")?;
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
