//! One place for all producers and consumers of a process.

mod global;
mod registry;
mod retention;

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use self::registry::Registry;
use crate::command::{Server, warn_of_eviction};
use crate::config::{
    BackupStreamConfig, ConnectionConfig, ConsumerConfig, RetentionSettings, StreamConfig,
};
use crate::connection::Topology;
use crate::consumer::{Consumer, Delivery, Handler, HandlerResult, ShutdownReport};
use crate::dead_letters::DeadLetters;
use crate::error::{Error, ErrorKind, Result};
use crate::inspect::{self, StreamStats};
use crate::keys::StreamKeys;
use crate::message::{OwnedMessage, Routed, StreamMessage};
#[cfg(feature = "spool")]
use crate::producer::SpoolStats;
use crate::producer::{Added, Producer, ProducerCore};
use crate::retention::{Cleaner, User};
use crate::runtime::on_library_thread;

/// The owner of a process's producers and consumers, and of their connections
/// to one Redis.
///
/// Shared by reference, in an `Arc`, or as the [global](Self::global) one;
/// threads and handlers that only add messages take a [`Producer`] instead.
/// Dropping it is a [`shutdown`](Self::shutdown).
///
/// # Examples
///
/// ```no_run
/// use stream_lib::{ConsumerConfig, StreamManager, StreamMessage};
///
/// #[derive(StreamMessage)]
/// #[stream(name = "orders")]
/// struct Order {
///     order_id: String,
///     amount: f64,
/// }
///
/// let manager = StreamManager::connect("redis://127.0.0.1:6379")?;
/// manager.consume_fn::<Order>("order_consumer", ConsumerConfig::new("orders"), |order| {
///     println!("{} costs {}", order.order_id, order.amount);
///     Ok(())
/// })?;
/// manager.add(&Order {
///     order_id: "ORD-12345".to_owned(),
///     amount: 99.99,
/// })?;
/// # Ok::<(), stream_lib::Error>(())
/// ```
pub struct StreamManager {
    topology: Arc<Topology>,
    registry: RwLock<Registry>,
    cleaner: Cleaner,
}

impl StreamManager {
    /// Connects to the Redis at a URL: `redis://[user:password@]host[:port][/db]`,
    /// `rediss://…` for TLS, or `unix:///path`.
    ///
    /// # Blocking
    ///
    /// Up to the connect timeout, 5 s.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) for a URL that can't be read,
    /// [`Unavailable`](ErrorKind::Unavailable) where Redis can't be reached,
    /// [`Authentication`](ErrorKind::Authentication).
    pub fn connect(url: impl AsRef<str>) -> Result<Self> {
        Self::connect_with(ConnectionConfig::new(url)?)
    }

    /// As [`connect`](Self::connect), from a configuration.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[allow(
        clippy::needless_pass_by_value,
        reason = "reads as the consumers' and producers'"
    )]
    pub fn connect_with(config: ConnectionConfig) -> Result<Self> {
        let manager = Self::connect_lazy(config)?;
        manager.look_at_server()?;
        Ok(manager)
    }

    /// As [`connect`](Self::connect), by the environment: `REDIS_URL`, else
    /// `REDIS_ADDR` (`host:port`), `REDIS_PASSWORD` and `REDIS_DB`.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn from_env() -> Result<Self> {
        Self::connect_with(ConnectionConfig::from_env()?)
    }

    /// As [`connect_with`](Self::connect_with), but connects when something
    /// needs it: for programs that may start before Redis.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config).
    #[allow(
        clippy::needless_pass_by_value,
        reason = "reads as the consumers' and producers'"
    )]
    pub fn connect_lazy(config: ConnectionConfig) -> Result<Self> {
        let topology = Arc::new(Topology::new(&config)?);
        Ok(Self {
            cleaner: Cleaner::new(Arc::clone(&topology)),
            topology,
            registry: RwLock::default(),
        })
    }

    /// Creates a simple producer: straight to the stream, for logs, events and
    /// whatever may wait while Redis is away.
    ///
    /// Talks to Redis only once something is added, but for what a background
    /// thread does: it stores the settings of retention, if any were made, and
    /// cleans the stream on its interval.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), [`Config`](ErrorKind::Config),
    /// [`Closed`](ErrorKind::Closed).
    pub fn create_simple_producer(&self, name: &str, config: StreamConfig) -> Result<()> {
        let asked = config.retention.clone();
        let producer = ProducerCore::simple(Arc::clone(&self.topology), config)?;
        self.register(name, producer, asked)
    }

    /// Creates a backup producer: for orders, payments and whatever must not
    /// be lost or overtaken when consumers fall behind.
    ///
    /// While the stream's backlog is below `max_length`, messages go straight
    /// to it. Beyond that they wait in the backup stream, and a thread of the
    /// producer moves them back, in order, as consumers make room; of all
    /// processes that have such a producer open, one does so at a time.
    ///
    /// Entries move back only while some process has such a producer open: let
    /// the processes of consumers open one too, if producers come and go.
    ///
    /// # Delivery
    ///
    /// The order of the calls is kept across both streams. No crash of any
    /// process loses or duplicates an entry on its way back.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), [`Config`](ErrorKind::Config),
    /// [`Closed`](ErrorKind::Closed), [`System`](ErrorKind::System); with a
    /// spool, [`Locked`](ErrorKind::Locked) where another has its directory.
    pub fn create_backup_producer(
        &self,
        name: &str,
        config: impl Into<BackupStreamConfig>,
    ) -> Result<()> {
        let config = config.into();
        let asked = config.stream.retention.clone();
        let producer = ProducerCore::backup(Arc::clone(&self.topology), config)?;
        self.register(name, producer, asked)
    }

    /// What the spool of a producer holds, and what was found damaged in it;
    /// `None` for a producer without one. Requires the feature `spool`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    #[cfg(feature = "spool")]
    pub fn spool_stats(&self, producer: &str) -> Result<Option<SpoolStats>> {
        let producer = self.registry.read().producers.get("producer", producer)?;
        Ok(producer.spool_stats())
    }

    /// A handle on a producer, for one message type: what threads and handlers
    /// clone.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub fn producer<M: StreamMessage + ?Sized>(&self, name: &str) -> Result<Producer<M>> {
        let producer = self.registry.read().producers.get("producer", name)?;
        Ok(Producer::new(producer))
    }

    /// The names of all producers, sorted.
    pub fn list_producers(&self) -> Vec<String> {
        self.registry.read().producers.names()
    }

    /// Removes a producer. Its handles fail from now on.
    ///
    /// # Blocking
    ///
    /// For a backup producer, until its thread has ended: a round trip, or a
    /// few seconds where Redis is away. From a handler this only signals.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub fn remove_producer(&self, name: &str) -> Result<()> {
        let producer = self.registry.write().producers.remove("producer", name)?;
        self.cleaner
            .forget(producer.stream(), &User::Producer(name.to_owned()));
        producer.close();
        producer.join();
        Ok(())
    }

    /// Adds a message to its type's stream (`XADD`), by the producer registered
    /// for it; where there is none, by a simple one with default settings.
    ///
    /// # Blocking
    ///
    /// Until Redis has the entry: one round trip. While Redis is away, up to
    /// the producer's `send_timeout`.
    ///
    /// # Delivery
    ///
    /// `Ok` means that Redis has the entry. After
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) it may have it or not;
    /// after any other error it hasn't.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`](ErrorKind::Ambiguous) where several producers are
    /// registered for the stream, [`Unavailable`](ErrorKind::Unavailable),
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown),
    /// [`Encode`](ErrorKind::Encode), [`Refused`](ErrorKind::Refused),
    /// [`WrongType`](ErrorKind::WrongType),
    /// [`PermissionDenied`](ErrorKind::PermissionDenied),
    /// [`Closed`](ErrorKind::Closed).
    pub fn add<M: StreamMessage + Routed + ?Sized>(&self, message: &M) -> Result<Added> {
        self.producer_for(M::STREAM)?.add(message, None)
    }

    /// As [`add`](Self::add), for many messages, each batch in one round trip.
    /// Returns one result per message, in order: an error stops no other.
    ///
    /// # Errors
    ///
    /// The outer one where no producer can be found; the inner ones as
    /// [`add`](Self::add).
    pub fn add_all<'m, M: StreamMessage + Routed + 'm>(
        &self,
        messages: impl IntoIterator<Item = &'m M>,
    ) -> Result<Vec<Result<Added>>> {
        Ok(self.producer_for(M::STREAM)?.add_all(messages))
    }

    /// As [`add`](Self::add), by the producer of this name: for messages
    /// without a stream of their own, and streams with several producers.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), else as [`add`](Self::add).
    pub fn add_to<M: StreamMessage + ?Sized>(&self, producer: &str, message: &M) -> Result<Added> {
        let registry = self.registry.read();
        registry.open()?;
        let producer = registry.producers.get("producer", producer)?;
        drop(registry);
        producer.add(message, None)
    }

    /// Creates a consumer and starts it.
    ///
    /// The group is made, with the stream, where it doesn't stand yet, and what
    /// the Redis user may do is checked.
    ///
    /// # Blocking
    ///
    /// A few round trips. Where Redis is away, up to 5 s; the consumer then
    /// starts without it, and reads as soon as it can.
    ///
    /// # Delivery
    ///
    /// At least once: see [`Handler`].
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), [`Config`](ErrorKind::Config),
    /// [`Authentication`](ErrorKind::Authentication),
    /// [`PermissionDenied`](ErrorKind::PermissionDenied),
    /// [`WrongType`](ErrorKind::WrongType), [`System`](ErrorKind::System),
    /// [`Closed`](ErrorKind::Closed).
    pub fn consume<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        handler: impl Handler<M>,
    ) -> Result<Consumer> {
        let consumer = self.create_consumer(name, config, handler)?;
        if let Err(e) = consumer.start() {
            let _ = self.registry.write().consumers.remove("consumer", name);
            self.forget_consumer(name, &consumer);
            return Err(e);
        }
        Ok(consumer)
    }

    /// As [`consume`](Self::consume), for a closure, whose argument needs no
    /// type: `consume_fn::<Order>(name, config, |order| …)`.
    ///
    /// # Errors
    ///
    /// As [`consume`](Self::consume).
    pub fn consume_fn<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        handler: impl Fn(&Delivery<M>) -> HandlerResult + Send + Sync + 'static,
    ) -> Result<Consumer> {
        self.consume::<M>(name, config, handler)
    }

    /// Creates a consumer without starting it.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), [`Config`](ErrorKind::Config),
    /// [`Closed`](ErrorKind::Closed).
    pub fn create_consumer<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        handler: impl Handler<M>,
    ) -> Result<Consumer> {
        let asked = config.retention.clone();
        let consumer = Consumer::new(Arc::clone(&self.topology), config, handler)?;
        let mut registry = self.registry.write();
        registry.open()?;
        registry
            .consumers
            .insert("consumer", name, consumer.clone())?;
        let user = User::Consumer(name.to_owned());
        self.cleaner.tend(consumer.keys(), user, asked);
        Ok(consumer)
    }

    /// Starts a consumer that was created, or stopped.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`AlreadyExists`](ErrorKind::AlreadyExists)
    /// where it runs, else as [`consume`](Self::consume).
    pub fn start_consumer(&self, name: &str) -> Result<()> {
        let registry = self.registry.read();
        registry.open()?;
        let consumer = registry.consumers.get("consumer", name)?;
        drop(registry);
        consumer.start()
    }

    /// Stops a consumer, which can be started again.
    ///
    /// It reads no more, waits for running handlers up to the grace, gives back
    /// what has not started, and leaves the group. From a handler this only
    /// signals.
    ///
    /// # Blocking
    ///
    /// As long as the handlers that run, at most the grace and a little.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub fn stop_consumer(&self, name: &str) -> Result<ShutdownReport> {
        Ok(self.consumer(name)?.stop())
    }

    /// Stops a consumer and forgets it.
    ///
    /// # Blocking
    ///
    /// As [`stop_consumer`](Self::stop_consumer).
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub fn remove_consumer(&self, name: &str) -> Result<ShutdownReport> {
        let consumer = self.registry.write().consumers.remove("consumer", name)?;
        self.forget_consumer(name, &consumer);
        Ok(consumer.stop())
    }

    fn forget_consumer(&self, name: &str, consumer: &Consumer) {
        self.cleaner
            .forget(consumer.stream(), &User::Consumer(name.to_owned()));
    }

    /// A consumer, to ask whether it runs and what it has done.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub fn consumer(&self, name: &str) -> Result<Consumer> {
        self.registry.read().consumers.get("consumer", name)
    }

    /// The names of all consumers, running or not, sorted.
    pub fn list_consumers(&self) -> Vec<String> {
        self.registry.read().consumers.names()
    }

    /// Length, unread, pending, backup and dead letters of every stream that a
    /// producer or consumer of this manager uses.
    ///
    /// # Blocking
    ///
    /// A few round trips per stream.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable),
    /// [`PermissionDenied`](ErrorKind::PermissionDenied),
    /// [`WrongType`](ErrorKind::WrongType).
    pub fn stats(&self) -> Result<Vec<StreamStats>> {
        self.streams()
            .iter()
            .map(|stream| self.stream_stats(stream))
            .collect()
    }

    /// The streams that a producer or consumer uses, sorted.
    fn streams(&self) -> Vec<String> {
        let mut streams: Vec<_> = {
            let registry = self.registry.read();
            let producers = registry.producers.all();
            let consumers = registry.consumers.all();
            let all = producers.iter().chain(registry.defaults.values());
            let producers = all.map(|p| p.stream().to_owned());
            producers
                .chain(consumers.iter().map(|c| c.stream().to_owned()))
                .collect()
        };
        streams.sort();
        streams.dedup();
        streams
    }

    /// The facts of [`stats`](Self::stats) for any stream. One that doesn't
    /// exist is empty.
    ///
    /// # Errors
    ///
    /// As [`stats`](Self::stats).
    pub fn stream_stats(&self, stream: &str) -> Result<StreamStats> {
        let keys = match self.registry.read().keys_of(stream) {
            Some(keys) => keys,
            None => StreamKeys::new(stream)?,
        };
        let mut wire = self.topology.node_for(stream.as_bytes()).dedicated()?;
        inspect::stream_stats(&mut wire, &keys)
            .map_err(|e| e.while_doing(format_args!("looking at `{stream}`")))
    }

    /// The dead letters of a stream: to look at, and to put back.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) for a name that is none.
    pub fn dead_letters(&self, stream: &str) -> Result<DeadLetters> {
        DeadLetters::new(Arc::clone(&self.topology), stream)
    }

    /// Stops all consumers, closes all producers, and reports how it went.
    /// A second call does nothing.
    ///
    /// # Blocking
    ///
    /// All consumers stop at the same time, so as long as the slowest one: at
    /// most its grace and a little. Producers with a spool that holds messages
    /// go on sending them for up to their `spool_grace`. From a handler this
    /// only signals.
    pub fn shutdown(&self) -> ShutdownReport {
        let (producers, consumers) = {
            let mut registry = self.registry.write();
            registry.closed = true;
            let mut producers = registry.producers.all();
            producers.extend(std::mem::take(&mut registry.defaults).into_values());
            (producers, registry.consumers.all())
        };
        for producer in &producers {
            producer.close();
        }
        self.cleaner.signal_stop();
        for consumer in &consumers {
            consumer.close();
        }
        let mut report = consumers
            .iter()
            .map(Consumer::stop)
            .fold(ShutdownReport::default(), ShutdownReport::and);
        for producer in &producers {
            report.spooled += producer.join();
        }
        self.cleaner.stop();
        if !on_library_thread() {
            // Adds that wait for Redis end with it; consumers that were only
            // told to stop still need their connections.
            self.topology.close();
        }
        report
    }

    fn register(&self, name: &str, producer: ProducerCore, asked: RetentionSettings) -> Result<()> {
        let producer = Arc::new(producer);
        let mut registry = self.registry.write();
        let registered = registry.register(name, &producer);
        if registered.is_ok() {
            let keys = producer.keys();
            self.cleaner.forget(keys.stream(), &User::DefaultProducer);
            self.cleaner
                .tend(keys, User::Producer(name.to_owned()), asked);
            return Ok(());
        }
        drop(registry);
        producer.close();
        producer.join();
        registered
    }

    fn producer_for(&self, stream: &str) -> Result<Arc<ProducerCore>> {
        {
            let registry = self.registry.read();
            registry.open()?;
            if let Some(producer) = registry.producer_for(stream)? {
                return Ok(producer);
            }
        }
        let config = StreamConfig::new(stream);
        let made = Arc::new(ProducerCore::simple(Arc::clone(&self.topology), config)?);
        let mut registry = self.registry.write();
        registry.open()?;
        // Somebody may have been faster.
        if let Some(producer) = registry.producer_for(stream)? {
            return Ok(producer);
        }
        registry
            .defaults
            .insert(stream.to_owned(), Arc::clone(&made));
        let asked = RetentionSettings::default();
        self.cleaner.tend(made.keys(), User::DefaultProducer, asked);
        Ok(made)
    }

    /// Asks the server who it is, once, and warns of what will hurt later.
    fn look_at_server(&self) -> Result<()> {
        let mut wire = self.topology.node_for(b"").dedicated()?;
        let server = Server::ask(&mut wire)?;
        log::debug!("connected to {} {}", server.name, server.version());
        if !server.is_supported() {
            return Err(Error::new(
                ErrorKind::Server,
                format!(
                    "{} {} is too old: stream-lib needs Redis 7.0 or Valkey",
                    server.name,
                    server.version()
                ),
            ));
        }
        warn_of_eviction(&mut wire);
        Ok(())
    }
}

impl Drop for StreamManager {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for StreamManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamManager")
            .field("producers", &self.list_producers())
            .field("consumers", &self.list_consumers())
            .finish_non_exhaustive()
    }
}
