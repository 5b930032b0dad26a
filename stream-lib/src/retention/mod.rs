//! Retention: what leaves a stream, and when.
//!
//! *policy* says what may go, as a pure function; the script `retain.lua` does
//! the same where the stream is. *engine* runs it once, for a caller or for the
//! cleaner, and *report* says what came of it. *schedule* knows which streams
//! this process looks after, and when each is due; *cleaner* is the thread that
//! goes by it. Each uses only those named before it.

mod cleaner;
mod engine;
mod policy;
mod report;
mod schedule;

pub(crate) use self::cleaner::Cleaner;
pub(crate) use self::engine::{Wish, blocked_now, clean, plan};
pub use self::report::{BlockedStream, CleanupReport, RetentionPlan};
pub(crate) use self::schedule::User;
