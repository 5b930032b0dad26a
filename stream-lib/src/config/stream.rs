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
}

impl StreamConfig {
    /// The stream `name` with the defaults of each setter.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch_size: 10,
            send_timeout: Duration::from_secs(5),
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

    pub(crate) fn validate(&self) -> Result<()> {
        check::name("name", &self.name)?;
        check::in_range("batch_size", self.batch_size, 1..=1_000)?;
        check::duration(
            "send_timeout",
            self.send_timeout,
            Duration::from_millis(1),
            Duration::from_hours(1),
        )
    }
}
