//! The rate at which entries are changed.

use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

use super::job::STEP;

/// The time between two checks for cancellation in a pause.
const LOOK: Duration = Duration::from_millis(50);

/// Steps per second, if that many entries are allowed: the rate holds within parts of a
/// second, too.
const STEPS: u32 = 10;

/// Delays steps, so that no more than `per_second` entries are changed in a second.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: Option<NonZeroU32>,
    began: Instant,
    /// The earliest start of the next step.
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self {
            per_second,
            began: Instant::now(),
            next: None,
        }
    }

    /// The most entries of the next step.
    pub(super) fn step(&self) -> usize {
        self.per_second.map_or(STEP, |number| {
            let part = usize::try_from(number.get().div_ceil(STEPS)).unwrap_or(STEP);
            part.min(STEP)
        })
    }

    /// Waits until the next step may begin. Returns false if cancelled.
    pub(super) fn wait(&self, cancelled: &dyn Fn() -> bool) -> bool {
        loop {
            if cancelled() {
                return false;
            }
            let rest = self
                .next
                .map(|at| at.saturating_duration_since(Instant::now()));
            match rest.filter(|rest| !rest.is_zero()) {
                Some(rest) => thread::park_timeout(rest.min(LOOK)),
                None => return true,
            }
        }
    }

    /// Marks the start of a step.
    pub(super) fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// Marks the end of a step of `handled` entries. A step that took longer than its
    /// share isn't made up for: the rate doesn't rise after a slow server.
    pub(super) fn end(&mut self, handled: u64) {
        let share = self.per_second.map(|number| {
            let nanos = handled.saturating_mul(1_000_000_000) / u64::from(number.get());
            Duration::from_nanos(nanos)
        });
        self.next = share.and_then(|share| self.began.checked_add(share));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_tenths_of_what_a_second_has() {
        for (number, step) in [(1, 1), (5, 1), (20, 2), (50, 5), (400, 40), (9_000, STEP)] {
            assert_eq!(Pace::new(NonZeroU32::new(number)).step(), step, "{number}");
        }
        assert_eq!(Pace::new(None).step(), STEP);
    }

    #[test]
    fn the_next_step_waits_for_the_share_of_the_one_before() {
        let mut pace = Pace::new(NonZeroU32::new(100));
        assert!(pace.wait(&|| false), "the first one doesn't wait");
        pace.begin();
        pace.end(10);
        let share = pace.next.unwrap() - pace.began;
        assert_eq!(share, Duration::from_millis(100));
        assert!(pace.wait(&|| false));
        assert!(pace.began.elapsed() >= share, "it has come too early");
        pace.end(u64::MAX);
        assert!(!pace.wait(&|| true), "a pause ends where it is cancelled");
        let mut free = Pace::new(None);
        free.end(1_000_000);
        assert_eq!(free.next, None);
    }
}
