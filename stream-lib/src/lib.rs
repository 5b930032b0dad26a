//! Blocking Redis Streams: typed messages, consumer groups on OS threads, no
//! async runtime.
//!
//! A [`StreamManager`] owns the producers and consumers of a process and their
//! connections to one Redis. Messages are structs and enums with
//! `#[derive(`[`StreamMessage`](derive@StreamMessage)`)]`, or [`RawMessage`]s.
//!
//! ```no_run
//! use stream_lib::{ConsumerConfig, StreamManager, StreamMessage};
//!
//! #[derive(StreamMessage)]
//! #[stream(name = "orders")]
//! struct Order {
//!     order_id: String,
//!     amount: f64,
//! }
//!
//! let manager = StreamManager::connect("redis://127.0.0.1:6379")?;
//! manager.consume_fn::<Order>("order_consumer", ConsumerConfig::new("orders"), |order| {
//!     println!("{} costs {}", order.order_id, order.amount);
//!     Ok(())
//! })?;
//! manager.add(&Order {
//!     order_id: "ORD-12345".to_owned(),
//!     amount: 99.99,
//! })?;
//! # Ok::<(), stream_lib::Error>(())
//! ```
//!
//! # Where to look
//!
//! - Connecting: [`StreamManager::connect`], [`from_env`](StreamManager::from_env), and
//!   [`ConnectionConfig`] with its URLs: one Redis, a master that sentinels watch, or a
//!   Redis Cluster.
//! - Adding: [`StreamManager::add`], [`add_all`](StreamManager::add_all) and
//!   [`send`](StreamManager::send); threads and handlers clone a [`Producer`].
//!   [`Producer::with`] adds headers or an idempotency key. A
//!   [simple](StreamManager::create_simple_producer) producer adds straight to the
//!   stream; a [backup](StreamManager::create_backup_producer) producer diverts messages
//!   to a backup stream while consumers are behind.
//! - Scheduling: [`Draft::after`] and [`Draft::at`] schedule a message,
//!   [`StreamManager::scheduled`] lists the waiting ones; [`StreamManager::cron`] adds a
//!   message at each time of a [`Cron`] expression.
//! - Consuming: [`StreamManager::consume`] with a [`Handler`] and a [`ConsumerConfig`],
//!   or [`consume_batches`](StreamManager::consume_batches) with a [`BatchHandler`]. A
//!   handler gets a [`Delivery`] and may return a [`HandlerError`]; a [`RetryPolicy`]
//!   says when a failed entry is delivered again.
//! - Watching: [`ConsumerEvents`] and their arguments ([`events`]),
//!   [`StreamManager::metrics`], [`stats`](StreamManager::stats),
//!   [`members`](StreamManager::members), [`events`](StreamManager::events),
//!   [`StreamManager::dead_letters`], [`StreamManager::blocked_streams`].
//!
//! # Delivery
//!
//! At least once: an entry is acknowledged after its handler returned `Ok`, delivered
//! again after an error, a panic or the death of its process, and set aside as a dead
//! letter when it never succeeds. So a handler may run twice for one message;
//! [`Delivery::original_id`] identifies repeats. [`Delivery::id`] is the same at each
//! retry, but not after a redrive, nor after a drain of the backup stream.
//!
//! # Log
//!
//! The library logs through the crate `log`, under targets that begin with `stream_lib`:
//! install a logger such as `env_logger`. `warn`: failed deliveries and dead letters with
//! their errors, at most a few lines a second for each consumer, and the beginning and
//! end of outages. `info`: the start of each consumer, with its stream and group. No
//! payload is logged; the text of a handler's error is logged as it is.
//!
//! # Features
//!
//! - `tls` (default): `rediss://` URLs.
//! - `spool`: a queue on the local disk for messages that a backup producer can't add
//!   while Redis is away.
//! - `metrics`: reports the counters to the crate `metrics`.
//! - `test-util`: deliveries, producers and servers for your tests.
//!
//! The library needs Rust 1.88, or 1.90 with `spool`.

// The derive's code names this crate; so its own tests and docs can use it too.
extern crate self as stream_lib;

mod command;
mod config;
mod connection;
mod consumer;
mod error;
pub mod events;
mod inspect;
mod keys;
mod manager;
pub mod message;
mod metrics;
mod partition;
pub mod prelude;
mod producer;
mod retention;
mod runtime;
mod schedule;
mod schema_book;
mod split;
#[cfg(feature = "test-util")]
pub mod test_util;
#[cfg(all(test, feature = "spool", feature = "test-util"))]
mod threads;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;

pub use stream_derive::StreamMessage;

pub use crate::command::{Envelope, StreamEventKind};
pub use crate::config::{
    BackupStreamConfig, BackupStreamSettings, BatchConfig, BatchSettings, ConnectionConfig,
    ConnectionSettings, ConsumerConfig, ConsumerEvents, ConsumerSettings, Credentials, OnGroupLost,
    OnUndecodable, Priority, RateLimit, RetentionWishes, RetryPolicy, RetrySchedule, RetrySettings,
    StartFrom, StreamConfig, StreamSettings, When, WhenFull, WhenTaken,
};
pub use crate::consumer::{
    BatchDelivery, BatchHandler, Consumer, ConsumerStats, Delivery, Handler, HandlerError,
    HandlerResult, ShutdownReport, by_value,
};
pub use crate::error::{Error, ErrorKind, Result};
#[doc(hidden)]
pub use crate::inspect::Answer;
pub use crate::inspect::{
    ConsumerRemoved, DeadFilter, DeadKind, DeadLetter, DeadLetterId, DeadLetters, EntryAddress,
    FieldEdits, FieldMask, FindStreams, FoundStream, GroupConsumer, GroupHolder, GroupStats, Hold,
    Member, MemberFacts, Peek, PeekPage, PeekedEntry, PeekedField, Pending, PendingEntry,
    PendingFilter, PendingHeld, PendingHolder, PendingPage, PendingReport, PlannedMisfit,
    RedrivePlan, RedriveReport, RemoveReport, StreamEvent, StreamEvents, StreamKind, StreamSchema,
    StreamStats,
};
pub use crate::manager::StreamManager;
pub use crate::message::dead_reason::DeadReason;
pub use crate::message::id::EntryId;
pub use crate::message::raw::RawMessage;
pub use crate::message::schedule_id::ScheduleId;
pub use crate::message::typed::{OwnedMessage, Routed, StreamMessage};
pub use crate::metrics::{BatchSizes, ConsumerMetrics, Histogram, Metrics, ProducerMetrics};
pub use crate::producer::{
    Added, Draft, FlushReport, NotReplicated, Producer, ProducerHandle, Receipt, SendFailure,
};
#[cfg(feature = "spool")]
pub use crate::producer::{SpoolDamage, SpoolStats};
pub use crate::retention::{BlockedStream, CleanupReport, RetentionPlan, StandingGroup};
pub use crate::schedule::{Cron, CronJob, CronState, Crons, Missed, Scheduled, ScheduledMessage};
