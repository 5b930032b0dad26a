//! How many replicas must have a message before its add returns.

use std::time::Duration;

use super::check;
use crate::error::{Error, ErrorKind, Result};

/// The replicas that an add waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replicas {
    /// At least 1.
    pub(crate) count: u32,
    pub(crate) timeout: Duration,
}

impl Replicas {
    /// The largest count.
    const MOST: u32 = 100;

    /// `None` for a count of 0.
    pub(super) fn new(count: u32, timeout: Duration) -> Option<Self> {
        (count > 0).then_some(Self { count, timeout })
    }

    /// Bounds for a consumer: a WAIT holds up the thread that acknowledges for all
    /// consumers of a manager.
    pub(super) fn validate_alone(self) -> Result<()> {
        const LONGEST: Duration = Duration::from_secs(10);
        check::in_range("replicas", self.count, 0..=Self::MOST)?;
        let least = Duration::from_millis(1);
        check::duration("timeout of replicas", self.timeout, least, LONGEST)
    }

    /// Bounds for a producer: an add must be answered within `send_timeout`, whatever
    /// replicas do.
    pub(super) fn validate(self, send_timeout: Duration) -> Result<()> {
        check::in_range("replicas", self.count, 0..=Self::MOST)?;
        let timeout = self.timeout;
        if timeout >= Duration::from_millis(1) && timeout < send_timeout {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "the timeout of `replicas` is {timeout:?}, and must be at least 1ms and less than \
                 `send_timeout`, which is {send_timeout:?}"
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_replicas_are_no_wait() {
        assert_eq!(Replicas::new(0, Duration::ZERO), None);
    }

    #[test]
    fn bounds_of_a_consumers_are_named() {
        let of = |count, ms| {
            let timeout = Duration::from_millis(ms);
            Replicas { count, timeout }.validate_alone()
        };
        assert!(of(1, 1).is_ok() && of(100, 10_000).is_ok());
        for (refused, word) in [
            (of(101, 1), "101"),
            (of(1, 0), "0ns"),
            (of(1, 10_001), "10.001s"),
        ] {
            let error = refused.unwrap_err().to_string();
            assert!(
                error.contains("replicas") && error.contains(word),
                "{error}"
            );
        }
    }

    #[test]
    fn each_bound_is_named_with_its_value() {
        let of = |count, timeout| Replicas::new(count, timeout).unwrap();
        let just_less = Duration::from_millis(999);
        assert!(of(1, Duration::from_millis(1)).validate(SECOND).is_ok());
        assert!(of(Replicas::MOST, just_less).validate(SECOND).is_ok());
        let micros = Duration::from_micros(999);
        for (replicas, words) in [
            (
                of(Replicas::MOST + 1, SECOND / 2),
                ["`replicas` is 101", "0 to 100"],
            ),
            (of(1, micros), ["`replicas` is 999µs", "`send_timeout`"]),
            (of(1, SECOND), ["`replicas` is 1s", "which is 1s"]),
        ] {
            let error = replicas.validate(SECOND).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            for word in words {
                assert!(error.to_string().contains(word), "{error}");
            }
        }
    }
}
