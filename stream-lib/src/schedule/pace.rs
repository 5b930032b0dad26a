//! The wait before the next look at scheduled messages.

use std::time::{Duration, Instant};

use crate::runtime::jitter;

/// The wait between two looks while something is scheduled, since another process may
/// schedule an earlier message.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// The wait while nothing is scheduled. An alarm ends it.
pub(super) const LONG: Duration = Duration::from_secs(3_600);

/// The shortest wait, so that messages which become due together move in one step.
const SHORT: Duration = Duration::from_millis(2);

/// The known due times of this process's own messages.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The latest due time.
    own_until: Option<Instant>,
}

impl Pace {
    /// Records that a message of this process is due at `at`.
    pub(super) fn own(&mut self, at: Instant) {
        self.own_until = self.own_until.max(Some(at));
    }

    /// The wait, if the first message is due after `next`, or there is none.
    ///
    /// A process with a message of its own that is not due yet looks in time for it.
    /// Others look now and then, so that they don't all ask at the same moment.
    pub(super) fn after(&mut self, next: Option<Duration>, now: Instant) -> Duration {
        let Some(next) = next else {
            self.own_until = None;
            return LONG;
        };
        if self.own_until.is_some_and(|until| until + LOOK < now) {
            self.own_until = None;
        }
        match self.own_until {
            Some(_) => next.clamp(SHORT, LOOK),
            None => jitter(LOOK, 0.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_process_is_in_time_for_its_own_messages() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.own(now + 1_000 * MS);
        pace.own(now + 10 * MS);
        assert_eq!(pace.after(Some(10 * MS), now), 10 * MS);
        assert_eq!(pace.after(Some(Duration::ZERO), now), SHORT);
        assert_eq!(pace.after(Some(900 * MS), now), LOOK);
        // Messages of others, after its own are gone.
        let later = now + 1_300 * MS;
        assert!(pace.after(Some(10 * MS), later) > 200 * MS);
    }

    #[test]
    fn others_look_now_and_then_and_nobody_does_where_nothing_is_scheduled() {
        let now = Instant::now();
        let mut pace = Pace::default();
        for _ in 0..100 {
            let wait = pace.after(Some(Duration::ZERO), now);
            assert!((225 * MS..=275 * MS).contains(&wait), "{wait:?}");
        }
        assert_eq!(pace.after(None, now), LONG);
        pace.own(now + 10 * MS);
        assert_eq!(pace.after(None, now), LONG);
        assert!(pace.after(Some(MS), now) > 200 * MS, "they were cancelled");
    }
}
