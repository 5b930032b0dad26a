//! Retention: the removal of entries from a stream.
//!
//! *policy* says what may go, as a pure function; the script `retain.lua` does
//! the same where the stream is. *engine* runs it once, for a caller, in *steps* for one,
//! or for the cleaner, and *report* says what came of it, with groups that are *standing*
//! still. *gone* removes what is left of groups that were destroyed. *schedule* knows
//! which streams this process looks after, when each is due, and what the log has
//! been *told*. *worker* is the thread that goes by it, with *telling*, its lines in the
//! log; *cleaner* is the manager's handle on it.

mod cleaner;
mod engine;
mod gone;
mod policy;
mod report;
mod schedule;
mod standing;
mod steps;
mod telling;
mod told;
mod worker;

pub(crate) use self::cleaner::Cleaner;
pub(crate) use self::engine::{Wish, blocked_now, clean, plan};
pub use self::report::{BlockedStream, CleanupReport, RetentionPlan};
pub(crate) use self::schedule::User;
pub use self::standing::StandingGroup;
pub use self::steps::CleanupSteps;
