//! Plans and cleanups, for callers and for the cleaner.

use std::cmp::Reverse;

use super::gone::sweep;
use super::policy::{Cut, Floor, held_back};
use super::report::{BlockedStream, CleanupReport, RetentionPlan};
use super::standing::{Listed, StandingGroup};
use crate::command::{Errand, Retain, Retained, Sight, count_entries, declare_retention, retain};
use crate::config::{Retention, RetentionSettings};
use crate::connection::Wire;
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::message::EntryId;

/// The settings that a process wants for a stream's retention.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wish {
    /// The settings asked for.
    pub(crate) asked: RetentionSettings,
    /// Those of the asked settings that may not be stored yet. Only these replace stored
    /// ones: a setting that was stored once may since have been replaced by another
    /// program.
    pub(crate) unsaid: RetentionSettings,
    /// The settings that apply if none are asked for or stored.
    pub(crate) defaults: Retention,
}

/// Counts the entries that would be removed from a stream now.
pub(crate) fn plan(wire: &mut Wire, keys: &StreamKeys, wish: &Wish) -> Result<RetentionPlan> {
    const MOST: u64 = RetentionPlan::COUNTED;
    let sight = look(wire, keys, wish)?;
    let cut = Cut::new(&sight);
    let whole = Floor::of(&sight).whole;
    let mut below = |from: EntryId, bound: EntryId, most: u64| {
        let most = most.min(cut.most).min(MOST);
        let bound = bound.min(cut.protected);
        count_entries(wire, keys, from, bound, most).map(|counted| counted.entries)
    };
    let expired = below(EntryId::MIN, cut.expired, MOST)?;
    let acknowledged = below(EntryId::MIN, cut.acknowledged, MOST)?;
    let excess = below(EntryId::MIN, EntryId::MAX, cut.excess)?;
    let removes = expired.max(acknowledged).max(excess);
    let handled = below(EntryId::MIN, whole, removes)?;
    Ok(RetentionPlan {
        stream: keys.stream().to_owned(),
        priority: sight.settings.priority,
        length: sight.length,
        removes,
        expired,
        excess,
        acknowledged,
        above_floor: removes - handled,
        left_out: StandingGroup::left_out(&sight),
        blocked: blocked(wire, keys, &sight)?,
    })
}

/// The groups that keep the stream from being trimmed; `None` if it can be trimmed.
pub(crate) fn blocked_now(
    wire: &mut Wire,
    keys: &StreamKeys,
    wish: &Wish,
) -> Result<Option<BlockedStream>> {
    let sight = look(wire, keys, wish)?;
    blocked(wire, keys, &sight)
}

/// Removes all entries from a stream that may go. With `once`, the wish overrides the
/// stored settings and isn't stored; else it is stored first.
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
        if total.add(&sight) {
            continue;
        }
        total.warn_of_lost(keys, &sight);
        if let Err(e) = sweep(wire, keys, &sight) {
            log::debug!(
                "removing the traces of destroyed groups of `{}` failed: {}",
                keys.stream(),
                with_causes(&e)
            );
        }
        return Ok(CleanupReport {
            stream: keys.stream().to_owned(),
            removed: total.removed,
            lost: total.lost,
            length: sight.length,
            left_out: StandingGroup::left_out(&sight),
            blocked: match BlockedStream::left(keys.stream(), &sight) {
                Some(blocked) => Some(with_all_groups(wire, keys, &sight, blocked)?),
                None => None,
            },
        });
    }
}

/// Removes some of the entries that may go, at most `most`, and adds them to the total.
/// Returns whether more may go.
pub(super) fn clean_some(
    wire: &mut Wire,
    keys: &StreamKeys,
    wish: &Wish,
    most: u64,
    total: &mut Total,
) -> Result<bool> {
    let sight = match step(wire, keys, wish, Errand::TrimSome(most), false)? {
        Retained::Seen(sight) => sight,
        Retained::NotYet(_) => return Err(unasked()),
    };
    let more = total.add(&sight);
    if !more {
        total.warn_of_lost(keys, &sight);
    }
    Ok(more)
}

/// The totals of several calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    pub(super) removed: u64,
    lost: u64,
}

impl Total {
    /// Adds the result of one call. Returns whether another call has work.
    pub(super) fn add(&mut self, sight: &Sight) -> bool {
        self.removed += sight.removed;
        self.lost += sight.lost;
        sight.more && sight.removed > 0
    }

    /// Warns of removed entries that some group had not handled, with the reason.
    pub(super) fn warn_of_lost(self, keys: &StreamKeys, sight: &Sight) {
        if self.lost == 0 {
            return;
        }
        let (lost, removed, stream) = (self.lost, self.removed, keys.stream());
        if sight.settings.priority.heeds_floor() {
            log::warn!(
                "{lost} of {removed} entries removed from `{stream}` were unread or pending for \
                 groups that `ignore_groups_idle_for` leaves out: {}",
                Listed(&StandingGroup::left_out(sight))
            );
        } else {
            log::warn!(
                "{lost} of {removed} entries removed from `{stream}` were unread or pending for \
                 some group (its priority is low)"
            );
        }
    }
}

/// Logs stored settings, with a warning for each that replaces another value.
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
    // Counts only as far as needed to know whether there are too many.
    let settings = &sight.settings;
    let most = settings.max_length.max(settings.min_retention_count) + 1;
    let most = most.min(RetentionPlan::COUNTED);
    let above = count_entries(wire, keys, floor, EntryId::MAX, most)?;
    let found = above
        .first
        .and_then(|first| BlockedStream::find(keys.stream(), sight, first, above.entries));
    found
        .map(|blocked| with_all_groups(wire, keys, sight, blocked))
        .transpose()
}

/// Names all groups that hold entries back, the one furthest behind first.
pub(super) fn with_all_groups(
    wire: &mut Wire,
    keys: &StreamKeys,
    sight: &Sight,
    mut blocked: BlockedStream,
) -> Result<BlockedStream> {
    let settings = &sight.settings;
    let enough = settings.max_length.max(settings.min_retention_count) + 1;
    let mut others: Vec<_> = sight
        .groups
        .iter()
        .filter(|group| !group.is_left_out && Some(&group.group) != blocked.group.as_ref())
        .collect();
    // From the foremost group on: if one holds entries back, so do all behind it.
    others.sort_by_key(|group| Reverse(group.floor()));
    let mut most = enough.min(RetentionPlan::COUNTED);
    for group in others {
        let above = count_entries(wire, keys, group.floor(), EntryId::MAX, most)?;
        let Some(first) = above.first else { continue };
        // The count may have ended early, so there may be as many.
        if most == 1
            || above.entries == RetentionPlan::COUNTED
            || held_back(sight, first, above.entries)
        {
            most = 1;
            let standing = StandingGroup::at(group, first, sight);
            blocked.groups.insert(1.min(blocked.groups.len()), standing);
        }
    }
    Ok(blocked)
}

fn unasked() -> Error {
    Error::new(
        ErrorKind::Protocol,
        "Redis refused a cleanup on request as if it were a scheduled one",
    )
}
