//! Consumers: members of a group, each with its own threads.
//!
//! A *reader* asks Redis for entries as long as there is room in the buffer. *Workers*
//! decode them and call the user's *handler*, one by one or in batches. The *settler* has
//! Redis confirm the end of each delivery. The *keeper* renews the leases, claims due
//! entries and takes over abandoned ones; these two are one thread each for all consumers
//! of a manager, the [`Staff`]. All of them share a [`Member`](member::Member): one
//! *life* of the consumer, with a name in Redis that no other life has.
//!
//! A consumer of a partitioned stream has a member for each partition that it owns, with
//! a reader of its own; they share the workers and the buffer. The life also decides
//! which partitions it owns.
//!
//! Three protocols hold these threads together. Each is written down once: the [stages of
//! an entry](member::stage), [acknowledgement](member::acknowledging), and wake-ups, in
//! `member/buffer.rs`, with the pause for an entry that runs alone, in `member/pause.rs`.

mod bells;
mod brief;
mod cause;
mod divided;
mod due;
mod handler;
mod identity;
#[cfg(feature = "test-util")]
mod inline;
mod keeper;
mod life;
#[cfg(feature = "test-util")]
mod made_up;
mod member;
mod reader;
mod settler;
mod staff;
mod stats;
mod worker;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

pub use self::handler::{
    BatchDelivery, BatchHandler, Delivery, Handler, HandlerError, HandlerResult, by_value,
};
#[cfg(feature = "test-util")]
pub use self::inline::DrainReport;
#[cfg(feature = "test-util")]
pub(crate) use self::inline::Inline;
#[cfg(feature = "test-util")]
pub(crate) use self::made_up::{MadeOutputs, MadeUp};
pub(crate) use self::staff::Staff;
pub use self::stats::{ConsumerStats, ShutdownReport};

use self::identity::Identity;
use self::life::Life;
use self::worker::{Typed, TypedBatch, Work};
use crate::command::Group;
use crate::config::{BatchConfig, ConsumerConfig, Program};
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::OwnedMessage;
use crate::metrics::ConsumerMetrics;
use crate::runtime::{Alarm, Origin, on_library_thread};
use crate::schema_book::SchemaBook;

/// A consumer that a manager holds, running or not.
///
/// Clones are handles on the same consumer.
#[derive(Clone)]
pub struct Consumer(Arc<Inner>);

struct Inner {
    identity: Arc<Identity>,
    handler: Arc<dyn Work>,
    /// Held only for a moment, since hooks and handlers ask for it.
    life: Mutex<Option<Life>>,
    /// Held during a start.
    starting: Mutex<()>,
    /// Held while a stop waits, so that another stop, such as the manager's shutdown,
    /// waits for the same end.
    stopping: Mutex<()>,
    /// Set after the manager's shutdown, or its removal: it can't be started any more.
    closed: AtomicBool,
    /// Whether a start was requested.
    was_started: AtomicBool,
    /// The process to which its threads belong.
    origin: Origin,
}

/// The connections and threads of a manager, for its consumers.
pub(crate) struct Server {
    pub(crate) topology: Arc<Topology>,
    pub(crate) staff: Arc<Staff>,
    /// Whether a start returns without waiting for Redis.
    pub(crate) is_lazy: bool,
    /// Each life holds it until its last handler has ended, or its grace is over.
    pub(crate) until_ended: Weak<dyn Any + Send + Sync>,
    /// Rung if the stream has scheduled messages.
    pub(crate) alarm: Alarm,
    pub(crate) program: Arc<Program>,
    pub(crate) book: Arc<SchemaBook>,
}

impl Consumer {
    pub(crate) fn new<M: OwnedMessage + 'static>(
        server: Server,
        config: ConsumerConfig,
        handler: impl Handler<M>,
    ) -> Result<Self> {
        let handler = Arc::new(Typed::<M, _>::new(handler));
        Self::of(server, config.checked()?, handler)
    }

    /// A consumer with a batch handler.
    pub(crate) fn of_batches<M: OwnedMessage + 'static>(
        server: Server,
        config: ConsumerConfig,
        batch: BatchConfig,
        handler: impl BatchHandler<M>,
    ) -> Result<Self> {
        let config = config.checked_with(&batch)?;
        let handler = Arc::new(TypedBatch::<M, _>::new(handler, batch));
        Self::of(server, config, handler)
    }

    fn of(server: Server, config: ConsumerConfig, handler: Arc<dyn Work>) -> Result<Self> {
        let keys = StreamKeys::new(&config.stream)?;
        Ok(Self(Arc::new(Inner {
            identity: Arc::new(Identity {
                topology: server.topology,
                staff: server.staff,
                is_lazy: server.is_lazy,
                until_ended: server.until_ended,
                alarm: server.alarm,
                group: Group::new(keys, &config.group),
                config,
                counters: Arc::default(),
                program: server.program,
                book: Some(server.book),
                failure: Arc::default(),
            }),
            handler,
            life: Mutex::new(None),
            starting: Mutex::new(()),
            stopping: Mutex::new(()),
            closed: AtomicBool::new(false),
            was_started: AtomicBool::new(false),
            origin: Origin::here(),
        })))
    }

    /// The stream that it reads.
    pub fn stream(&self) -> &str {
        self.0.identity.group.stream()
    }

    pub(crate) fn keys(&self) -> &StreamKeys {
        self.0.identity.group.keys()
    }

    /// Its group.
    pub fn group(&self) -> &str {
        self.0.identity.group.name()
    }

    /// Its name in Redis, unique to this life; `None` while it doesn't run.
    pub fn name(&self) -> Option<String> {
        if !self.0.origin.is_here() {
            return None;
        }
        let life = self.0.life.lock();
        life.as_ref()
            .filter(|life| life.is_running())
            .map(|life| life.name().to_owned())
    }

    /// Whether it reads and handles entries, or tries to: an outage doesn't end it, nor
    /// does a permission or a password that is withdrawn while it runs. False before the
    /// start, after a stop, and after an error has ended it: see
    /// [`failure`](Self::failure).
    pub fn is_running(&self) -> bool {
        self.0.origin.is_here() && self.0.life.lock().as_ref().is_some_and(Life::is_running)
    }

    /// The partitions that it reads now, in order; `None` if the stream has none, as far
    /// as known, and while the consumer doesn't run.
    ///
    /// The members of the group share the partitions evenly: each has the same number, or
    /// one more. They are shared out again within about three seconds after a member has
    /// come or gone; after a member has died, once its [`lease`](ConsumerConfig::lease)
    /// is over.
    pub fn partitions(&self) -> Option<Vec<u16>> {
        if !self.0.origin.is_here() {
            return None;
        }
        let life = self.0.life.lock();
        life.as_ref().and_then(Life::partitions)
    }

    /// The failure that holds it up at present, if any: Redis is away, or refuses to
    /// serve, or has withdrawn a permission or the password. The consumer goes on trying,
    /// for a permission or a password once in a few seconds. The log tells of the
    /// beginning and of the end.
    pub fn held_up(&self) -> Option<Error> {
        if !self.0.origin.is_here() {
            return None;
        }
        let life = self.0.life.lock();
        life.as_ref().and_then(Life::held_up_by)
    }

    /// The end of its group's [hold](crate::StreamManager::hold), by the server's clock,
    /// as far as it knows; `None` if the group isn't held, and while the consumer doesn't
    /// run. It learns of a hold, and of a release, within about a third of a lease.
    pub fn held_until(&self) -> Option<SystemTime> {
        if !self.0.origin.is_here() {
            return None;
        }
        let life = self.0.life.lock();
        let until = life.as_ref().and_then(Life::held_until_ms)?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_millis(until))
    }

    /// The error that ended it, if any: a permission that is missing at the start of a
    /// consumer that [started without Redis](crate::StreamManager::connect_lazy), a key
    /// of another type, or a vanished group that was not to be made again.
    pub fn failure(&self) -> Option<Error> {
        if !self.0.origin.is_here() {
            return None;
        }
        let failure = self.0.identity.failure.lock();
        failure.clone()
    }

    /// Its counts since it was created, and what it holds now.
    pub fn stats(&self) -> ConsumerStats {
        let counted = self.0.identity.counters.stats();
        if !self.0.origin.is_here() {
            return counted;
        }
        let life = self.0.life.lock();
        ConsumerStats {
            // Read in the order in which an entry passes from one to the next, so that
            // none is missed.
            buffered: life.as_ref().map_or(0, Life::buffered),
            running: life.as_ref().map_or(0, Life::running),
            settling: life.as_ref().map_or(0, Life::settling),
            held_up: life
                .as_ref()
                .and_then(Life::held_up_by)
                .map(|error| error.kind()),
            partitions: life.as_ref().and_then(Life::partitions).map(|p| p.len()),
            ..counted
        }
    }

    /// As [`stats`](Self::stats), with the times and the reasons of burials.
    pub(crate) fn metrics(&self, name: &str) -> ConsumerMetrics {
        let config = &self.0.identity.config;
        ConsumerMetrics {
            name: name.to_owned(),
            stream: self.stream().to_owned(),
            group: self.group().to_owned(),
            workers: config.workers,
            ..self.0.identity.counters.metrics(&self.stats())
        }
    }

    /// Starts it after its creation or a stop.
    ///
    /// # Blocking
    ///
    /// As [`StreamManager::start_consumer`](crate::StreamManager::start_consumer).
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) while it runs,
    /// [`Closed`](ErrorKind::Closed) after the manager's shutdown or its removal from the
    /// manager, else as [`StreamManager::consume`](crate::StreamManager::consume).
    pub fn start(&self) -> Result<()> {
        self.0.origin.ensure_here()?;
        let _starting = self.0.starting.lock();
        self.ensure_open()?;
        self.0.was_started.store(true, Ordering::Relaxed);
        if self.is_running() {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!(
                    "the consumer of `{}` in the group `{}` runs already",
                    self.stream(),
                    self.group()
                ),
            ));
        }
        let ended = self.0.life.lock().take();
        if let Some(ended) = ended {
            // An error or a handler has stopped it: its threads are about to end.
            ended.end(self.0.identity.config.grace);
        }
        *self.0.identity.failure.lock() = None;
        let begun = Life::begin(&self.0.identity, &self.0.handler)?;
        let is_prepared = begun.is_prepared();
        let mut life = self.0.life.lock();
        if self.0.closed.load(Ordering::SeqCst) {
            drop(life);
            begun.end(self.0.identity.config.grace);
            return self.ensure_open();
        }
        let told = is_prepared.then(|| begun.health());
        *life = Some(begun);
        // Called without the lock: a hook may ask for anything.
        drop(life);
        if let Some(health) = told {
            health.tell_connected();
        }
        Ok(())
    }

    fn ensure_open(&self) -> Result<()> {
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::Closed,
                format!(
                    "the consumer of `{}` in the group `{}` can't start: its manager was shut \
                     down, or it was removed from it",
                    self.stream(),
                    self.group()
                ),
            ));
        }
        Ok(())
    }

    /// Warns if it was never started: a program that forgets the start handles nothing,
    /// and shows no other sign of it.
    pub(crate) fn warn_if_never_started(&self) {
        // Only once, since a shutdown may be called twice.
        if !self.0.was_started.swap(true, Ordering::Relaxed) {
            log::warn!(
                "the consumer of `{}` in the group `{}` was created and never started",
                self.stream(),
                self.group()
            );
        }
    }

    /// Begins the final stop: it can't be started again.
    pub(crate) fn close(&self) {
        if !self.0.origin.is_here() {
            return;
        }
        let life = self.0.life.lock();
        self.0.closed.store(true, Ordering::SeqCst);
        if let Some(life) = life.as_ref() {
            life.signal_stop();
        }
    }

    /// Whether both are handles on the same consumer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Begins a stop without waiting for it.
    pub(crate) fn signal_stop(&self) {
        if !self.0.origin.is_here() {
            return;
        }
        if let Some(life) = self.0.life.lock().as_ref() {
            life.signal_stop();
        }
    }

    /// Stops it; it can be started again.
    ///
    /// It reads no more, waits for running handlers up to the grace, gives back entries
    /// whose handler has not started, and leaves the group. From a handler or a hook the
    /// call only begins the stop, and returns the report of the moment. It does nothing
    /// if the consumer doesn't run.
    ///
    /// # Blocking
    ///
    /// Until the running handlers have ended, at most the grace and a little; the same if
    /// another thread is stopping it already.
    pub fn stop(&self) -> ShutdownReport {
        let still_running = if !self.0.origin.is_here() {
            0
        } else if on_library_thread() {
            self.signal_stop();
            // The life keeps the threads: a later stop waits for them.
            self.0.life.lock().as_ref().map_or(0, Life::running)
        } else {
            let _stopping = self.0.stopping.lock();
            let life = self.0.life.lock().take();
            life.map_or(0, |life| life.end(self.0.identity.config.grace))
        };
        let counted = self.0.identity.counters.stats();
        ShutdownReport {
            completed: counted.completed,
            given_back: counted.given_back,
            still_running,
            spooled: 0,
        }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("stream", &self.stream())
            .field("group", &self.group())
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}
