//! The times at which a job is due.

use std::collections::VecDeque;

use jiff::SignedDuration;

use super::expression::Expression;
use super::zone::Zone;

/// The times of an expression in a time zone, in ms since 1970.
///
/// A time that the clock never shows, since it was set ahead, is due at the first moment
/// after; one that it shows twice is due the first time. So each is due once, and they
/// are due in the order in which a calendar has them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    pub(super) expression: Expression,
    pub(super) zone: Zone,
}

impl Times {
    /// The first one after `ms`; `None` beyond the years that there are.
    pub(super) fn after(&self, ms: u64) -> Option<u64> {
        let second = SignedDuration::from_secs(1);
        let mut from = self.zone.shown_at(ms)?.checked_add(second).ok()?;
        loop {
            let shown = self.expression.next_from(from)?;
            let due = self.zone.first_time_of(shown)?;
            // Where the clock shows the same hour again, it was due before.
            if due > ms {
                return Some(due);
            }
            from = shown.checked_add(second).ok()?;
        }
    }

    /// The last ones after `ms` and up to `until`, at most `most`, in order.
    pub(super) fn between(&self, ms: u64, until: u64, most: usize) -> Vec<u64> {
        let mut window = 60_000_u64;
        loop {
            // From the end, in ever longer steps: there may be very many.
            let begin = ms.max(until.saturating_sub(window));
            let mut found = VecDeque::new();
            let mut last = begin;
            while let Some(next) = self.after(last).filter(|next| *next <= until) {
                found.push_back(next);
                if found.len() > most {
                    found.pop_front();
                }
                last = next;
            }
            if found.len() >= most || begin == ms {
                return found.into();
            }
            window = window.saturating_mul(8);
        }
    }
}
