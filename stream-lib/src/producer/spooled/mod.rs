//! A backup producer with a spool: to Redis while it is there, else to the
//! spool, in one order.
//!
//! The *spooler* sends each batch *direct*, or keeps it; the *route* is its way into
//! Redis under the numbers of the spool, of which there is one in all *routes* for each
//! partition; *replay* is the thread with the *sender*
//! of the messages that the spool holds, each as an *envelope* keeps it. Where
//! Redis refuses a request, *culprit* finds the message that is to be set aside.
//!
//! Without the feature `spool`, `none.rs` stands in for this module: it has the
//! same `Spooler`, of which none is ever made. So nothing else of a producer
//! asks for the feature.

mod culprit;
mod direct;
mod envelope;
mod replay;
mod route;
mod routes;
mod sender;
mod spooler;
mod stats;

pub(crate) use self::spooler::Spooler;
pub use self::stats::SpoolStats;
pub use crate::producer::spool::SpoolDamage;
