//! The handle on a producer, for threads and handlers.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::command::{Envelope, Extras};
use crate::error::Result;
use crate::message::StreamMessage;
use crate::producer::added::Added;
use crate::producer::core::ProducerCore;
use crate::producer::draft::Draft;
use crate::producer::outbox::{FlushReport, Receipt};

/// A handle on a producer of a manager, for one message type.
///
/// It is cheap to clone, for threads and handlers. It keeps no manager alive; after the
/// manager's shutdown, or the producer's removal, it fails with
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
pub struct Producer<M: ?Sized> {
    inner: Arc<ProducerCore>,
    message: PhantomData<fn(&M)>,
}

impl<M: StreamMessage + ?Sized> Producer<M> {
    pub(crate) fn new(inner: Arc<ProducerCore>) -> Self {
        inner.note(M::SCHEMA);
        Self {
            inner,
            message: PhantomData,
        }
    }

    /// The stream to which it adds.
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
        self.inner.add(message, &Extras::NONE)
    }

    /// Adds one message, once for this idempotency key: within the producer's
    /// `idempotency_window` a second add of the same key to the same stream, by any
    /// producer, adds nothing and returns [`Added::Duplicate`] with the id of the first
    /// entry.
    ///
    /// The key replaces the message's own (`#[stream(idempotency_key)]`). It travels with
    /// the entry.
    ///
    /// # Blocking
    ///
    /// As [`add`](Self::add).
    ///
    /// # Delivery
    ///
    /// The entry and the record of its key are written together or not at all. So the
    /// library sends the message again if the connection is lost after sending, for up to
    /// the producer's `send_timeout`.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); [`Encode`](crate::ErrorKind::Encode) for a key that is
    /// empty or longer than 512 bytes, [`WrongType`](crate::ErrorKind::WrongType) if the
    /// Redis key of that record holds something else.
    pub fn add_with_key(&self, message: &M, key: &str) -> Result<Added> {
        self.inner.add(message, &Extras::of_key(key))
    }

    /// Begins to add one message with more than its own fields: an idempotency
    /// key, and headers that travel with the entry.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use stream_lib::{Producer, RawMessage};
    /// # fn pay(producer: &Producer<RawMessage>, order: &RawMessage) -> stream_lib::Result<()> {
    /// producer
    ///     .with(order)
    ///     .idempotency_key("order-A-1")
    ///     .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    ///     .add()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with<'m>(&self, message: &'m M) -> Draft<'_, 'm, M> {
        Draft::by(&self.inner, message)
    }

    /// Adds many messages, the producer's `batch_size` in one round trip. Returns one
    /// result per message, in order; an error of one doesn't stop the others.
    ///
    /// Each is a `&message`, or an [`Envelope`] if more goes with it.
    ///
    /// # Blocking
    ///
    /// One round trip per batch. While Redis is away, up to the producer's
    /// `send_timeout` for each batch.
    ///
    /// # Errors
    ///
    /// Each message's own, as [`add`](Self::add).
    pub fn add_all<'m, I>(&self, messages: I) -> Vec<Result<Added>>
    where
        M: 'm,
        I: IntoIterator,
        I::Item: Into<Envelope<'m, M>>,
    {
        self.inner.add_all(messages)
    }

    /// Queues one message without waiting for Redis: a thread of the producer sends
    /// queued messages, in order, as many at a time as there are.
    ///
    /// An [`add`](Self::add) of this producer waits for the messages sent before it, so
    /// it comes behind them.
    ///
    /// # Blocking
    ///
    /// While the send buffer is full, as [`WhenFull`](crate::WhenFull) says.
    ///
    /// # Delivery
    ///
    /// The receipt holds the answer. If the receipt is dropped, the message goes out all
    /// the same, and [`flush`](Self::flush) reports a failure; the log has the first
    /// failure of a row. Messages that are queued when the manager shuts down, or the
    /// producer is removed, still go out, for up to its `send_timeout`. Messages that are
    /// queued when the process dies are lost: use [`add`](Self::add) for those that must
    /// not be.
    ///
    /// # Errors
    ///
    /// [`Encode`](crate::ErrorKind::Encode) for a message that can't be written as an
    /// entry, [`Full`](crate::ErrorKind::Full) while the send buffer is full,
    /// [`Closed`](crate::ErrorKind::Closed) after a shutdown or a removal,
    /// [`System`](crate::ErrorKind::System) if the thread can't be started. The message
    /// was not queued.
    pub fn send(&self, message: &M) -> Result<Receipt> {
        self.inner.send(message, &Extras::NONE)
    }

    /// As [`send`](Self::send), once for this idempotency key, as with
    /// [`add_with_key`](Self::add_with_key).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_with_key(&self, message: &M, key: &str) -> Result<Receipt> {
        self.inner.send(message, &Extras::of_key(key))
    }

    /// Waits until all messages sent before, by any handle of this producer, are
    /// answered, and reports their results: each message in one report only.
    ///
    /// # Blocking
    ///
    /// At most `timeout`. Messages that are not answered by then go on, and are
    /// in the next report.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        self.inner.flush(timeout)
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
