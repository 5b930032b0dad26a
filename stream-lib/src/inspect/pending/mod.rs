//! What consumers hold: listed, and, where nobody lives who holds it, released, buried or
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
