//! The journal of faults, with times.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// All faults of a run.
#[derive(Debug)]
pub(super) struct Journal {
    began: Instant,
    faults: Mutex<Vec<Fault>>,
}

#[derive(Debug, Clone)]
struct Fault {
    what: &'static str,
    from: Duration,
    /// None while it lasts.
    to: Option<Duration>,
}

/// A fault that lasts until this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Lasting<'a> {
    journal: &'a Journal,
    index: usize,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            faults: Mutex::default(),
        }
    }

    /// The time since the start.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn begin(&self, what: &'static str) -> Lasting<'_> {
        let mut faults = self.faults.lock();
        faults.push(Fault {
            what,
            from: self.now(),
            to: None,
        });
        Lasting {
            journal: self,
            index: faults.len() - 1,
        }
    }

    /// Notes a fault that is over at once.
    pub(super) fn strike(&self, what: &'static str) {
        drop(self.begin(what));
    }

    /// How often each struck.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for fault in &*self.faults.lock() {
            *counts.entry(fault.what).or_default() += 1;
        }
        counts
    }

    /// The faults that struck or lasted in a span of time, with seconds.
    pub(super) fn during(&self, from: Duration, to: Duration) -> Vec<String> {
        let faults = self.faults.lock();
        let overlaps = |f: &&Fault| f.from <= to && f.to.is_none_or(|end| end >= from);
        faults
            .iter()
            .filter(overlaps)
            .map(|f| {
                let at = format!("{} at {:.1}", f.what, f.from.as_secs_f64());
                match f.to.map(|end| end.saturating_sub(f.from)) {
                    Some(time) if time < Duration::from_millis(10) => at,
                    Some(time) => format!("{at} for {:.1}", time.as_secs_f64()),
                    None => format!("{at}, still"),
                }
            })
            .collect()
    }

    /// Whether Redis was out of somebody's reach in a span of time.
    pub(super) fn redis_was_away(&self, from: Duration, to: Duration) -> bool {
        let faults = self.during(from, to);
        let is_elsewhere =
            |what: &String| ["worker", "producer"].iter().any(|w| what.starts_with(w));
        !faults.iter().all(is_elsewhere)
    }
}

impl Drop for Lasting<'_> {
    fn drop(&mut self) {
        let now = self.journal.now();
        if let Some(fault) = self.journal.faults.lock().get_mut(self.index) {
            fault.to = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_by_the_time_they_lasted() {
        let journal = Journal::new();
        let begun = journal.now();
        let lasting = journal.begin("server frozen");
        journal.strike("worker killed");
        let later = journal.now() + Duration::from_secs(1);
        assert_eq!(
            journal.during(later, later),
            ["server frozen at 0.0, still"]
        );
        drop(lasting);
        assert!(journal.during(later, later).is_empty());
        assert_eq!(journal.during(begun, later).len(), 2);
        assert!(journal.redis_was_away(begun, later));
        assert_eq!(journal.counts()["worker killed"], 1);
    }
}
