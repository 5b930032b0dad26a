//! Producers as their manager returns them.

use std::fmt;
use std::sync::Arc;

use crate::message::StreamMessage;
use crate::producer::core::ProducerCore;
use crate::producer::handle::Producer;

/// A producer of a manager, without a message type: returned by
/// [`create_simple_producer`](crate::StreamManager::create_simple_producer),
/// [`create_backup_producer`](crate::StreamManager::create_backup_producer) and
/// [`producers`](crate::StreamManager::producers).
///
/// It may be dropped: the manager keeps the producer. As a [`Producer`], it keeps no
/// manager alive.
#[derive(Clone)]
pub struct ProducerHandle {
    core: Arc<ProducerCore>,
    /// `None` for a default producer.
    name: Option<String>,
}

impl ProducerHandle {
    pub(crate) fn new(core: Arc<ProducerCore>, name: Option<String>) -> Self {
        Self { core, name }
    }

    /// A handle on the producer for one message type, which threads and handlers clone.
    pub fn typed<M: StreamMessage + ?Sized>(&self) -> Producer<M> {
        Producer::new(Arc::clone(&self.core))
    }

    /// Its name; `None` for a default producer, which
    /// [`StreamManager::add`](crate::StreamManager::add) made for a stream without one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The stream to which it adds.
    pub fn stream(&self) -> &str {
        self.core.stream()
    }

    /// Whether it is a backup producer; otherwise it is a simple one.
    pub fn is_backup(&self) -> bool {
        self.core.is_backup()
    }

    /// Whether it is a default producer, which
    /// [`StreamManager::add`](crate::StreamManager::add) made.
    pub fn is_default(&self) -> bool {
        self.name.is_none()
    }
}

/// Shows the name; for a default producer its stream, marked: `orders (default)`.
impl fmt::Display for ProducerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{} (default)", self.stream()),
        }
    }
}

impl fmt::Debug for ProducerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerHandle")
            .field("name", &self.name)
            .field("stream", &self.stream())
            .field("backup", &self.is_backup())
            .finish_non_exhaustive()
    }
}
