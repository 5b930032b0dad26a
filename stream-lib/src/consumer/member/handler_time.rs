//! The time that handlers take for an entry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::runtime::nanos;

/// An estimate for the read-ahead.
#[derive(Debug, Default)]
pub(crate) struct HandlerTime {
    /// A running mean, 0 before the first handler has ended.
    mean_nanos: AtomicU64,
    /// The longest time for an entry so far of the running handlers.
    longest_nanos: AtomicU64,
    /// The running entries of each member, by its number.
    running: Mutex<Vec<(u32, Running)>>,
}

/// The running entries of a member.
#[derive(Debug, Clone, Copy)]
struct Running {
    longest: Duration,
    entries: usize,
}

impl HandlerTime {
    /// Notes the time that an ended handler took for each entry.
    pub(crate) fn observe(&self, time: Duration) {
        let seen = self.mean_nanos.load(Ordering::Relaxed);
        let nanos = nanos(time).max(1);
        let mean = if seen == 0 {
            nanos
        } else {
            seen - seen / 8 + nanos / 8
        };
        self.mean_nanos.store(mean.max(1), Ordering::Relaxed);
    }

    /// Notes the time of the longest-running handler of a member, and how many entries
    /// its handlers hold, while `handlers` run for all members.
    pub(crate) fn observe_longest(
        &self,
        member: u32,
        longest: Duration,
        entries: usize,
        handlers: usize,
    ) {
        let mut running = self.running.lock();
        running.retain(|(other, _)| *other != member);
        if entries > 0 {
            running.push((member, Running { longest, entries }));
        }
        let longest = running.iter().map(|(_, running)| running.longest).max();
        let entries: usize = running.iter().map(|(_, running)| running.entries).sum();
        drop(running);
        let handlers = handlers.max(1);
        let longest = longest.unwrap_or_default().as_nanos();
        let each = longest * handlers as u128 / entries.max(handlers) as u128;
        let each = u64::try_from(each).unwrap_or(u64::MAX);
        self.longest_nanos.store(each, Ordering::Relaxed);
    }

    /// The time of the longest-running handler, as of the last note; `None` if none runs.
    pub(crate) fn longest(&self) -> Option<Duration> {
        let running = self.running.lock();
        running.iter().map(|(_, running)| running.longest).max()
    }

    /// The time that a handler takes for an entry; `None` before one has ended.
    pub(crate) fn estimate(&self) -> Option<Duration> {
        let mean = self.mean_nanos.load(Ordering::Relaxed);
        let longest = self.longest_nanos.load(Ordering::Relaxed);
        (mean > 0).then(|| Duration::from_nanos(mean.max(longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_mean_follows_the_handlers_that_have_ended() {
        let time = HandlerTime::default();
        assert_eq!(time.estimate(), None);
        time.observe(8 * SECOND);
        assert_eq!(time.estimate(), Some(8 * SECOND));
        time.observe(16 * SECOND);
        assert_eq!(time.estimate(), Some(9 * SECOND));
    }

    #[test]
    fn a_handler_that_runs_for_longer_than_the_mean_counts_at_once() {
        let time = HandlerTime::default();
        time.observe_longest(0, SECOND, 1, 1);
        assert_eq!(time.estimate(), None, "none has ended");
        time.observe(SECOND);
        time.observe_longest(0, 20 * SECOND, 1, 1);
        assert_eq!(time.estimate(), Some(20 * SECOND));
        // Two batches of ten entries each.
        time.observe_longest(0, 20 * SECOND, 20, 2);
        assert_eq!(time.estimate(), Some(2 * SECOND));
        time.observe_longest(0, Duration::ZERO, 0, 0);
        assert_eq!(time.estimate(), Some(SECOND));
    }

    #[test]
    fn the_longest_handler_of_all_members_counts() {
        let time = HandlerTime::default();
        time.observe(SECOND);
        time.observe_longest(3, 9 * SECOND, 1, 2);
        time.observe_longest(4, 5 * SECOND, 1, 2);
        assert_eq!(time.estimate(), Some(9 * SECOND));
        time.observe_longest(3, Duration::ZERO, 0, 1);
        assert_eq!(time.estimate(), Some(5 * SECOND));
    }
}
