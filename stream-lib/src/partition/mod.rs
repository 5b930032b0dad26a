//! Partitions of a stream: their number, the partition of a message, and the owners in a
//! group. All of it is a function of data.
//!
//! *count* is the checked number of partitions, and *place* the partition of a message.
//! *plan* says which partitions a member takes and gives up, by its *share*.

mod count;
mod place;
mod plan;
mod share;

pub(crate) use self::count::Partitions;
pub(crate) use self::place::{hash_of, partition_of};
pub(crate) use self::plan::{Plan, Sight};
pub(crate) use self::share::share_of;

#[cfg(test)]
mod tests;
