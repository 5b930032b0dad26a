//! The partitions that a member of a group takes and gives up.
//!
//! There is no coordinator. From time to time each member looks at the living members and
//! the free partitions, and moves towards its fair share. A lock that lapses gives a
//! partition one owner at a time: of two members that try to take it, one gets it. A
//! member gives up its surplus only, and takes free partitions only, never those of
//! others. So no member undoes a step that rests on an old view.

use super::count::Partitions;
use super::share::share_of;

/// The group as one member sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) me: &'a str,
    /// The members with valid signs of life.
    pub(crate) living: &'a [String],
    /// The group and its stream, in one text.
    pub(crate) group: &'a str,
    pub(crate) partitions: Partitions,
    /// The partitions that the member owns, the longest owned first.
    pub(crate) owned: &'a [u16],
    /// How many partitions the member is giving up; it finishes its work there.
    pub(crate) leaving: usize,
    /// The partitions without an owner.
    pub(crate) free: &'a [u16],
}

/// The next step of a member. If it takes anything, it gives nothing up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    pub(crate) take: Vec<u16>,
    pub(crate) give_up: Vec<u16>,
}

impl Plan {
    /// The plan of one member. `pick` returns a random number below its argument, so that
    /// members that look at the same time try different partitions.
    pub(crate) fn of(sight: &Sight<'_>, pick: impl FnMut(usize) -> usize) -> Self {
        let living = sight.living.iter().map(String::as_str);
        let share = share_of(sight.me, living, sight.group, sight.partitions);
        let held = sight.owned.len() + sight.leaving;
        Self {
            take: some_of(sight.free, share.saturating_sub(held), pick),
            // The newest ones, where the least is read ahead.
            give_up: sight.owned.get(share..).unwrap_or_default().to_vec(),
        }
    }
}

/// At most `most` of `free`, chosen by `pick`.
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
