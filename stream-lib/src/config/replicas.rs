//! How many replicas are to have a message before its add returns.

use std::time::Duration;

use super::check;
use crate::error::{Error, ErrorKind, Result};

/// The most replicas that can be asked for.
const MOST: u32 = 100;

/// The replicas that an add waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replicas {
    /// At least 1.
    pub(crate) count: u32,
    pub(crate) timeout: Duration,
}

impl Replicas {
    /// `None` where none are asked for.
    pub(super) fn new(count: u32, timeout: Duration) -> Option<Self> {
        (count > 0).then_some(Self { count, timeout })
    }

    /// An add has to be answered within `send_timeout`, whatever replicas do.
    pub(super) fn validate(self, send_timeout: Duration) -> Result<()> {
        check::in_range("replicas", self.count, 0..=MOST)?;
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
    fn each_bound_is_named_with_its_value() {
        let of = |count, timeout| Replicas::new(count, timeout).unwrap();
        let just_less = Duration::from_millis(999);
        assert!(of(1, Duration::from_millis(1)).validate(SECOND).is_ok());
        assert!(of(MOST, just_less).validate(SECOND).is_ok());
        let micros = Duration::from_micros(999);
        for (replicas, words) in [
            (of(MOST + 1, SECOND / 2), ["`replicas` is 101", "0 to 100"]),
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
