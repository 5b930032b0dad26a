//! A message on its way out, to be finished by `add` or `send`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::command::Envelope;
use crate::error::Result;
use crate::message::StreamMessage;
use crate::producer::added::Added;
use crate::producer::core::ProducerCore;
use crate::producer::outbox::Receipt;

/// Knows the producer of a stream.
pub(crate) trait FindProducer: Send + Sync {
    fn find_producer(&self, stream: &str) -> Result<Arc<ProducerCore>>;
}

/// A message with what travels with it, made by
/// [`Producer::with`](crate::Producer::with) or
/// [`StreamManager::with`](crate::StreamManager::with). Nothing happens before
/// [`add`](Self::add) or [`send`](Self::send).
#[must_use = "nothing is added before `add` or `send`"]
pub struct Draft<'p, 'm, M: ?Sized> {
    way: Way<'p>,
    envelope: Envelope<'m, M>,
}

#[derive(Clone, Copy)]
enum Way<'p> {
    By(&'p ProducerCore),
    /// By the producer of this stream, found when the message goes out.
    To(&'static str, &'p dyn FindProducer),
}

impl<'p, 'm, M: StreamMessage + ?Sized> Draft<'p, 'm, M> {
    pub(crate) const fn by(producer: &'p ProducerCore, message: &'m M) -> Self {
        Self {
            way: Way::By(producer),
            envelope: Envelope::new(message),
        }
    }

    pub(crate) const fn to(
        stream: &'static str,
        find: &'p dyn FindProducer,
        message: &'m M,
    ) -> Self {
        Self {
            way: Way::To(stream, find),
            envelope: Envelope::new(message),
        }
    }

    /// Adds the message once for this key; see
    /// [`Envelope::idempotency_key`]. Defaults to the message's own, if any.
    pub fn idempotency_key(mut self, key: impl Into<Cow<'m, str>>) -> Self {
        self.envelope = self.envelope.idempotency_key(key);
        self
    }

    /// Sends a header along; see [`Envelope::header`]. Defaults to none.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.envelope = self.envelope.header(name, value);
        self
    }

    /// Adds the message.
    ///
    /// # Blocking
    ///
    /// As [`Producer::add`](crate::Producer::add).
    ///
    /// # Delivery
    ///
    /// As [`Producer::add`](crate::Producer::add), with a key as
    /// [`Producer::add_with_key`](crate::Producer::add_with_key).
    ///
    /// # Errors
    ///
    /// As [`StreamManager::add`](crate::StreamManager::add);
    /// [`Encode`](crate::ErrorKind::Encode) also for a key or a header that is out
    /// of its bounds.
    pub fn add(self) -> Result<Added> {
        self.with_producer(|producer, envelope| producer.add(envelope.message(), envelope.extras()))
    }

    /// Queues the message, as [`Producer::send`](crate::Producer::send) does.
    ///
    /// # Blocking
    ///
    /// As [`Producer::send`](crate::Producer::send).
    ///
    /// # Errors
    ///
    /// As [`Producer::send`](crate::Producer::send);
    /// [`Encode`](crate::ErrorKind::Encode) also for a key or a header that is out
    /// of its bounds.
    pub fn send(self) -> Result<Receipt> {
        self.with_producer(|producer, envelope| {
            producer.send(envelope.message(), envelope.extras())
        })
    }

    fn with_producer<T>(
        &self,
        go: impl FnOnce(&ProducerCore, &Envelope<'m, M>) -> Result<T>,
    ) -> Result<T> {
        match self.way {
            Way::By(producer) => go(producer, &self.envelope),
            Way::To(stream, find) => go(&*find.find_producer(stream)?, &self.envelope),
        }
    }
}

/// Shows neither the message nor values: payloads are not logged.
impl<M: ?Sized> fmt::Debug for Draft<'_, '_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = match self.way {
            Way::By(producer) => producer.stream(),
            Way::To(stream, _) => stream,
        };
        f.debug_struct("Draft")
            .field("stream", &stream)
            .field("envelope", &self.envelope)
            .finish()
    }
}
