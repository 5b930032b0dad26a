//! What a consumer's hooks are told.

use std::error::Error as StdError;
use std::time::Duration;

use crate::error::Error;
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;

/// The consumer reaches Redis: of
/// [`connected`](crate::ConsumerEvents::connected).
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

/// Another server has become the master: of
/// [`ConnectionConfig::on_failover`](crate::ConnectionConfig::on_failover).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FailedOver<'a> {
    /// The address of the master before, as it was connected to.
    pub from: &'a str,
    /// The address of the new one.
    pub to: &'a str,
}

/// A connection failed: of
/// [`disconnected`](crate::ConsumerEvents::disconnected).
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

/// The group was made again: of
/// [`group_recreated`](crate::ConsumerEvents::group_recreated).
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

/// A lease was lost: of [`lease_lost`](crate::ConsumerEvents::lease_lost).
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

/// Entries were taken over: of [`taken_over`](crate::ConsumerEvents::taken_over).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TakenOver<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// How many.
    pub entries: usize,
}

/// Entries are acknowledged: of [`completed`](crate::ConsumerEvents::completed).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Completed<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// How many: those of one acknowledgement that a handler has handled, as in
    /// [`ConsumerStats::completed`](crate::ConsumerStats::completed).
    pub entries: usize,
    /// How long handlers ran that have succeeded since the last such event,
    /// added up. The handler of a batch counts once for all of it.
    pub handler_time: Duration,
}

/// A delivery failed, and another one comes: of
/// [`retried`](crate::ConsumerEvents::retried).
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
    /// After how long the next one comes.
    pub delay: Duration,
    /// The error, as the handler returned it: it can be downcast, and has
    /// its source; of the crate `anyhow`, see
    /// [`HandlerResult`](crate::HandlerResult). After a panic, an error with the
    /// text of the panic; for an undecodable entry the
    /// [`DecodeError`](crate::message::DecodeError).
    pub error: &'a (dyn StdError + Send + Sync + 'static),
}

/// An entry stands among the dead letters: of
/// [`dead_lettered`](crate::ConsumerEvents::dead_lettered).
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
    /// Why it is there.
    pub reason: DeadReason,
    /// The error of the last delivery, as the handler returned it: it can be
    /// downcast, and has its source; of the crate `anyhow`, see
    /// [`HandlerResult`](crate::HandlerResult). For an undecodable entry this is
    /// the [`DecodeError`](crate::message::DecodeError).
    pub error: &'a (dyn StdError + Send + Sync + 'static),
}

/// The oldest dead letters were removed: of
/// [`dead_letters_dropped`](crate::ConsumerEvents::dead_letters_dropped).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DeadLettersDropped<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group. The dead letters of a stream are those of all its groups.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// How many (`XTRIM`).
    pub entries: u64,
}

/// A handler panicked: of [`panicked`](crate::ConsumerEvents::panicked).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Panicked<'a> {
    /// The stream that the consumer reads.
    pub stream: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name in Redis, unique to this life.
    pub consumer: &'a str,
    /// The entry that it panicked over.
    pub id: EntryId,
    /// The number of the delivery, from 1.
    pub attempt: u32,
    /// The text of the panic.
    pub text: &'a str,
}

/// An error has ended the consumer: of
/// [`stopped`](crate::ConsumerEvents::stopped).
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
