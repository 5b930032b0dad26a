//! A backup producer with a spool: to Redis while it is there, else to the
//! spool, in one order.
//!
//! The *spooler* sends each batch, or keeps it; the *route* is its way into
//! Redis under the numbers of the spool; *replay* is the thread that sends what
//! the spool holds, each message as an *envelope* keeps it.
//!
//! Without the feature `spool`, `none.rs` stands in for this module: it has the
//! same `Spooler`, of which none is ever made. So nothing else of a producer
//! asks for the feature.

mod envelope;
mod replay;
mod route;
mod spooler;

pub use self::spooler::SpoolStats;
pub(crate) use self::spooler::Spooler;
pub use crate::producer::spool::SpoolDamage;
