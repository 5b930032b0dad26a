//! The manager: what it owns, how it connects, and how it shuts down.

use std::any::Any;
use std::fmt;
use std::mem;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use parking_lot::{Mutex, RwLock};

use super::closing::{Closing, close_producers};
#[cfg(feature = "metrics")]
use super::publisher::Publisher;
use super::registry::NameRegistry;
use crate::command;
use crate::config::{ConnectionConfig, Program};
use crate::connection::Topology;
use crate::consumer::{Consumer, ShutdownReport, Staff};
use crate::error::Result;
use crate::producer::{Coalescer, Lookout};
use crate::retention::Cleaner;
use crate::runtime::{Origin, on_library_thread};
use crate::schedule::Timekeeper;
use crate::schema_book::SchemaBook;
use crate::split::Splits;

/// The owner of a process's producers and consumers, and of their connections
/// to one Redis.
///
/// It is shared by reference, in an `Arc`, or as the [global](Self::global) one; threads
/// and handlers that only add messages take a [`Producer`](crate::Producer) instead.
/// Dropping it is a [`shutdown`](Self::shutdown).
///
/// It belongs to the process that made it. In a forked child, each call of it, and of its
/// producers and consumers, fails with [`Closed`](crate::ErrorKind::Closed) or does
/// nothing, and a drop leaves the connections and the spool to the parent. Another
/// manager can't be made there, either: threads don't survive a fork, so waits for them
/// might never end. Fork first, then connect.
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
    pub(super) topology: Arc<Topology>,
    pub(super) coalescer: Arc<Coalescer>,
    pub(super) registry: Arc<RwLock<NameRegistry>>,
    /// `None` once the shutdown has begun.
    closing: Mutex<Option<Arc<Closing>>>,
    /// Disconnects after the last handler has ended, once the shutdown has begun.
    handlers_ended: Receiver<()>,
    /// The threads that consumers share.
    pub(super) staff: Arc<Staff>,
    pub(super) program: Arc<Program>,
    /// The number of partitions of its streams.
    pub(super) splits: Arc<Splits>,
    pub(super) cleaner: Arc<Cleaner>,
    /// The message types of its producers and consumers.
    pub(super) book: Arc<SchemaBook>,
    pub(super) lookout: Arc<Lookout>,
    pub(super) timekeeper: Timekeeper,
    #[cfg(feature = "metrics")]
    pub(super) publisher: Arc<Publisher>,
    /// Whether consumers start without waiting for Redis.
    pub(super) is_lazy: bool,
    /// The process to which the manager belongs.
    pub(super) origin: Origin,
}

impl StreamManager {
    /// Connects to the Redis at a URL: `redis://[user:password@]host[:port][/db]`,
    /// `rediss://…` for TLS, `unix:///path`, or `redis-sentinel://…?master=name` for the
    /// master that sentinels watch. [`ConnectionConfig::new`] lists all forms.
    ///
    /// # Blocking
    ///
    /// Up to the connect timeout, 5 s. Each sentinel has a second to answer.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for an invalid URL, or if the sentinels know
    /// no master of that name, or the server is a sentinel itself;
    /// [`Server`](crate::ErrorKind::Server) for Redis below 7.0;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if Redis can't be reached, or no
    /// sentinel answers, with each sentinel's error in the text;
    /// [`Authentication`](crate::ErrorKind::Authentication) for a wrong user name or
    /// password.
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
        let mut manager = Self::connect_lazy(config)?;
        manager.is_lazy = false;
        manager.topology.run_alone(b"", command::first_look)?;
        Ok(manager)
    }

    /// As [`connect`](Self::connect), by the environment: `REDIS_URL`, else `REDIS_ADDR`
    /// (`host:port`), `REDIS_PASSWORD` and `REDIS_DB`. [`ConnectionConfig::from_env`]
    /// describes these variables and those for sentinels.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn from_env() -> Result<Self> {
        Self::connect_with(ConnectionConfig::from_env()?)
    }

    /// As [`connect_with`](Self::connect_with), but connects at the first use: for
    /// programs that may start before Redis. A server that is too old, or may evict
    /// streams, is reported in the log at that time.
    ///
    /// Consumers start without waiting for Redis. A later error that ends one, such as a
    /// missing permission, is not returned by the start: it is in the log, in
    /// [`Consumer::failure`], and reported to
    /// [`ConsumerEvents::stopped`](crate::ConsumerEvents::stopped).
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a value out of its bounds,
    /// [`Closed`](crate::ErrorKind::Closed) in a child forked after a manager was made.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "reads as the consumers' and producers'"
    )]
    pub fn connect_lazy(config: ConnectionConfig) -> Result<Self> {
        let origin = Origin::of_first_use()?;
        let topology = Arc::new(Topology::new(&config)?);
        let registry = Arc::default();
        let (closing, handlers_ended) = Closing::of(&registry);
        let splits = Arc::new(Splits::new(Arc::clone(&topology)));
        let program = config.program.name();
        let book = Arc::new(SchemaBook::new(Arc::clone(&topology), program));
        Ok(Self {
            cleaner: Arc::new(Cleaner::new(
                Arc::clone(&topology),
                Arc::clone(&splits),
                Arc::clone(&book),
            )),
            book,
            lookout: Arc::new(Lookout::new(Arc::clone(&topology), Arc::clone(&splits))),
            timekeeper: Timekeeper::new(&topology, &splits),
            splits,
            coalescer: Arc::new(Coalescer::new(Arc::clone(&topology))),
            topology,
            registry,
            closing: Mutex::new(Some(closing)),
            #[cfg(feature = "metrics")]
            publisher: Arc::default(),
            handlers_ended,
            staff: Arc::default(),
            program: Arc::new(config.program.clone()),
            is_lazy: true,
            origin,
        })
    }

    /// Stops all consumers, then closes all producers, and reports the result. A second
    /// call does nothing. The log names each consumer that was created and never started.
    ///
    /// Nothing new can be created from now on. Adding works until the last handler has
    /// ended, or the longest grace is over, so that handlers can add to other streams to
    /// their end; after that it fails with [`Closed`](crate::ErrorKind::Closed).
    ///
    /// # Blocking
    ///
    /// All consumers stop at the same time, so the call takes as long as the slowest one:
    /// at most its grace and a little. Producers then go on with the messages queued by
    /// `send`, for up to their `send_timeout`, and with those in their spool, for up to
    /// their `spool_grace`. From a handler the call only signals, and the producers close
    /// after the last handler has ended.
    pub fn shutdown(&self) -> ShutdownReport {
        /// Time for the last acknowledgements.
        const SETTLE: Duration = Duration::from_secs(2);
        if !self.origin.is_here() {
            return ShutdownReport::default();
        }
        let (consumers, grace) = {
            let mut registry = self.registry.write();
            registry.closed = true;
            (registry.consumers.all(), registry.longest_grace)
        };
        let deadline = Instant::now() + grace + SETTLE;
        self.cleaner.signal_stop();
        self.lookout.signal_stop();
        self.timekeeper.signal_stop();
        for consumer in &consumers {
            consumer.warn_if_never_started();
            consumer.close();
        }
        let mut report = consumers
            .iter()
            .map(Consumer::stop)
            .fold(ShutdownReport::default(), ShutdownReport::and);
        let closing = self.closing.lock().take();
        drop(closing);
        if on_library_thread() {
            // The lives of the consumers hold the rest.
            self.cleaner.stop();
            self.lookout.stop();
            self.timekeeper.stop();
            #[cfg(feature = "metrics")]
            self.publisher.stop();
            return report;
        }
        // Consumers that another thread stops, or that were removed, may still have
        // handlers. The channel carries no values: the wait ends by disconnection or
        // timeout.
        let _ = self.handlers_ended.recv_deadline(deadline);
        close_producers(&self.registry);
        let producers = {
            let mut registry = self.registry.write();
            let mut producers = registry.producers.all();
            producers.extend(mem::take(&mut registry.defaults).into_values());
            producers
        };
        for producer in &producers {
            report.spooled += producer.join();
        }
        // Closing the topology ends adds that wait for Redis, and the cleaner. After a
        // shutdown from a handler, consumers still need their connections.
        self.topology.close();
        self.cleaner.stop();
        self.lookout.stop();
        self.timekeeper.stop();
        #[cfg(feature = "metrics")]
        self.publisher.stop();
        report
    }

    /// Starts the publication of metrics.
    #[cfg(feature = "metrics")]
    pub(super) fn publish_metrics(&self) {
        self.publisher.begin(&self.registry);
    }

    #[cfg(not(feature = "metrics"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn publish_metrics(&self) {}

    /// A life of a consumer holds it until its last handler has ended.
    pub(super) fn until_ended(&self) -> Weak<dyn Any + Send + Sync> {
        let closing = self.closing.lock();
        let closing = closing.as_ref().map(Arc::downgrade);
        closing.unwrap_or_default()
    }
}

impl Drop for StreamManager {
    fn drop(&mut self) {
        if self.origin.is_here() {
            self.shutdown();
            return;
        }
        // A child has none of the threads, and their locks may be held for ever: nothing
        // is dropped.
        mem::forget(self.closing.get_mut().take());
        mem::forget((
            Arc::clone(&self.topology),
            Arc::clone(&self.coalescer),
            Arc::clone(&self.registry),
            Arc::clone(&self.staff),
            self.timekeeper.clone(),
            Arc::clone(&self.splits),
            Arc::clone(&self.book),
            Arc::clone(&self.cleaner),
            Arc::clone(&self.lookout),
            self.handlers_ended.clone(),
        ));
        #[cfg(feature = "metrics")]
        mem::forget(Arc::clone(&self.publisher));
    }
}

impl fmt::Debug for StreamManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StreamManager");
        if self.origin.is_here() {
            let registry = self.registry.read();
            shown.field("producers", &registry.producers.names());
            shown.field("consumers", &registry.consumers.names());
        }
        shown.finish_non_exhaustive()
    }
}
