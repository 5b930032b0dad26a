//! Partitions of a stream: how many, which one a message goes to, what they are
//! called, and which members of a group own which. All of it is a function of data.
//!
//! *count* is the number of them, checked; *place* is a message's partition, *names*
//! are their streams; the *plan* says what a member takes and gives up, by its
//! *share*.

mod count;
mod names;
mod place;
mod plan;
mod share;

pub(crate) use self::count::Partitions;
pub(crate) use self::place::{hash_of, partition_of};
pub(crate) use self::plan::{Plan, Sight};
pub(crate) use self::share::share_of;

#[cfg(test)]
mod tests;
