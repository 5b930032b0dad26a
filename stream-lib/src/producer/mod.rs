//! Producers: what adds messages to a stream.

mod backup;
mod coalesce;
mod core;
mod drain;
#[cfg(feature = "spool")]
mod envelope;
mod line;
mod outlet;
mod pace;
mod pipeline;
#[cfg(feature = "spool")]
mod replay;
#[cfg(feature = "spool")]
mod spool;
#[cfg(feature = "spool")]
mod spooler;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

pub(crate) use self::coalesce::Coalescer;
pub(crate) use self::core::ProducerCore;
#[cfg(feature = "spool")]
pub use self::spool::SpoolDamage;
#[cfg(feature = "spool")]
pub use self::spooler::SpoolStats;

use crate::command::Placed;
use crate::error::Result;
use crate::message::{EntryId, StreamMessage};

/// Where an added message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Added {
    /// In the stream, under this id.
    Main(EntryId),
    /// In the backup stream, under this id, until there is room in the stream.
    /// There it gets a new id; this one travels with it.
    Backup(EntryId),
    /// On disk, in the producer's spool, until Redis is back.
    Spooled,
}

impl Added {
    /// The entry's id in Redis, if it is there already.
    pub fn id(self) -> Option<EntryId> {
        match self {
            Self::Main(id) | Self::Backup(id) => Some(id),
            Self::Spooled => None,
        }
    }
}

impl From<Placed> for Added {
    fn from(placed: Placed) -> Self {
        match placed {
            Placed::Main(id) => Self::Main(id),
            Placed::Backup(id) => Self::Backup(id),
        }
    }
}

/// A handle on a producer of a manager, for one message type.
///
/// Cheap to clone, for threads and handlers. It keeps no manager alive; after
/// the manager's shutdown, or once the producer was removed, it fails with
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
pub struct Producer<M: ?Sized> {
    inner: Arc<ProducerCore>,
    message: PhantomData<fn(&M)>,
}

impl<M: StreamMessage + ?Sized> Producer<M> {
    pub(crate) fn new(inner: Arc<ProducerCore>) -> Self {
        Self {
            inner,
            message: PhantomData,
        }
    }

    /// The stream it adds to.
    pub fn stream(&self) -> &str {
        self.inner.stream()
    }

    /// Adds one message (`XADD`).
    ///
    /// # Blocking
    ///
    /// Until Redis has the entry: one round trip. While Redis is away, up to
    /// the producer's `send_timeout`.
    ///
    /// # Errors
    ///
    /// As [`StreamManager::add`](crate::StreamManager::add).
    pub fn add(&self, message: &M) -> Result<Added> {
        self.inner.add(message, None)
    }

    /// Adds one message, once for this idempotency key: within the producer's
    /// `idempotency_window` a second add of the same key to the same stream, by
    /// anybody, adds nothing and returns where the first one went.
    ///
    /// The key takes the place of one that the message has itself
    /// (`#[stream(idempotency_key)]`). It travels with the entry.
    ///
    /// # Blocking
    ///
    /// As [`add`](Self::add).
    ///
    /// # Delivery
    ///
    /// The entry and the memory of its key are written together or not at all.
    /// So where the connection is lost after sending, the message is sent again
    /// by itself, for up to the producer's `send_timeout`.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); [`Encode`](crate::ErrorKind::Encode) for a key
    /// that is empty or longer than 512 bytes.
    pub fn add_with_key(&self, message: &M, key: &str) -> Result<Added> {
        self.inner.add(message, Some(key))
    }

    /// Adds many messages, the producer's `batch_size` in one round trip.
    /// Returns one result per message, in order: an error stops no other.
    ///
    /// # Blocking
    ///
    /// One round trip per batch.
    pub fn add_all<'m>(&self, messages: impl IntoIterator<Item = &'m M>) -> Vec<Result<Added>>
    where
        M: 'm,
    {
        self.inner.add_all(messages)
    }
}

impl<M: ?Sized> Clone for Producer<M> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            message: PhantomData,
        }
    }
}

impl<M: ?Sized> fmt::Debug for Producer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("stream", &self.inner.stream())
            .finish_non_exhaustive()
    }
}
