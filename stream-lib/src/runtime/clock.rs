//! The server's clock, as far as this process knows it.

use std::sync::atomic::{AtomicI64, Ordering};

use super::moment::Moment;

/// The offset of the server's clock to this process's monotonic one.
#[derive(Debug)]
pub(crate) struct ServerClock(AtomicI64);

const UNKNOWN: i64 = i64::MIN;

impl ServerClock {
    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(UNKNOWN))
    }

    /// Notes that the server's clock showed `server_ms` at `at`.
    pub(crate) fn set(&self, server_ms: u64, at: impl Into<Moment>) {
        let server = i64::try_from(server_ms).unwrap_or(i64::MAX);
        self.0
            .store(server.saturating_sub(at.into().millis()), Ordering::Relaxed);
    }

    /// The server's time now, in milliseconds since 1970; `None` before it was ever
    /// asked.
    pub(crate) fn now_ms(&self) -> Option<u64> {
        self.at_ms(Moment::now())
    }

    /// The server's time at `at`, as [`now_ms`](Self::now_ms).
    #[inline]
    pub(crate) fn at_ms(&self, at: impl Into<Moment>) -> Option<u64> {
        match self.0.load(Ordering::Relaxed) {
            UNKNOWN => None,
            offset => u64::try_from(offset.saturating_add(at.into().millis())).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_on_from_what_the_server_said() {
        let clock = ServerClock::new();
        assert_eq!(clock.now_ms(), None);
        clock.set(1_700_000_000_000, Moment::now());
        let shown = clock.now_ms().unwrap();
        assert!(
            (1_700_000_000_000..1_700_000_060_000).contains(&shown),
            "{shown}"
        );
    }
}
