//! The times at which a job is due.

use std::collections::VecDeque;

use jiff::SignedDuration;

use super::expression::Expression;
use super::zone::Zone;

/// The times of an expression in a time zone, in ms since 1970.
///
/// A time that the clock never shows, since it was set ahead, is due at the first moment
/// after; a time that it shows twice is due the first time. So each is due once, in the
/// order of the calendar.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    pub(super) expression: Expression,
    pub(super) zone: Zone,
}

impl Times {
    /// The first due time after `ms`; `None` beyond the calendar's last year.
    pub(super) fn after(&self, ms: u64) -> Option<u64> {
        let second = SignedDuration::from_secs(1);
        let mut from = self.zone.shown_at(ms)?.checked_add(second).ok()?;
        loop {
            let shown = self.expression.next_from(from)?;
            let due = self.zone.first_time_of(shown)?;
            // In an hour that the clock repeats, the time was due before.
            if due > ms {
                return Some(due);
            }
            from = shown.checked_add(second).ok()?;
        }
    }

    /// The last due times after `ms` and up to `until`, at most `most`, in order.
    pub(super) fn between(&self, ms: u64, until: u64, most: usize) -> Vec<u64> {
        let mut window = 60_000_u64;
        loop {
            // The search goes back from the end in ever longer steps, since there may be
            // very many.
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
