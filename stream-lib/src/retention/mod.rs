//! Retention: the removal of entries from a stream.
//!
//! *policy* decides which entries may go, as a pure function; the script `retain.lua`
//! decides the same in the server. *engine* runs the script once, for a caller or for the
//! cleaner, and *report* has the result, with groups that are *standing* still. *gone*
//! removes the traces of destroyed groups. *schedule* knows the streams that this process
//! looks after, the time at which each is due, and what the log has been *told*;
//! *cleaner* is the thread that follows it.

mod cleaner;
mod engine;
mod gone;
mod policy;
mod report;
mod schedule;
mod standing;
mod told;

pub(crate) use self::cleaner::Cleaner;
pub(crate) use self::engine::{Wish, blocked_now, clean, plan};
pub use self::report::{BlockedStream, CleanupReport, RetentionPlan};
pub(crate) use self::schedule::User;
pub use self::standing::StandingGroup;
