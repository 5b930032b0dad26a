//! How many partitions each member of a group owns.

use std::collections::BTreeSet;

use super::count::Partitions;

/// The share of the member `me`: ⌊P/n⌋ of P partitions for each of n members, and one
/// more for the first of them by rank, as many as are left over.
///
/// Members that see the same `living`, in any order, compute shares that add up to P
/// without talking to each other. A member that joins makes no other share larger, and
/// one that leaves makes none smaller, so only the partitions move that have to.
///
/// Ranks differ between values of `group`, the group of a stream; otherwise the same
/// members would get more of every stream.
pub(crate) fn share_of<'a>(
    me: &'a str,
    living: impl IntoIterator<Item = &'a str>,
    group: &str,
    partitions: Partitions,
) -> usize {
    let rank = |name: &'a str| (seniority(name, group), name);
    let mut members: BTreeSet<_> = living.into_iter().map(rank).collect();
    // This member lives, whatever its sign says.
    members.insert(rank(me));
    let (count, each) = (usize::from(partitions.count()), members.len());
    let before = members.range(..rank(me)).count();
    count / each + usize::from(before < count % each)
}

/// The first sort key of the members of a group; their names are the second.
fn seniority(name: &str, group: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(group.as_bytes());
    hasher.update(&[0]);
    hasher.update(name.as_bytes());
    hasher.finalize()
}
