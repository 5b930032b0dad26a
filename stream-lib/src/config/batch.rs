//! How large a batch is, and how long it waits to be filled.

use std::time::Duration;

use super::{BatchSettings, check};
use crate::error::Result;

/// How many deliveries a [`BatchHandler`](crate::BatchHandler) gets at a time.
///
/// ```
/// use std::time::Duration;
/// use stream_lib::BatchConfig;
///
/// let config = BatchConfig::new(100).wait(Duration::from_millis(50));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchConfig {
    pub(crate) size: usize,
    pub(crate) wait: Duration,
}

impl BatchConfig {
    /// Batches of at most `size` deliveries, 1 to 10,000.
    ///
    /// Without a [`wait`](Self::wait), a batch is made of the entries in the buffer,
    /// which holds at most twice the [`read_count`](crate::ConsumerConfig::read_count).
    /// For full batches, set `read_count` to at least `size`.
    pub fn new(size: usize) -> Self {
        Self {
            size,
            wait: Duration::ZERO,
        }
    }

    /// How long a batch that is not full waits for more entries, counted from
    /// its first one; at most a third of the [`lease`](crate::ConsumerConfig::lease).
    /// A stop ends the wait at once. Defaults to zero: no wait.
    #[must_use]
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// The size and the wait, for reading.
    ///
    /// ```
    /// use stream_lib::BatchConfig;
    ///
    /// assert_eq!(BatchConfig::new(100).settings().size, 100);
    /// ```
    pub fn settings(&self) -> BatchSettings {
        let Self { size, wait } = *self;
        BatchSettings { size, wait }
    }

    /// Checks the values, for a consumer with this lease.
    pub(crate) fn validate(&self, lease: Duration) -> Result<()> {
        check::in_range("batch_size", self.size, 1..=10_000)?;
        check::duration("batch_wait", self.wait, Duration::ZERO, lease / 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConsumerConfig;
    use crate::error::ErrorKind;

    #[test]
    fn each_bound_is_named_with_its_value() {
        let consumer = ConsumerConfig::new("orders").lease(Duration::from_secs(30));
        let ten_seconds = Duration::from_secs(10);
        let longest = BatchConfig::new(10_000).wait(ten_seconds);
        assert!(longest.validate(consumer.lease).is_ok());
        for (config, words) in [
            (BatchConfig::new(0), ["`batch_size`", "is 0"]),
            (BatchConfig::new(10_001), ["`batch_size`", "is 10001"]),
            (
                BatchConfig::new(1).wait(ten_seconds * 2),
                ["`batch_wait`", "is 20s"],
            ),
        ] {
            let error = consumer.clone().checked_with(&config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            for word in words {
                assert!(error.to_string().contains(word), "{error}");
            }
        }
    }
}
