//! A message that is about to be added or sent.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::command::Envelope;
use crate::config::{When, WhenTaken};
use crate::error::{Error, ErrorKind, Result};
use crate::message::StreamMessage;
use crate::producer::added::Added;
use crate::producer::core::ProducerCore;
use crate::producer::later::Plan;
use crate::producer::outbox::Receipt;

/// Finds the producer of a stream.
pub(crate) trait FindProducer: Send + Sync {
    fn find_producer(&self, stream: &str) -> Result<Arc<ProducerCore>>;
}

/// A message with additions, made by [`Producer::with`](crate::Producer::with) or
/// [`StreamManager::with`](crate::StreamManager::with). Nothing happens before
/// [`add`](Self::add) or [`send`](Self::send).
#[must_use = "nothing is added before `add` or `send`"]
pub struct Draft<'p, 'm, M: ?Sized> {
    way: Way<'p>,
    envelope: Envelope<'m, M>,
    plan: Plan<'m>,
}

#[derive(Clone, Copy)]
enum Way<'p> {
    By(&'p ProducerCore),
    /// By the producer of this stream, looked up when the message goes out.
    To(&'static str, &'p dyn FindProducer),
}

impl<'p, 'm, M: StreamMessage + ?Sized> Draft<'p, 'm, M> {
    pub(crate) fn by(producer: &'p ProducerCore, message: &'m M) -> Self {
        Self {
            way: Way::By(producer),
            envelope: Envelope::new(message),
            plan: Plan::default(),
        }
    }

    pub(crate) fn to(stream: &'static str, find: &'p dyn FindProducer, message: &'m M) -> Self {
        Self {
            way: Way::To(stream, find),
            envelope: Envelope::new(message),
            plan: Plan::default(),
        }
    }

    /// Adds the message once for this key; see
    /// [`Envelope::idempotency_key`]. Defaults to the message's own, if any.
    pub fn idempotency_key(mut self, key: impl Into<Cow<'m, str>>) -> Self {
        self.envelope = self.envelope.idempotency_key(key);
        self
    }

    /// Sets the key of the message, which decides its partition; see [`Envelope::key`].
    /// Defaults to the message's own, if any.
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.envelope = self.envelope.key(key);
        self
    }

    /// Adds a header; see [`Envelope::header`]. Defaults to none.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.envelope = self.envelope.header(name, value);
        self
    }

    /// Schedules the message: [`add`](Self::add) stores it in Redis, and it moves to the
    /// stream after this time, at most 100 years. 0 is at once. Defaults to none: the
    /// message is added.
    ///
    /// Any process that consumes the stream, or has scheduled a message for it, moves it:
    /// this process to the millisecond, others within a quarter of a second. Other
    /// processes don't look. This process need not live until then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use stream_lib::{Added, Producer, RawMessage};
    /// # fn remind(producer: &Producer<RawMessage>, reminder: &RawMessage) -> stream_lib::Result<()> {
    /// let added = producer.with(reminder).after(Duration::from_secs(3_600)).add()?;
    /// if let Added::Scheduled(id) = added {
    ///     println!("scheduled as {id}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn after(mut self, time: Duration) -> Self {
        self.plan.when = Some(When::After(time));
        self
    }

    /// As [`after`](Self::after), at this time by the server's clock, up to the year
    /// 9999. A time that has passed is due at once.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.plan.when = Some(When::At(time));
        self
    }

    /// Schedules the message under a key, 1 to 512 bytes, that one scheduled message of
    /// the stream, or a partition of it, has at a time. The key is free again once the
    /// message is due, or cancelled. Without another key it decides the partition. Needs
    /// [`after`](Self::after) or [`at`](Self::at). Defaults to none.
    pub fn unique(mut self, key: impl Into<Cow<'m, str>>, taken: WhenTaken) -> Self {
        self.plan.unique = Some((key.into(), taken));
        self
    }

    /// Adds the message, or schedules it.
    ///
    /// # Blocking
    ///
    /// As [`Producer::add`](crate::Producer::add): one round trip either way.
    ///
    /// # Delivery
    ///
    /// As [`Producer::add`](crate::Producer::add), with a key as
    /// [`Producer::add_with_key`](crate::Producer::add_with_key). A scheduled message
    /// moves to the stream once. It is never spooled: while Redis is away, scheduling
    /// fails. Its idempotency key holds until it is due and for the window after; a
    /// repeat returns [`Added::Scheduled`] with the first id.
    ///
    /// # Errors
    ///
    /// As [`StreamManager::add`](crate::StreamManager::add);
    /// [`Encode`](crate::ErrorKind::Encode) also for a key or a header out of its bounds.
    /// For a scheduled message, [`Config`](crate::ErrorKind::Config) for a time or a
    /// unique key out of its bounds, and
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) for a unique key that is taken,
    /// with [`WhenTaken::Refuse`].
    pub fn add(self) -> Result<Added> {
        self.with_producer(|producer, envelope| {
            let (message, extras) = (envelope.message(), envelope.extras());
            if self.plan.is_now() {
                producer.add(message, extras)
            } else {
                producer.schedule(message, extras, &self.plan)
            }
        })
    }

    /// Queues the message, as [`Producer::send`](crate::Producer::send) does.
    ///
    /// # Blocking
    ///
    /// As [`Producer::send`](crate::Producer::send).
    ///
    /// # Errors
    ///
    /// As [`Producer::send`](crate::Producer::send); [`Encode`](crate::ErrorKind::Encode)
    /// also for a key or a header out of its bounds. [`Config`](crate::ErrorKind::Config)
    /// for a message that is to be scheduled, which only [`add`](Self::add) does.
    pub fn send(self) -> Result<Receipt> {
        if !self.plan.is_now() {
            let text = "a message with `after`, `at` or `unique` is scheduled by `add`: `send` \
                        queues it in this process, which may end before it is due";
            return Err(Error::new(ErrorKind::Config, text));
        }
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
            Way::To(stream, find) => {
                let producer = find.find_producer(stream)?;
                producer.note(M::SCHEMA);
                go(&producer, &self.envelope)
            }
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
