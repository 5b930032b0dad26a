//! How many partitions each member of a group owns.

use std::collections::BTreeSet;

use super::count::Partitions;

/// The share of the member `me`: ⌊P/n⌋ of P partitions for each of n members, and one
/// more for the first of them by rank, as many as are left over.
///
/// All members come to shares that add up to P, without talking to each other, if they
/// see the same ones `living`, in any order. A member that joins makes no other share
/// larger, and one that leaves makes none smaller, so that only the partitions move
/// that have to.
///
/// The ranks of one `group`, the group of a stream, say nothing about those of another:
/// else the same members would have more of everything.
pub(crate) fn share_of<'a>(
    me: &'a str,
    living: impl IntoIterator<Item = &'a str>,
    group: &str,
    partitions: Partitions,
) -> usize {
    let rank = |name: &'a str| (seniority(name, group), name);
    let mut members: BTreeSet<_> = living.into_iter().map(rank).collect();
    // It lives, whatever its sign says.
    members.insert(rank(me));
    let (count, each) = (usize::from(partitions.count()), members.len());
    let before = members.range(..rank(me)).count();
    count / each + usize::from(before < count % each)
}

/// What members of a group are sorted by, before their names.
fn seniority(name: &str, group: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(group.as_bytes());
    hasher.update(&[0]);
    hasher.update(name.as_bytes());
    hasher.finalize()
}
