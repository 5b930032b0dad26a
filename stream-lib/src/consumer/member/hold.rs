//! The hold of the group, as a member knows it.
//!
//! The keeper learns of a hold with each sign of life, a third of a lease apart at most;
//! a handler that was told of a rate limit holds the group itself. From then on nothing
//! is read, claimed or taken over here, and entries that have not started are given back.
//! A hold ends by itself: each look compares the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::GroupHold;

/// The member's knowledge of its group's hold.
#[derive(Debug)]
pub(crate) struct MemberHold {
    since: Instant,
    /// Its end, in milliseconds after `since`; 0 for none.
    ends: AtomicU64,
    known: Mutex<Option<GroupHold>>,
    /// The end of the hold that was logged.
    told: Mutex<Option<u64>>,
}

impl Default for MemberHold {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            ends: AtomicU64::new(0),
            known: Mutex::default(),
            told: Mutex::default(),
        }
    }
}

impl MemberHold {
    /// Whether the group is held now.
    pub(crate) fn lasts(&self) -> bool {
        // Without a hold, no clock is read.
        let ends = self.ends.load(Ordering::SeqCst);
        ends != 0 && self.millis(Instant::now()) < ends
    }

    /// The end of the present or last hold; `None` if there was none.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        let ends = self.ends.load(Ordering::SeqCst);
        (ends != 0).then(|| self.since + Duration::from_millis(ends))
    }

    /// The present hold.
    pub(crate) fn known(&self) -> Option<GroupHold> {
        self.known.lock().clone().filter(|_| self.lasts())
    }

    /// Notes the end of the hold that is logged; `None` for none. Returns whether that is
    /// new: only one of several members logs it.
    pub(crate) fn is_news(&self, hold: Option<u64>) -> bool {
        let mut told = self.told.lock();
        let is_news = *told != hold;
        *told = hold;
        is_news
    }

    /// Holds the group for a time from now on, as far as this process knows, with the
    /// server's clock at `server_ms`. Returns false if it is held for longer already.
    pub(crate) fn lengthen(&self, time: Duration, why: &str, server_ms: u64) -> bool {
        let ends = self.ends_at();
        if ends.is_some_and(|ends| ends >= Instant::now() + time) {
            return false;
        }
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let hold = GroupHold {
            until_ms: server_ms.saturating_add(millis),
            why: why.to_owned(),
        };
        self.notice(Some(hold), server_ms);
        true
    }

    /// Notes the answer of Redis when its clock showed `server_ms`.
    pub(crate) fn notice(&self, hold: Option<GroupHold>, server_ms: u64) {
        let mut known = self.known.lock();
        let left = hold
            .as_ref()
            .map(|hold| hold.until_ms.saturating_sub(server_ms));
        let ends = left.filter(|left| *left > 0).map_or(0, |left| {
            self.millis(Instant::now()).saturating_add(left).max(1)
        });
        *known = hold;
        self.ends.store(ends, Ordering::SeqCst);
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.since).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hold_lasts_until_its_time_by_the_servers_clock() {
        let hold = MemberHold::default();
        assert!(!hold.lasts() && hold.ends_at().is_none());
        let until = |until_ms| {
            let why = "a test".to_owned();
            Some(GroupHold { until_ms, why })
        };
        hold.notice(until(5_000_000), 1_000_000);
        assert!(hold.lasts());
        assert_eq!(hold.known(), until(5_000_000));
        let left = hold.ends_at().unwrap() - Instant::now();
        assert!(left > Duration::from_secs(3_000) && left <= Duration::from_secs(4_000));
        hold.notice(until(5_000_000), 5_000_000);
        assert!(!hold.lasts() && hold.known().is_none(), "it is over");
        hold.notice(until(5_000_001), 5_000_000);
        hold.notice(None, 5_000_000);
        assert!(!hold.lasts());
    }
}
