//! How a producer adds to a stream.

use std::time::Duration;

use super::check;
use crate::error::Result;

/// A stream as a producer sees it.
///
/// ```
/// use stream_lib::StreamConfig;
///
/// let config = StreamConfig::new("user_events").batch_size(50);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StreamConfig {
    pub(crate) name: String,
    pub(crate) batch_size: usize,
    pub(crate) send_timeout: Duration,
    pub(crate) max_length: u64,
    pub(crate) idempotency_window: Duration,
}

impl StreamConfig {
    /// The stream `name` with the defaults of each setter.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch_size: 10,
            send_timeout: Duration::from_secs(5),
            max_length: 1_000,
            idempotency_window: Duration::from_mins(2),
        }
    }

    /// How many messages `add_all` puts into one round trip, 1 to 1,000.
    /// Defaults to 10.
    #[must_use]
    pub fn batch_size(mut self, messages: usize) -> Self {
        self.batch_size = messages;
        self
    }

    /// How long an add waits for a connection while Redis is away, 1 ms to
    /// 1 h. Defaults to 5 s.
    #[must_use]
    pub fn send_timeout(mut self, wait: Duration) -> Self {
        self.send_timeout = wait;
        self
    }

    /// How many entries the stream shall hold, 1 to 10^12. Defaults to 1,000.
    #[must_use]
    pub fn max_length(mut self, entries: u64) -> Self {
        self.max_length = entries;
        self
    }

    /// How long an idempotency key is remembered, 1 ms to 7 days: a second add
    /// of the same key within it returns the first entry's id. Defaults to
    /// 2 min.
    #[must_use]
    pub fn idempotency_window(mut self, time: Duration) -> Self {
        self.idempotency_window = time;
        self
    }

    /// [`max_length`](Self::max_length): the backlog that a backup producer
    /// lets the stream have.
    pub(crate) fn capacity(&self) -> u64 {
        self.max_length
    }

    pub(crate) fn validate(&self) -> Result<()> {
        check::name("name", &self.name)?;
        check::in_range("batch_size", self.batch_size, 1..=1_000)?;
        check::duration(
            "send_timeout",
            self.send_timeout,
            Duration::from_millis(1),
            Duration::from_hours(1),
        )?;
        check::in_range("max_length", self.max_length, 1..=1_000_000_000_000)?;
        check::duration(
            "idempotency_window",
            self.idempotency_window,
            Duration::from_millis(1),
            Duration::from_hours(24 * 7),
        )
    }
}
