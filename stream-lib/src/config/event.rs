//! Events that the hooks of a consumer receive.

use std::error::Error as StdError;
use std::time::Duration;

use crate::error::Error;
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;

/// Event of [`connected`](crate::ConsumerEvents::connected): the consumer reaches Redis.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Connected<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
}

/// Event of [`ConnectionConfig::on_failover`](crate::ConnectionConfig::on_failover):
/// another server has become the master.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FailedOver<'a> {
    /// The address of the previous master, as it was connected to.
    pub from: &'a str,
    /// The address of the new master.
    pub to: &'a str,
}

/// Event of [`disconnected`](crate::ConsumerEvents::disconnected): a connection failed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Disconnected<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The failure.
    pub error: &'a Error,
}

/// Event of [`group_recreated`](crate::ConsumerEvents::group_recreated): the group was
/// created again.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct GroupRecreated<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
}

/// Event of [`lease_lost`](crate::ConsumerEvents::lease_lost): a lease was lost.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LeaseLost<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The entry whose handler still runs.
    pub id: EntryId,
    /// The number of the delivery, from 1.
    pub attempt: u32,
}

/// Event of [`taken_over`](crate::ConsumerEvents::taken_over): entries were taken over.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TakenOver<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The number of entries.
    pub entries: usize,
}

/// Event of [`completed`](crate::ConsumerEvents::completed): entries are acknowledged.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Completed<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The number of handled entries in one acknowledgement, counted as in
    /// [`ConsumerStats::completed`](crate::ConsumerStats::completed).
    pub entries: usize,
    /// The total run time of the handlers that succeeded since the last such event. The
    /// handler of a batch counts once for the whole batch.
    pub handler_time: Duration,
}

/// Event of [`retried`](crate::ConsumerEvents::retried): a delivery failed and will be
/// repeated.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Retried<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The entry.
    pub id: EntryId,
    /// The number of the delivery that failed, from 1.
    pub attempt: u32,
    /// The delay until the next delivery.
    pub delay: Duration,
    /// The error as the handler returned it, with its source; it can be downcast (for
    /// errors of the crate `anyhow`, see [`HandlerResult`](crate::HandlerResult)). After
    /// a panic, an error with the text of the panic; for an undecodable entry, the
    /// [`DecodeError`](crate::message::DecodeError).
    pub error: &'a (dyn StdError + Send + Sync + 'static),
}

/// Event of [`dead_lettered`](crate::ConsumerEvents::dead_lettered): an entry is now a
/// dead letter.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DeadLettered<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The id that the entry had in the stream.
    pub id: EntryId,
    /// The number of the last delivery, from 1.
    pub attempt: u32,
    /// Why the entry is a dead letter.
    pub reason: DeadReason,
    /// The error of the last delivery as the handler returned it, with its source; it can
    /// be downcast (for errors of the crate `anyhow`, see
    /// [`HandlerResult`](crate::HandlerResult)). For an undecodable entry, the
    /// [`DecodeError`](crate::message::DecodeError).
    pub error: &'a (dyn StdError + Send + Sync + 'static),
}

/// Event of [`dead_letters_dropped`](crate::ConsumerEvents::dead_letters_dropped): the
/// oldest dead letters were removed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DeadLettersDropped<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group. All groups of a stream share its dead letters.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The number of dead letters removed (`XTRIM`).
    pub entries: u64,
}

/// Event of [`panicked`](crate::ConsumerEvents::panicked): a handler panicked.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Panicked<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The entry that the handler was called with.
    pub id: EntryId,
    /// The number of the delivery, from 1.
    pub attempt: u32,
    /// The text of the panic.
    pub text: &'a str,
}

/// Event of [`stopped`](crate::ConsumerEvents::stopped): an error has ended the consumer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Stopped<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The error.
    pub error: &'a Error,
}
