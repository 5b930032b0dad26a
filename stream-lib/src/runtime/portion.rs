//! The number of things to ask for at a time, if an answer may be too large.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};

/// A number of things to ask for at a time: halved after an answer was lost, perhaps for
/// its size, down to one, and doubled again after a row of full answers.
///
/// A server closes a connection whose output buffer is over its limit, and a proxy or a
/// slow link may have limits of their own: none of them is known, so this finds a size
/// that passes. Each further failure delays the next attempt at a larger one.
#[derive(Debug)]
pub(crate) struct Portion {
    most: usize,
    size: AtomicUsize,
    growth: Mutex<Growth>,
}

#[derive(Debug)]
struct Growth {
    /// Full answers since the size last changed.
    full: u32,
    /// The number of full answers that double the size.
    wanted: u32,
    /// Whether the size has grown since the last failure, so that the growth may cause
    /// the next one.
    has_grown: bool,
}

/// The number of full answers before the size doubles, at first and at most.
const SOON: u32 = 8;
const LATE: u32 = 512;

impl Portion {
    /// At most `most` things at a time, which is also the first size.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            size: AtomicUsize::new(most.max(1)),
            growth: Mutex::new(Growth {
                full: 0,
                wanted: SOON,
                has_grown: false,
            }),
        }
    }

    /// Whether an answer may have been lost for its size: the connection broke, or this
    /// process refused to read on.
    pub(crate) fn is_about(error: &Error) -> bool {
        matches!(
            error.kind(),
            ErrorKind::OutcomeUnknown | ErrorKind::Protocol
        )
    }

    /// The number to ask for.
    pub(crate) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Notes that the answer to a request for `asked` things was lost. Returns whether
    /// the next request is to be smaller.
    pub(crate) fn halve(&self, asked: usize) -> bool {
        let mut growth = self.growth.lock();
        growth.full = 0;
        if growth.has_grown {
            growth.has_grown = false;
            growth.wanted = (growth.wanted * 2).min(LATE);
        }
        let half = (asked / 2).max(1);
        self.size.fetch_min(half, Ordering::Relaxed);
        half < asked
    }

    /// Notes an answer with `count` things.
    pub(crate) fn received(&self, count: usize) {
        if self.size() >= self.most {
            return;
        }
        let mut growth = self.growth.lock();
        let size = self.size();
        if count < size {
            return;
        }
        growth.full += 1;
        if growth.full >= growth.wanted {
            growth.full = 0;
            growth.has_grown = true;
            self.size
                .store((size * 2).min(self.most), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_halve_down_to_one() {
        let portion = Portion::new(10);
        assert!(portion.halve(10));
        assert_eq!(portion.size(), 5);
        // This one was asked for before that.
        assert!(portion.halve(10));
        assert_eq!(portion.size(), 5);
        assert!(portion.halve(5) && portion.halve(2));
        assert_eq!(portion.size(), 1);
        assert!(!portion.halve(1), "there is no smaller one");
        assert_eq!(portion.size(), 1);
    }

    #[test]
    fn full_answers_double_up_to_the_most() {
        let portion = Portion::new(10);
        portion.halve(7);
        for _ in 0..100 {
            portion.received(2);
        }
        assert_eq!(portion.size(), 3, "they were not full");
        for size in [6, 10] {
            for _ in 0..SOON {
                assert!(portion.size() < size);
                portion.received(10);
            }
            assert_eq!(portion.size(), size);
        }
        portion.received(10);
        assert_eq!(portion.size(), 10);
    }

    #[test]
    fn growth_that_failed_is_tried_again_later_each_time() {
        let portion = Portion::new(8);
        portion.halve(8);
        let answers_until_full = || {
            let mut answers = 0;
            while portion.size() < 8 {
                portion.received(4);
                answers += 1;
            }
            answers
        };
        for wanted in [SOON, SOON * 2, SOON * 4] {
            assert_eq!(answers_until_full(), wanted);
            portion.halve(8);
        }
        for _ in 0..10 {
            answers_until_full();
            portion.halve(8);
        }
        assert_eq!(answers_until_full(), LATE);
    }
}
