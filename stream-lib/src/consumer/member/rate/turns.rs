//! A queue of turns for workers: pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Turns, the earliest first.
#[derive(Debug)]
pub(super) struct TurnQueue {
    interval: Duration,
    /// When each may be used.
    turns: VecDeque<Instant>,
}

/// How long after its time an unused turn is lost, so that few coincide with later ones.
const SPARE: Duration = Duration::from_millis(50);

/// Whether a turn may still be used.
pub(super) fn lasts(turn: Instant, interval: Duration, now: Instant) -> bool {
    now.saturating_duration_since(turn) <= SPARE.max(interval)
}

impl TurnQueue {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            turns: VecDeque::new(),
        }
    }

    /// Adds `count` turns, of which the first may be used `first_us` after `at`.
    pub(super) fn add(&mut self, count: u32, first_us: i64, at: Instant) {
        for number in 0..count {
            let behind = self.interval.saturating_mul(number);
            let behind = i64::try_from(behind.as_micros()).unwrap_or(i64::MAX);
            let wait = u64::try_from(first_us.saturating_add(behind)).unwrap_or(0);
            self.turns.push_back(at + Duration::from_micros(wait));
        }
    }

    /// Takes the next turn, and drops lost ones.
    pub(super) fn next(&mut self, now: Instant) -> Option<Instant> {
        while let Some(turn) = self.turns.pop_front() {
            if lasts(turn, self.interval, now) {
                return Some(turn);
            }
        }
        None
    }

    /// Puts back an unused turn.
    pub(super) fn put_back(&mut self, turn: Instant) {
        self.turns.push_front(turn);
    }

    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn turns_of_a_burst_come_at_once_and_the_others_one_interval_apart() {
        let (mut queue, now) = (TurnQueue::new(10 * MS), Instant::now());
        queue.add(4, -15_000, now);
        let waits = [0, 0, 5, 15].map(|ms| now + ms * MS);
        assert_eq!([(); 4].map(|()| queue.next(now).unwrap()), waits);
        assert_eq!(queue.next(now), None);
    }

    #[test]
    fn turns_that_nobody_has_used_are_lost() {
        let (mut queue, now) = (TurnQueue::new(10 * MS), Instant::now());
        queue.add(10, 0, now);
        let late = now + 100 * MS;
        assert_eq!(queue.next(late), Some(now + 50 * MS));
        queue.put_back(now + 50 * MS);
        assert_eq!(queue.len(), 5);
        assert_eq!(queue.next(late), Some(now + 50 * MS));
        // A rare turn is kept for the next.
        let mut slow = TurnQueue::new(1_000 * MS);
        slow.add(1, 0, now);
        assert_eq!(slow.next(now + 900 * MS), Some(now));
        assert!(lasts(now, 10 * MS, now + 50 * MS) && !lasts(now, 10 * MS, now + 51 * MS));
    }

    proptest! {
        #[test]
        fn no_turn_comes_before_its_time(count in 0_u32..50, first in -1_000_000_i64..1_000_000) {
            let (mut queue, now) = (TurnQueue::new(7 * MS), Instant::now());
            queue.add(count, first, now);
            for number in 0..i64::from(count) {
                let wait = first + number * 7_000;
                let turn = queue.next(now).unwrap();
                prop_assert!(turn >= now);
                let late = i64::try_from((turn - now).as_micros()).unwrap();
                prop_assert_eq!(late, wait.max(0));
            }
        }
    }
}
