//! The record of a worker's handlers.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::histogram::Histogram;
use super::seat::Adder;
use super::times::Times;
use crate::runtime::nanos;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// The times of one worker, which alone writes them.
#[derive(Debug)]
pub(crate) struct WorkerRecord {
    handlers: Times,
    ages: Times,
}

impl WorkerRecord {
    const fn new() -> Self {
        Self {
            handlers: Times::new(),
            ages: Times::new(),
        }
    }

    /// Records the running time of a handler.
    #[inline]
    pub(crate) fn handled(&self, time: Duration) {
        self.handlers.note(Adder::ALONE, nanos(time), 1);
    }

    /// Records the age of a message when its handler began; both times are in
    /// milliseconds since 1970, by the server's clock.
    #[inline]
    pub(crate) fn began(&self, now: u64, added: u64) {
        let age = now.saturating_sub(added);
        let nanos = age.saturating_mul(NANOS_PER_MILLI);
        self.ages.note(Adder::ALONE, nanos, 1);
    }
}

/// The records of all workers that a consumer has had, in all of its lives. A worker that
/// ends leaves its record to a later one, so there are no more records than concurrent
/// workers.
#[derive(Debug, Default)]
pub(crate) struct WorkerRecords {
    all: Mutex<Vec<(Arc<WorkerRecord>, bool)>>,
}

impl WorkerRecords {
    /// A record that no other thread writes, until it is given back.
    pub(crate) fn take(&self) -> Arc<WorkerRecord> {
        let mut all = self.all.lock();
        if let Some((record, is_taken)) = all.iter_mut().find(|(_, is_taken)| !is_taken) {
            *is_taken = true;
            return Arc::clone(record);
        }
        let record = Arc::new(WorkerRecord::new());
        all.push((Arc::clone(&record), true));
        record
    }

    pub(crate) fn give_back(&self, record: &Arc<WorkerRecord>) {
        let mut all = self.all.lock();
        let own = all.iter_mut().find(|(one, _)| Arc::ptr_eq(one, record));
        if let Some((_, is_taken)) = own {
            *is_taken = false;
        }
    }

    /// The running times of handlers.
    pub(crate) fn handlers(&self) -> Histogram {
        let mut histogram = Histogram::default();
        for (record, _) in self.all.lock().iter() {
            record.handlers.add_to(&mut histogram);
        }
        histogram
    }

    /// The ages of messages when their handlers began.
    pub(crate) fn ages(&self) -> Histogram {
        let mut histogram = Histogram::default();
        for (record, _) in self.all.lock().iter() {
            record.ages.add_to(&mut histogram);
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_written_by_one_worker_at_a_time_and_kept() {
        let records = WorkerRecords::default();
        let (one, other) = (records.take(), records.take());
        assert!(!Arc::ptr_eq(&one, &other));
        one.handled(Duration::from_millis(1));
        other.handled(Duration::from_millis(3));
        one.began(10_000, 1_000);
        records.give_back(&one);
        assert!(
            Arc::ptr_eq(&one, &records.take()),
            "it goes to the next one"
        );
        assert_eq!(records.handlers().count(), 2);
        assert_eq!(records.handlers().sum(), Duration::from_millis(4));
        assert_eq!(records.ages().count(), 1);
    }
}
