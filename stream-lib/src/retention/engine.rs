//! Plans and cleanups, for callers and for the cleaner.

use super::policy::{Cut, Floor};
use super::report::{BlockedStream, CleanupReport, RetentionPlan};
use crate::command::{Errand, Retain, Retained, Sight, count_entries, declare_retention, retain};
use crate::config::{Retention, RetentionSettings};
use crate::connection::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::EntryId;

/// The settings that a process wants for a stream's retention.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wish {
    /// The settings asked for.
    pub(crate) asked: RetentionSettings,
    /// Of these, the ones that may not be stored yet. Only they replace stored
    /// ones: a setting that was stored once may since have been replaced by
    /// another program.
    pub(crate) unsaid: RetentionSettings,
    /// The settings that hold where none are asked for or stored.
    pub(crate) defaults: Retention,
}

/// Counts the entries that would go from a stream now.
pub(crate) fn plan(wire: &mut Wire, keys: &StreamKeys, wish: &Wish) -> Result<RetentionPlan> {
    const MOST: u64 = RetentionPlan::COUNTED;
    let sight = look(wire, keys, wish)?;
    let cut = Cut::new(&sight);
    let floor = Floor::of(&sight).id;
    let mut below = |from: EntryId, bound: EntryId, most: u64| {
        let most = most.min(cut.most).min(MOST);
        let bound = bound.min(cut.protected);
        count_entries(wire, keys, from, bound, most).map(|counted| counted.entries)
    };
    let expired = below(EntryId::MIN, cut.expired, MOST)?;
    let acknowledged = below(EntryId::MIN, cut.acknowledged, MOST)?;
    let excess = below(EntryId::MIN, EntryId::MAX, cut.excess)?;
    let removes = expired.max(acknowledged).max(excess);
    let handled = below(EntryId::MIN, floor, removes)?;
    Ok(RetentionPlan {
        stream: keys.stream().to_owned(),
        priority: sight.settings.priority,
        length: sight.length,
        removes,
        expired,
        excess,
        acknowledged,
        above_floor: removes - handled,
        blocked: blocked(wire, keys, &sight)?,
    })
}

/// Why the stream can't be trimmed; `None` if it can.
pub(crate) fn blocked_now(
    wire: &mut Wire,
    keys: &StreamKeys,
    wish: &Wish,
) -> Result<Option<BlockedStream>> {
    let sight = look(wire, keys, wish)?;
    blocked(wire, keys, &sight)
}

/// Removes all entries from a stream that may go. With `once`, the wish holds
/// for this time, whatever is stored; else it is stored first.
pub(crate) fn clean(
    wire: &mut Wire,
    keys: &StreamKeys,
    wish: &Wish,
    once: bool,
) -> Result<CleanupReport> {
    if !once {
        announce(wire, keys, &wish.unsaid)?;
    }
    let mut total = Total::default();
    loop {
        let sight = match step(wire, keys, wish, Errand::Trim, once)? {
            Retained::Seen(sight) => sight,
            Retained::NotYet(_) => return Err(unasked()),
        };
        if !total.add(&sight) {
            return Ok(total.report(keys, &sight));
        }
    }
}

/// The entries that several calls have removed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    removed: u64,
    lost: u64,
}

impl Total {
    /// Adds what one call removed. Returns whether another one has work.
    pub(super) fn add(&mut self, sight: &Sight) -> bool {
        self.removed += sight.removed;
        self.lost += sight.lost;
        sight.more && sight.removed > 0
    }

    /// The report, if the last call has left the stream like this.
    pub(super) fn report(self, keys: &StreamKeys, sight: &Sight) -> CleanupReport {
        if self.lost > 0 {
            log::warn!(
                "{} of {} entries removed from `{}` were unread or pending for some group (its \
                 priority is low)",
                self.lost,
                self.removed,
                keys.stream()
            );
        }
        CleanupReport {
            stream: keys.stream().to_owned(),
            removed: self.removed,
            lost: self.lost,
            length: sight.length,
            blocked: BlockedStream::left(keys.stream(), sight),
        }
    }
}

/// Stores settings, with a warning for each that replaces another value.
pub(super) fn announce(
    wire: &mut Wire,
    keys: &StreamKeys,
    unsaid: &RetentionSettings,
) -> Result<()> {
    for replaced in declare_retention(wire, keys, unsaid)? {
        log::warn!(
            "`{}` of `{}` is now {}, in place of {}: retention belongs to the stream, and holds \
             for every program that uses it",
            replaced.name,
            keys.stream(),
            replaced.now,
            replaced.before
        );
    }
    Ok(())
}

fn look(wire: &mut Wire, keys: &StreamKeys, wish: &Wish) -> Result<Sight> {
    match step(wire, keys, wish, Errand::Look, false)? {
        Retained::Seen(sight) => Ok(sight),
        Retained::NotYet(_) => Err(unasked()),
    }
}

pub(super) fn step(
    wire: &mut Wire,
    keys: &StreamKeys,
    wish: &Wish,
    errand: Errand<'_>,
    once: bool,
) -> Result<Retained> {
    let request = Retain {
        keys,
        errand,
        ours: &wish.asked,
        defaults: &wish.defaults,
        once,
    };
    retain(wire, &request)
}

fn blocked(wire: &mut Wire, keys: &StreamKeys, sight: &Sight) -> Result<Option<BlockedStream>> {
    let floor = Floor::of(sight).id;
    if !sight.settings.priority.heeds_floor() || floor == EntryId::MAX {
        return Ok(None);
    }
    // As many as it takes to know whether there are too many.
    let settings = &sight.settings;
    let most = settings.max_length.max(settings.min_retention_count) + 1;
    let most = most.min(RetentionPlan::COUNTED);
    let above = count_entries(wire, keys, floor, EntryId::MAX, most)?;
    let found = above
        .first
        .and_then(|first| BlockedStream::find(keys.stream(), sight, first, above.entries));
    Ok(found)
}

fn unasked() -> Error {
    Error::new(
        ErrorKind::Protocol,
        "Redis answered that it is not our turn to clean, which was not asked",
    )
}
