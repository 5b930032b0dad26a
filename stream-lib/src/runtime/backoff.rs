//! Growing waits between attempts to reach Redis again.

use std::time::Duration;

use super::jitter;

/// Doubles from `first` to `cap`; each wait is jittered by ±20 %, so that a hundred
/// processes that lost the same server don't return in step.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    cap: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            next: first,
        }
    }

    /// For connections: 50 ms, doubling, at most 5 s.
    pub(crate) fn for_connections() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(5))
    }

    /// Bounds the waits, except for the jitter.
    pub(crate) fn at_most(self, longest: Duration) -> Self {
        Self::new(self.first.min(longest), self.cap.min(longest))
    }

    /// The wait before the next attempt.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(self.cap);
        jitter(wait, 0.2)
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_over_after_reset() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(3));
        let near = |wait: Duration, secs: f64| (wait.as_secs_f64() / secs - 1.0).abs() <= 0.21;
        assert!(near(backoff.next(), 1.0));
        assert!(near(backoff.next(), 2.0));
        assert!(near(backoff.next(), 3.0));
        assert!(near(backoff.next(), 3.0));
        backoff.reset();
        assert!(near(backoff.next(), 1.0));
        let mut bounded = backoff.at_most(Duration::from_secs(2));
        assert!(near(bounded.next(), 1.0));
        assert!(near(bounded.next(), 2.0));
        assert!(near(bounded.next(), 2.0));
    }
}
