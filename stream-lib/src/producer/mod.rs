//! Producers: they add messages to a stream.
//!
//! From above: a *registered* producer is what a manager returns; a *handle*, for one
//! message type, is for threads; a *draft* is a message about to go out, in an *envelope*
//! with its additions; the *core* is common to all producers. *later* schedules a
//! message. An *outbox* sends messages in the background. *transport* takes messages to
//! Redis; *backup* moves entries back from the backup stream; *spooled* sends messages
//! through the *spool* on the local disk; *recording* replaces Redis in users' tests.
//! *capacity* is the backlog at which messages go to the backup stream, *replication* the
//! replicas that a request waits for, and *unreplicated* the error that too few have a
//! message; *health* reports on a producer's threads, and *added* is the result for a
//! message. Each uses only those named after it.

mod added;
mod backup;
mod capacity;
mod core;
mod draft;
mod handle;
mod health;
mod later;
mod outbox;
#[cfg_attr(not(feature = "test-util"), path = "recording/none.rs")]
mod recording;
mod registered;
mod replication;
#[cfg(feature = "spool")]
mod spool;
#[cfg_attr(not(feature = "spool"), path = "spooled/none.rs")]
mod spooled;
mod transport;
mod unreplicated;

pub use self::added::Added;
pub(crate) use self::backup::Lookout;
pub(crate) use self::core::ProducerCore;
pub use self::draft::Draft;
pub(crate) use self::draft::FindProducer;
pub use self::handle::Producer;
pub use self::outbox::{FlushReport, Receipt, SendFailure};
#[cfg(feature = "test-util")]
pub(crate) use self::recording::Recorder;
pub use self::registered::ProducerHandle;
#[cfg(feature = "spool")]
pub use self::spooled::{SpoolDamage, SpoolStats};
pub(crate) use self::transport::{Coalescer, Joined, Line};
pub use self::unreplicated::NotReplicated;
