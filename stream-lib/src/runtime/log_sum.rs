//! One log line a minute for a count that grows.

use std::time::{Duration, Instant};

/// The time after a line before the next one.
const WINDOW: Duration = Duration::from_secs(60);

/// Adds up a count: the first part is logged at once, and all that comes within a minute
/// after it in one line.
#[derive(Debug, Default)]
pub(crate) struct LogSum {
    told_at: Option<Instant>,
    untold: u64,
}

impl LogSum {
    /// Adds to the count. Returns the count to log now, if any.
    pub(crate) fn add(&mut self, count: u64, now: Instant) -> Option<u64> {
        self.untold += count;
        self.ends()
            .is_none_or(|end| end <= now)
            .then(|| self.told(now))
    }

    /// When the count is to be logged; `None` if there is nothing to log.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.ends().filter(|_| self.untold > 0)
    }

    /// The count, if it is to be logged at `now`. It counts as logged.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u64> {
        self.due().filter(|due| *due <= now).map(|_| self.told(now))
    }

    /// As [`take_due`](Self::take_due), for the last time: whether it is due or
    /// not.
    pub(crate) fn take_rest(&mut self) -> Option<u64> {
        let rest = std::mem::take(&mut self.untold);
        Some(rest).filter(|rest| *rest > 0)
    }

    fn told(&mut self, now: Instant) -> u64 {
        self.told_at = Some(now);
        std::mem::take(&mut self.untold)
    }

    fn ends(&self) -> Option<Instant> {
        self.told_at.map(|at| at + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_count_is_told_at_once_and_others_once_a_minute() {
        let mut sum = LogSum::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(sum.add(3, start), Some(3));
        assert_eq!(sum.due(), None);
        assert_eq!(sum.add(4, start + second), None);
        assert_eq!(sum.add(5, start + 59 * second), None);
        assert_eq!(sum.due(), Some(start + WINDOW));
        assert_eq!(sum.take_due(start + 59 * second), None);
        assert_eq!(sum.take_due(start + 60 * second), Some(9));
        assert_eq!(sum.add(1, start + 100 * second), None);
        assert_eq!(sum.add(1, start + 120 * second), Some(2));
        assert_eq!(sum.take_rest(), None);
        sum.add(6, start + 121 * second);
        assert_eq!(sum.take_rest(), Some(6));
    }
}
