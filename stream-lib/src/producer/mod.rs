//! Producers: they add messages to a stream.
//!
//! From above: a *registered* producer is what a manager gives out; a *handle*,
//! for one message type, is what threads hold; a *draft* is a message on its
//! way out, in an *envelope* with what goes with it; the *core* is what all
//! producers have in common. *later* schedules a message. An *outbox* sends what nobody waits for. *transport* takes
//! messages to Redis; *backup* moves entries back from the backup stream;
//! *spooled* is the way through the *spool* on the local disk, *recording* what
//! stands in place of Redis in users' tests. *capacity* is the backlog from which on
//! messages go to the backup stream, *replication* says for which replicas a request
//! waits, and *unreplicated* that too few have it; *health* tells how a producer's
//! threads fare, and *added* what became of a message. Each uses only those named after it.

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
