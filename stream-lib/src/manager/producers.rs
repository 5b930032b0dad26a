//! The producers of a manager.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::registry::NameRegistry;
use super::stream_manager::StreamManager;
use crate::command::{Envelope, Extras};
use crate::config::{BackupStreamConfig, RetentionSettings, StreamConfig};
use crate::error::Result;
use crate::message::{Routed, StreamMessage};
use crate::producer::{
    Added, Draft, FindProducer, FlushReport, Producer, ProducerCore, ProducerHandle, Receipt,
};
use crate::retention::User;

impl StreamManager {
    /// Creates a simple producer, which adds straight to the stream: for logs, events and
    /// other messages that may wait while Redis is away.
    ///
    /// Redis is first contacted when a message is added, except by a background thread,
    /// which stores the settings of retention, if any were given, and cleans the stream
    /// on its interval.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if this manager has a producer
    /// of that name, [`Config`](crate::ErrorKind::Config) for a value out of its bounds,
    /// [`Closed`](crate::ErrorKind::Closed) after the shutdown.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use stream_lib::{RawMessage, StreamConfig, StreamManager};
    ///
    /// let manager = StreamManager::connect("redis://127.0.0.1:6379")?;
    /// let events = manager
    ///     .create_simple_producer("events", StreamConfig::new("user_events"))?
    ///     .typed::<RawMessage>();
    /// events.add(&RawMessage::new().with("action", "login"))?;
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn create_simple_producer(
        &self,
        name: &str,
        config: StreamConfig,
    ) -> Result<ProducerHandle> {
        self.origin.ensure_here()?;
        let asked = config.retention.clone();
        let producer = ProducerCore::simple(&self.coalescer, &self.splits, &self.book, config)?;
        self.register_producer(name, producer, asked)
    }

    /// Creates a backup producer, for orders, payments and other messages that must not
    /// be lost or overtaken when consumers fall behind.
    ///
    /// While the stream's backlog is below its
    /// [`capacity`](crate::StreamConfig::capacity), messages go straight to it. Beyond
    /// that they wait in the backup stream, and a thread of the producer moves them back,
    /// in order, as consumers make room. Consumers of the stream move them, too, unless
    /// [`drain_backup`](crate::ConsumerConfig::drain_backup) is off, so that no producer
    /// need keep running for it; one process moves them at a time.
    ///
    /// # Delivery
    ///
    /// The order of the calls is kept across both streams. No crash of any
    /// process loses or duplicates an entry on its way back.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if this manager has a producer
    /// of that name, [`Config`](crate::ErrorKind::Config) for a value out of its bounds,
    /// [`Closed`](crate::ErrorKind::Closed) after the shutdown,
    /// [`System`](crate::ErrorKind::System) if no thread or file can be had; with a
    /// spool, [`Locked`](crate::ErrorKind::Locked) if another process or producer has its
    /// directory.
    pub fn create_backup_producer(
        &self,
        name: &str,
        config: impl Into<BackupStreamConfig>,
    ) -> Result<ProducerHandle> {
        self.origin.ensure_here()?;
        let config = config.into();
        let asked = config.stream.retention.clone();
        let producer = ProducerCore::backup(&self.coalescer, &self.splits, &self.book, config)?;
        self.register_producer(name, producer, asked)
    }

    /// A handle on a producer for one message type, which threads and handlers clone.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no producer has this name.
    pub fn producer<M: StreamMessage + ?Sized>(&self, name: &str) -> Result<Producer<M>> {
        self.origin.ensure_here()?;
        let producer = self.registry.read().producers.get("producer", name)?;
        Ok(Producer::new(producer))
    }

    /// The names of all producers, sorted; after them the streams for which
    /// [`add`](Self::add) has made a default producer, each marked: `orders (default)`.
    /// [`producers`](Self::producers) returns handles on them.
    pub fn list_producers(&self) -> Vec<String> {
        let producers = self.producers();
        producers.iter().map(ToString::to_string).collect()
    }

    /// All producers, in the order of [`list_producers`](Self::list_producers).
    pub fn producers(&self) -> Vec<ProducerHandle> {
        if !self.origin.is_here() {
            return Vec::new();
        }
        self.registry.read().handles()
    }

    /// Sets whether every stream needs a producer that was created for it: then
    /// [`add`](Self::add), [`add_all`](Self::add_all), [`send`](Self::send) and
    /// [`with`](Self::with) fail with [`NotFound`](crate::ErrorKind::NotFound) if there
    /// is none, so that a message with a mistaken stream name doesn't bypass its backup
    /// stream. Existing default producers are not used then. Defaults to false.
    pub fn require_producers(&self, require: bool) {
        if self.origin.is_here() {
            self.registry.write().no_defaults = require;
        }
    }

    /// Removes a producer. Its handles fail with [`Closed`](crate::ErrorKind::Closed)
    /// from now on.
    ///
    /// # Blocking
    ///
    /// Until the messages queued by `send` have gone out, up to the producer's
    /// `send_timeout`; for a backup producer, until its thread has ended: a round trip,
    /// or a few seconds while Redis is away. From a handler the call only signals.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no producer has this name.
    pub fn remove_producer(&self, name: &str) -> Result<()> {
        self.origin.ensure_here()?;
        let producer = self.registry.write().producers.remove("producer", name)?;
        producer.close();
        producer.join();
        self.cleaner
            .forget(producer.stream(), &User::Producer(name.to_owned()));
        Ok(())
    }

    /// Adds a message to its type's stream (`XADD`), by the producer created for the
    /// stream. If there is none, a simple producer with default settings is made, which
    /// the log reports once and [`require_producers`](Self::require_producers) forbids.
    ///
    /// # Blocking
    ///
    /// Until Redis has the entry: one round trip, and another one to its replicas if the
    /// producer asks for them. While Redis is away, up to the producer's `send_timeout`.
    ///
    /// # Delivery
    ///
    /// `Ok` means that Redis has the entry, and so do as many replicas as the producer
    /// asks for ([`replicas`](crate::StreamConfig::replicas)). After
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) Redis may have it or not;
    /// after [`NotReplicated`](crate::ErrorKind::NotReplicated) Redis has it, but too few
    /// replicas do; after any other error Redis doesn't have it.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous) if several producers serve the stream,
    /// [`NotFound`](crate::ErrorKind::NotFound) if none does and one is
    /// [required](Self::require_producers), [`Config`](crate::ErrorKind::Config) if the
    /// type's stream has an invalid name, [`Unavailable`](crate::ErrorKind::Unavailable)
    /// if Redis can't be reached within `send_timeout`,
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost
    /// before the answer, [`NotReplicated`](crate::ErrorKind::NotReplicated) if too few
    /// replicas confirm, [`Encode`](crate::ErrorKind::Encode) for a message that can't be
    /// written as an entry, [`Refused`](crate::ErrorKind::Refused) while Redis takes no
    /// writes, [`Full`](crate::ErrorKind::Full) if the backup stream or the spool is
    /// full, [`WrongType`](crate::ErrorKind::WrongType) if the key is no stream,
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    /// [`Closed`](crate::ErrorKind::Closed) after the shutdown.
    pub fn add<M: StreamMessage + Routed + ?Sized>(&self, message: &M) -> Result<Added> {
        self.producer_of::<M>()?.add(message, &Extras::NONE)
    }

    /// Begins to add a message with more than its own fields, by the producer that
    /// [`add`](Self::add) would use; see [`Producer::with`].
    pub fn with<'m, M: StreamMessage + Routed + ?Sized>(&self, message: &'m M) -> Draft<'_, 'm, M> {
        Draft::to(M::STREAM, self, message)
    }

    /// As [`add`](Self::add), for many messages, each batch in one round trip. Returns
    /// one result per message, in order; an error of one doesn't stop the others.
    ///
    /// Each is a `&message`, or an [`Envelope`] if more goes with it.
    ///
    /// # Errors
    ///
    /// The outer error if no producer can be found; the inner ones as [`add`](Self::add).
    pub fn add_all<'m, M, I>(&self, messages: I) -> Result<Vec<Result<Added>>>
    where
        M: StreamMessage + Routed + 'm,
        I: IntoIterator,
        I::Item: Into<Envelope<'m, M>>,
    {
        Ok(self.producer_of::<M>()?.add_all(messages))
    }

    /// Queues a message for its type's stream, by the producer registered for the stream,
    /// without waiting for Redis; see [`Producer::send`].
    ///
    /// # Errors
    ///
    /// As [`Producer::send`]; [`Ambiguous`](crate::ErrorKind::Ambiguous) if several
    /// producers serve the stream.
    pub fn send<M: StreamMessage + Routed + ?Sized>(&self, message: &M) -> Result<Receipt> {
        self.producer_of::<M>()?.send(message, &Extras::NONE)
    }

    /// Waits until all messages sent before, by any producer of this manager, are
    /// answered, and reports their results; see [`Producer::flush`].
    ///
    /// # Blocking
    ///
    /// At most `timeout`.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        let end = Instant::now().checked_add(timeout);
        let left = || end.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
        if let Err(e) = self.origin.ensure_here() {
            return FlushReport::impossible(e);
        }
        let producers = self.registry.read().all_producers();
        producers
            .iter()
            .map(|producer| producer.flush(left()))
            .fold(FlushReport::default(), FlushReport::and)
    }

    /// As [`add`](Self::add), by the producer of this name: for messages without a stream
    /// of their own, and for streams with several producers.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no producer has this name, else as
    /// [`add`](Self::add).
    pub fn add_to<M: StreamMessage + ?Sized>(&self, producer: &str, message: &M) -> Result<Added> {
        self.origin.ensure_here()?;
        let registry = self.registry.read();
        registry.ensure_adds()?;
        let producer = registry.producers.get("producer", producer)?;
        drop(registry);
        producer.note(M::SCHEMA);
        producer.add(message, &Extras::NONE)
    }

    fn register_producer(
        &self,
        name: &str,
        producer: ProducerCore,
        asked: RetentionSettings,
    ) -> Result<ProducerHandle> {
        producer.set_alarm(
            self.timekeeper
                .alarm(producer.keys(), producer.max_backup()),
        );
        let producer = Arc::new(producer);
        let mut registry = self.registry.write();
        if let Err(e) = registry.register(name, &producer) {
            drop(registry);
            producer.close();
            producer.join();
            return Err(e);
        }
        producer.wish_partitions();
        let keys = producer.keys();
        self.cleaner
            .tend(keys, User::Producer(name.to_owned()), asked);
        self.cleaner.forget(keys.stream(), &User::DefaultProducer);
        self.publish_metrics();
        Ok(ProducerHandle::new(producer, Some(name.to_owned())))
    }

    fn producer_of<M: StreamMessage + Routed + ?Sized>(&self) -> Result<Arc<ProducerCore>> {
        let producer = self.producer_for(M::STREAM)?;
        producer.note(M::SCHEMA);
        Ok(producer)
    }

    fn producer_for(&self, stream: &str) -> Result<Arc<ProducerCore>> {
        self.origin.ensure_here()?;
        {
            let registry = self.registry.read();
            registry.ensure_adds()?;
            if let Some(producer) = registry.producer_for(stream)? {
                return Ok(producer);
            }
        }
        let config = StreamConfig::new(stream);
        let made = ProducerCore::simple(&self.coalescer, &self.splits, &self.book, config)?;
        made.set_alarm(self.timekeeper.alarm(made.keys(), None));
        let made = Arc::new(made);
        let mut registry = self.registry.write();
        registry.ensure_adds()?;
        // Another thread may have been faster.
        if let Some(producer) = registry.producer_for(stream)? {
            return Ok(producer);
        }
        registry
            .defaults
            .insert(stream.to_owned(), Arc::clone(&made));
        tell_of_default(stream, &registry);
        let asked = RetentionSettings::default();
        self.cleaner.tend(made.keys(), User::DefaultProducer, asked);
        self.publish_metrics();
        Ok(made)
    }
}

/// Logs once that no producer was created for a stream. If others were created, its name
/// may be a mistake.
fn tell_of_default(stream: &str, registry: &NameRegistry) {
    let level = if registry.producers.names().is_empty() {
        log::Level::Info
    } else {
        log::Level::Warn
    };
    log::log!(
        level,
        "no producer was created for `{stream}` ({}): messages go there by a simple one with \
         default settings, without a backup stream; `create_simple_producer` or \
         `create_backup_producer` makes another, `require_producers` refuses such messages",
        registry.known_producers()
    );
}

impl FindProducer for StreamManager {
    fn find_producer(&self, stream: &str) -> Result<Arc<ProducerCore>> {
        self.producer_for(stream)
    }
}
