//! The state of a consumer that has no threads left for further readers.

use std::time::{Duration, Instant};

use crate::error::{Error, with_causes};
use crate::runtime::{Backoff, counted};

/// For how long unreadable partitions are left to other consumers at first; the time
/// grows.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Whether a consumer can read no further partitions. Until a pause has passed it takes
/// none, and others count without it, so that no partition stays unread.
#[derive(Debug)]
pub(super) struct Scarcity {
    until: Option<Instant>,
    pauses: Backoff,
    /// Whether it was logged.
    is_told: bool,
}

impl Scarcity {
    pub(super) fn new() -> Self {
        Self {
            until: None,
            pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            is_told: false,
        }
    }

    /// Whether no partition may be taken now.
    pub(super) fn lasts(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Records that some taken partitions of a stream could not be read.
    pub(super) fn begins(&mut self, partitions: usize, stream: &str, error: &Error, now: Instant) {
        let pause = self.pauses.next();
        self.until = Some(now + pause);
        let count = counted(partitions, "partition", "partitions");
        let text = with_causes(error);
        if std::mem::replace(&mut self.is_told, true) {
            log::debug!("{count} of `{stream}` still can't be read here: {text}");
        } else {
            log::error!(
                "{count} of `{stream}` can't be read here: other consumers of the group can have \
                 them, and this one tries again in {pause:.0?}; allow more threads, or use fewer \
                 partitions or more processes: {text}"
            );
        }
    }

    /// Records that all taken partitions are read.
    pub(super) fn ends(&mut self, stream: &str) {
        self.until = None;
        self.pauses.reset();
        if std::mem::take(&mut self.is_told) {
            log::info!("further partitions of `{stream}` can be read here again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn none_is_taken_for_longer_and_longer_until_all_are_read() {
        let mut scarcity = Scarcity::new();
        let error = Error::new(ErrorKind::System, "out of threads");
        let mut now = Instant::now();
        assert!(!scarcity.lasts(now));
        scarcity.begins(3, "orders", &error, now);
        assert!(scarcity.lasts(now + FIRST_PAUSE / 2));
        now += FIRST_PAUSE * 2;
        assert!(!scarcity.lasts(now));
        scarcity.begins(3, "orders", &error, now);
        assert!(scarcity.lasts(now + FIRST_PAUSE * 5 / 4));
        scarcity.ends("orders");
        assert!(!scarcity.lasts(now));
        scarcity.begins(1, "orders", &error, now);
        assert!(!scarcity.lasts(now + FIRST_PAUSE * 5 / 4), "it starts over");
    }
}
