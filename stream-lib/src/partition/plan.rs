//! Which partitions a member of a group takes, and which it gives up.
//!
//! There is no coordinator. Each member looks from time to time at who lives and what is
//! free, and moves towards its fair share. A partition has one owner at a time, by a lock
//! that lapses: of two members that would take the same one, one gets it. A member gives
//! up what it has beyond its share and nothing else, and takes what nobody has: so it
//! takes nothing away from others, and what members do on a view that is a little old is
//! undone by none of them.

use super::count::Partitions;
use super::share::share_of;

/// What one member sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) me: &'a str,
    /// The members whose signs of life are good.
    pub(crate) living: &'a [String],
    /// The group and its stream, in one text.
    pub(crate) group: &'a str,
    pub(crate) partitions: Partitions,
    /// Those that the member owns, those first that it has had longest.
    pub(crate) owned: &'a [u16],
    /// How many it is giving up: it finishes what it has begun there.
    pub(crate) leaving: usize,
    /// Those that nobody owns.
    pub(crate) free: &'a [u16],
}

/// What a member does about it. Where it takes anything, it gives nothing up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    pub(crate) take: Vec<u16>,
    pub(crate) give_up: Vec<u16>,
}

impl Plan {
    /// The plan of one member. `pick` is a random number below the one it is given:
    /// members that look at the same time are not to reach for the same partitions.
    pub(crate) fn of(sight: &Sight<'_>, pick: impl FnMut(usize) -> usize) -> Self {
        let living = sight.living.iter().map(String::as_str);
        let share = share_of(sight.me, living, sight.group, sight.partitions);
        let held = sight.owned.len() + sight.leaving;
        Self {
            take: some_of(sight.free, share.saturating_sub(held), pick),
            // The newest: it has read ahead the least there.
            give_up: sight.owned.get(share..).unwrap_or_default().to_vec(),
        }
    }
}

/// At most `most` of them, any.
fn some_of(free: &[u16], most: usize, mut pick: impl FnMut(usize) -> usize) -> Vec<u16> {
    let mut rest = free.to_vec();
    let count = most.min(rest.len());
    (0..count)
        .map(|_| {
            let place = pick(rest.len()).min(rest.len() - 1);
            rest.swap_remove(place)
        })
        .collect()
}
