//! Pending entries: listed, and, if no living consumer holds them, released, buried or
//! acknowledged.

mod entry;
mod filter;
mod handle;
mod holders;
mod report;
mod walk;

pub use self::entry::{PendingEntry, PendingHolder, PendingPage};
pub use self::filter::PendingFilter;
pub use self::handle::Pending;
pub use self::report::{PendingHeld, PendingReport};
