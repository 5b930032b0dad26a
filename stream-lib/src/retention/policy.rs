//! The entries that may go: a pure function of a stream's facts and its
//! settings.
//!
//! `retain.lua` decides the same in the server, where nothing can change between the
//! decision and the trim. Tests compare it with this module, which makes the plans, too.

use std::time::Duration;

use crate::command::{Position, Sight};
use crate::message::EntryId;

/// The bounds that decide which of a stream's oldest entries go.
///
/// Only a prefix of the stream ever goes, so bounds on ids and on counts suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Entries from this id on stay, whatever the other bounds say.
    pub(super) protected: EntryId,
    /// At most this number of entries goes: the newest stay.
    pub(super) most: u64,
    /// Entries below this id go for their age.
    pub(super) expired: EntryId,
    /// Entries below this id go because every group has acknowledged them.
    pub(super) acknowledged: EntryId,
    /// This number of the oldest entries goes for the stream's length.
    pub(super) excess: u64,
}

impl Cut {
    pub(super) fn new(sight: &Sight) -> Self {
        let settings = &sight.settings;
        let priority = settings.priority;
        let floor = Floor::of(sight);
        let mut protected = EntryId::MAX;
        if priority.heeds_floor() {
            protected = floor.id;
        }
        if priority.heeds_min_time() {
            protected = protected.min(before(sight.now, settings.min_retention_time));
        }
        let excess = sight.length.saturating_sub(settings.max_length);
        Self {
            protected,
            most: sight.length.saturating_sub(settings.min_retention_count),
            expired: before(sight.now, settings.max_age),
            acknowledged: if settings.delete_after_ack && priority.heeds_length() {
                floor.acknowledged
            } else {
                EntryId::MIN
            },
            excess: if priority.heeds_length() { excess } else { 0 },
        }
    }

    /// Whether the entry `id`, with `older` entries before it, goes.
    #[cfg(test)]
    pub(super) fn removes(&self, older: u64, id: EntryId) -> bool {
        id < self.protected
            && older < self.most
            && (id < self.expired || id < self.acknowledged || older < self.excess)
    }
}

/// The floor of a stream: the lowest id that some group has not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Floor<'a> {
    /// The floor of the groups that count.
    pub(super) id: EntryId,
    /// The floor of all groups: entries above it may be lost to one of them.
    pub(super) whole: EntryId,
    /// Below this id, every group that counts has acknowledged everything, and there is
    /// at least one such group.
    acknowledged: EntryId,
    /// The group at the floor; `None` if no group counts.
    pub(super) group: Option<&'a Position>,
}

impl<'a> Floor<'a> {
    pub(super) fn of(sight: &'a Sight) -> Self {
        let groups = &sight.groups;
        let whole = groups.iter().map(Position::floor).min();
        let counting = groups.iter().filter(|group| !group.is_left_out);
        let group = counting.min_by_key(|group| group.floor());
        let id = if let Some(group) = group {
            group.floor()
        } else if !groups.is_empty() || sight.settings.trim_without_groups {
            EntryId::MAX
        } else {
            EntryId::MIN
        };
        Self {
            id,
            whole: whole.unwrap_or(id),
            acknowledged: group.map_or(EntryId::MIN, Position::floor),
            group,
        }
    }
}

impl Position {
    /// The lowest id that the group has not acknowledged: its oldest pending
    /// entry, or the first it hasn't read.
    pub(super) fn floor(&self) -> EntryId {
        let unread = self.cursor.next();
        self.oldest_pending.map_or(unread, |id| id.min(unread))
    }
}

/// Whether only the floor keeps an entry in the stream: the first one at or above the
/// floor, if `above` entries lie there.
pub(super) fn held_back(sight: &Sight, first_above: EntryId, above: u64) -> bool {
    let settings = &sight.settings;
    let priority = settings.priority;
    let too_old = first_above < before(sight.now, settings.max_age);
    let too_many = priority.heeds_length() && above > settings.max_length;
    let too_young =
        priority.heeds_min_time() && first_above >= before(sight.now, settings.min_retention_time);
    priority.heeds_floor()
        && above > settings.min_retention_count
        && !too_young
        && (too_old || too_many)
}

/// The first id that an entry could have had `age` ago.
fn before(now: u64, age: Duration) -> EntryId {
    let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    EntryId::new(now.saturating_sub(age), 0)
}

#[cfg(test)]
mod tests;
