//! A backup producer with a spool: messages go to Redis while it is there, else to the
//! spool, in one order.
//!
//! The *spooler* sends each batch *direct*, or keeps it; a *route* takes messages to
//! Redis under the numbers of the spool, and *routes* has one, or one for each partition;
//! *replay* is the thread with the *sender* of the spool's messages, each in an
//! *envelope*. If Redis refuses a request, *culprit* finds the message that is to be set
//! aside.
//!
//! Without the feature `spool`, `none.rs` replaces this module: it has the same
//! `Spooler`, of which none is ever made. So the rest of a producer doesn't ask for the
//! feature.

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
