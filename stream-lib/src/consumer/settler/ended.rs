//! Entries whose end Redis has confirmed.

use crate::command::Found;
use crate::consumer::member::Member;
use crate::consumer::member::settle::{Action, Unsettled};

/// Counts an entry by the end of its delivery.
pub(super) fn settled(member: &Member, entry: &Unsettled, found: Found) {
    let counters = &member.counters;
    if let (Found::Ours, Action::Bury { reason, .. }) = (found, &entry.action) {
        counters.buried(*reason);
    }
    let count = match (found, &entry.action) {
        (Found::NotOurs, _) => &counters.lost,
        (Found::Deleted, _) => &counters.deleted,
        (Found::Ours, Action::AckHeld | Action::Produce(_)) => &counters.completed,
        (Found::Ours, Action::Skip) => &counters.skipped,
        (Found::Ours, Action::GiveBack | Action::AwaitTurn { .. }) => &counters.given_back,
        (
            Found::Ours,
            Action::Retry { .. } | Action::PutOff { .. } | Action::RateLimited { .. },
        ) => &counters.failed,
        (Found::Ours, Action::Bury { .. }) => &counters.dead,
    };
    member.acknowledging.settled(entry, count);
}

/// As [`settled`], for several that were found alike.
pub(super) fn settle_all(member: &Member, entries: &[Unsettled], found: Found) {
    for entry in entries {
        settled(member, entry, found);
    }
}
