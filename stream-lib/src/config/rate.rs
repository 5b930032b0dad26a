//! Rate limits of consumer groups.

use std::time::Duration;

use super::check;
use crate::error::{Error, ErrorKind, Result};

/// A rate limit: how many handlers start in a second, in all processes of a group
/// together.
///
/// Given to [`ConsumerConfig::rate_limit`](crate::ConsumerConfig::rate_limit).
///
/// ```
/// use stream_lib::{ConsumerConfig, RateLimit};
///
/// // A service that takes a hundred requests a second, and up to 20 at once.
/// let limit = RateLimit::per_second(100).burst(20);
/// let config = ConsumerConfig::new("orders").rate_limit(limit);
///
/// // Each customer once in two seconds.
/// let limit = RateLimit::per_second(0.5).per_key("user_id");
/// let config = ConsumerConfig::new("orders").rate_limit(limit);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    per_second: f64,
    burst: u32,
    key: Option<String>,
}

/// The slowest rate and the fastest, in a second.
const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 1_000_000.0;

impl RateLimit {
    /// A limit of `entries` a second, 0.001 to 1,000,000, evenly spaced.
    pub fn per_second(entries: impl Into<f64>) -> Self {
        Self {
            per_second: entries.into(),
            burst: 1,
            key: None,
        }
    }

    /// How many handlers may start at once after an idle time, 1 to 1,000,000. Defaults
    /// to 1.
    #[must_use]
    pub fn burst(mut self, entries: u32) -> Self {
        self.burst = entries;
        self
    }

    /// Applies the rate to each value of this field by itself, instead of to all entries
    /// together. Entries without the field share one rate. The field of a header is `~h:`
    /// and its name. Defaults to one rate for all entries.
    #[must_use]
    pub fn per_key(mut self, field: impl Into<String>) -> Self {
        self.key = Some(field.into());
        self
    }

    /// The field whose values have a rate each.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub(crate) fn burst_size(&self) -> u32 {
        self.burst
    }

    /// The time from one entry to the next.
    pub(crate) fn interval(&self) -> Duration {
        let interval = Duration::try_from_secs_f64(1.0 / self.per_second);
        interval
            .unwrap_or(Duration::MAX)
            .max(Duration::from_micros(1))
    }

    pub(super) fn validate(&self) -> Result<()> {
        if !(SLOWEST..=FASTEST).contains(&self.per_second) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "`rate_limit` is {} a second, and must be {SLOWEST} to {FASTEST}",
                    self.per_second
                ),
            ));
        }
        check::in_range("burst of `rate_limit`", self.burst, 1..=1_000_000)?;
        match &self.key {
            Some(key) if key.is_empty() => Err(Error::new(
                ErrorKind::Config,
                "`per_key` of `rate_limit` has no name: give the name of a field",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_is_the_time_between_two_entries() {
        assert_eq!(
            RateLimit::per_second(100).interval(),
            Duration::from_millis(10)
        );
        assert_eq!(
            RateLimit::per_second(0.5).interval(),
            Duration::from_secs(2)
        );
    }

    #[test]
    fn each_bound_is_named() {
        let limit = |limit: RateLimit| limit.validate();
        assert!(limit(RateLimit::per_second(SLOWEST).per_key("user")).is_ok());
        for (refused, word) in [
            (RateLimit::per_second(0), "0 a second"),
            (RateLimit::per_second(f64::NAN), "NaN"),
            (RateLimit::per_second(1).burst(0), "burst"),
            (RateLimit::per_second(1).per_key(""), "no name"),
        ] {
            let error = limit(refused).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
