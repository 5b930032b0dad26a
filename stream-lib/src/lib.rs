//! Blocking Redis Streams: typed messages, consumer groups on OS threads, no
//! async runtime.

// The derive's code names this crate; so its own tests and docs can use it too.
extern crate self as stream_lib;

mod command;
mod config;
mod connection;
mod consumer;
mod dead_letters;
mod error;
mod inspect;
mod keys;
mod manager;
pub mod message;
pub mod prelude;
mod producer;
mod retention;
mod runtime;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use stream_derive::StreamMessage;

pub use crate::config::{
    BackupStreamConfig, BatchConfig, ConnectionConfig, ConsumerConfig, ConsumerEvents, OnGroupLost,
    Priority, RetryPolicy, StartFrom, StreamConfig, WhenFull,
};
pub use crate::consumer::{
    BatchDelivery, BatchHandler, Consumer, ConsumerStats, Delivery, Handler, HandlerError,
    HandlerResult, ShutdownReport,
};
pub use crate::dead_letters::{DeadLetter, DeadLetters, RedriveReport};
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::inspect::{GroupStats, StreamStats};
pub use crate::manager::StreamManager;
pub use crate::message::{EntryId, OwnedMessage, RawMessage, Routed, StreamMessage};
pub use crate::producer::{Added, FlushReport, Producer, Receipt, SendFailure};
#[cfg(feature = "spool")]
pub use crate::producer::{SpoolDamage, SpoolStats};
pub use crate::retention::{BlockedStream, CleanupReport, RetentionPlan};
