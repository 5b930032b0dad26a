//! Producers: they add messages to a stream.

mod added;
mod backup;
mod core;
mod handle;
mod outbox;
#[cfg(feature = "spool")]
mod spool;
#[cfg(feature = "spool")]
mod spooled;
mod transport;

pub use self::added::Added;
pub(crate) use self::core::ProducerCore;
pub use self::handle::Producer;
pub use self::outbox::{FlushReport, Receipt, SendFailure};
#[cfg(feature = "spool")]
pub use self::spool::SpoolDamage;
#[cfg(feature = "spool")]
pub use self::spooled::SpoolStats;
pub(crate) use self::transport::{Coalescer, Line, Turn};
