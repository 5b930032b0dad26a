//! How much of large entries a server may copy for looks at one stream.

use std::time::{Duration, Instant};

/// Bytes per second: a server copies a megabyte for a script within 1 to 5 ms, so that is
/// a three-thousandth of its time at most.
const PER_SECOND: i64 = 64 << 10;

/// As many may be copied at once after a rest.
const MOST: i64 = 1 << 20;

/// The longest rest. Newest entries are known within it, also where they are larger than
/// this allows.
const LONGEST: i64 = 45 * PER_SECOND;

/// A budget that refills with time. It may be overdrawn once, since the size of an entry
/// is known only when it was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    left: i64,
    at: Instant,
}

impl Budget {
    pub(super) fn full(now: Instant) -> Self {
        Self {
            left: MOST,
            at: now,
        }
    }

    pub(super) fn has_room(self, now: Instant) -> bool {
        self.refilled(now).left > 0
    }

    pub(super) fn spend(&mut self, bytes: u64, now: Instant) {
        let full = self.refilled(now);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.left = full.left.saturating_sub(bytes).max(-LONGEST);
        self.at = now;
    }

    fn refilled(self, now: Instant) -> Self {
        let rest = now
            .saturating_duration_since(self.at)
            .min(Duration::from_secs(3_600));
        let millis = i64::try_from(rest.as_millis()).unwrap_or(0);
        Self {
            left: (self.left + millis * PER_SECOND / 1_000).min(MOST),
            at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_entries_leave_room_and_large_ones_need_a_rest() {
        let begin = Instant::now();
        let after = |millis| begin + Duration::from_millis(millis);
        let mut budget = Budget::full(begin);
        for look in 0..100 {
            assert!(budget.has_room(after(look * 2_000)));
            budget.spend(100 << 10, after(look * 2_000));
        }
        let mut budget = Budget::full(begin);
        budget.spend(2 << 20, begin);
        assert!(!budget.has_room(after(15_900)));
        assert!(budget.has_room(after(16_100)));
        budget.spend(u64::MAX, after(16_100));
        assert!(!budget.has_room(after(61_000)));
        assert!(budget.has_room(after(61_200)), "the longest rest");
        // It saves up no more than for one look.
        budget.spend(2 << 20, after(9_000_000));
        assert!(!budget.has_room(after(9_015_900)));
    }
}
