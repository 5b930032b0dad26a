//! The values of the consumer's configurations, for reading.

use std::time::Duration;

use super::{OnGroupLost, OnUndecodable, RateLimit, RetryPolicy, StartFrom};

/// The values of a [`ConsumerConfig`](crate::ConsumerConfig); each is described at its
/// setter.
///
/// Read with [`ConsumerConfig::settings`](crate::ConsumerConfig::settings).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConsumerSettings {
    /// The stream that the consumer reads.
    pub stream: String,
    /// The consumer group.
    pub group: String,
    /// The label in Redis; `None` for host and process id.
    pub consumer: Option<String>,
    /// How many threads run handlers.
    pub workers: usize,
    /// How many entries one read asks for at most.
    pub read_count: usize,
    /// How long one read waits for new entries.
    pub block_duration: Duration,
    /// How long an entry stays with a process that shows no sign of life.
    pub lease: Duration,
    /// How long the lease of one running handler is renewed.
    pub lease_cap: Duration,
    /// When a failed entry is tried again.
    pub retry: RetryPolicy,
    /// How long a stop waits for running handlers.
    pub grace: Duration,
    /// The start of the group if this consumer creates it.
    pub start_from: StartFrom,
    /// The reaction if the group vanishes after the start.
    pub on_group_lost: OnGroupLost,
    /// The handling of entries that can't be decoded.
    pub on_undecodable: OnUndecodable,
    /// The most entries that the stream keeps; `None` for the stored value.
    pub max_messages: Option<u64>,
    /// How often the stream is cleaned; `None` for the stored value.
    pub cleanup_interval: Option<Duration>,
    /// Whether this process moves entries back from the backup stream.
    pub drain_backup: bool,
    /// The time without a sign of life after which a consumer is removed.
    pub consumer_expiry: Duration,
    /// About how many dead letters the stream keeps.
    pub dead_letter_max_length: u64,
    /// About how long a dead letter is kept.
    pub dead_letter_max_age: Duration,
    /// How many replicas must have outputs, and how long to wait for them; `None` for
    /// none.
    pub replicas: Option<(u32, Duration)>,
    /// The rate at which handlers start; `None` for no limit.
    pub rate_limit: Option<RateLimit>,
    /// Whether hooks are set.
    pub has_events: bool,
}

/// The values of a [`BatchConfig`](crate::BatchConfig).
///
/// Read with [`BatchConfig::settings`](crate::BatchConfig::settings).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchSettings {
    /// The most deliveries in a batch.
    pub size: usize,
    /// How long a batch that is not full waits for more.
    pub wait: Duration,
}
