//! The record of a producer's messages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::histogram::Histogram;
use super::seat::{Adder, PARTS};
use super::sizes::{self, BatchSizes, SIZES};
use super::snapshot::ProducerMetrics;
use super::times::Times;
use crate::error::ErrorKind;
use crate::runtime::nanos;

/// The result of adding one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Main,
    Backup,
    Spooled,
    Duplicate,
    Scheduled,
    Failed(ErrorKind),
}

/// The counts and times of one producer.
#[derive(Debug)]
pub(crate) struct ProducerRecord {
    parts: Box<[Part]>,
    /// Failures by kind. They are rare, or take long, so a lock is cheap enough.
    failed: Mutex<Vec<(ErrorKind, u64)>>,
    /// Entries that its drain has moved from the backup stream to the stream.
    moved: AtomicU64,
}

/// The counts of some of the threads. Cache lines have 64 bytes, and are fetched in
/// pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Part {
    main: AtomicU64,
    backup: AtomicU64,
    spooled: AtomicU64,
    duplicates: AtomicU64,
    scheduled: AtomicU64,
    batches: [AtomicU64; SIZES],
    batched: AtomicU64,
    adds: Times,
}

impl Part {
    const fn new() -> Self {
        Self {
            main: AtomicU64::new(0),
            backup: AtomicU64::new(0),
            spooled: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            scheduled: AtomicU64::new(0),
            batches: [const { AtomicU64::new(0) }; SIZES],
            batched: AtomicU64::new(0),
            adds: Times::new(),
        }
    }
}

impl Default for ProducerRecord {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Part::new()).collect(),
            failed: Mutex::default(),
            moved: AtomicU64::new(0),
        }
    }
}

impl ProducerRecord {
    /// Records the fates of messages that were answered together, `time` after they were
    /// sent.
    pub(crate) fn answered(&self, fates: impl IntoIterator<Item = Fate>, time: Duration) {
        let Some((part, adder)) = self.part() else {
            return;
        };
        // Most batches have one fate: it is counted once for all.
        let (mut last, mut count, mut all) = (None, 0, 0);
        for fate in fates {
            all += 1;
            if last == Some(fate) {
                count += 1;
                continue;
            }
            self.count(part, adder, last, count);
            (last, count) = (Some(fate), 1);
        }
        self.count(part, adder, last, count);
        if all > 0 {
            part.adds.note(adder, nanos(time), all);
        }
    }

    fn count(&self, part: &Part, adder: Adder, fate: Option<Fate>, more: u64) {
        let count = match fate {
            None => return,
            Some(Fate::Main) => &part.main,
            Some(Fate::Backup) => &part.backup,
            Some(Fate::Spooled) => &part.spooled,
            Some(Fate::Duplicate) => &part.duplicates,
            Some(Fate::Scheduled) => &part.scheduled,
            Some(Fate::Failed(kind)) => return self.fail(kind, more),
        };
        adder.add(count, more);
    }

    #[cold]
    fn fail(&self, kind: ErrorKind, more: u64) {
        let mut failed = self.failed.lock();
        match failed.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += more,
            None => failed.push((kind, more)),
        }
    }

    /// Records a batch of messages that go to Redis together.
    pub(crate) fn batch(&self, messages: usize) {
        let Some((part, adder)) = self.part() else {
            return;
        };
        if let Some(count) = part.batches.get(sizes::bucket(messages)) {
            adder.add(count, 1);
        }
        adder.add(&part.batched, messages as u64);
    }

    /// Records entries that were moved from the backup stream to the stream.
    pub(crate) fn moved(&self, entries: u64) {
        self.moved.fetch_add(entries, Ordering::Relaxed);
    }

    /// The counts so far; the caller fills in the rest of the snapshot.
    pub(crate) fn snapshot(&self) -> ProducerMetrics {
        let sum = |of: fn(&Part) -> &AtomicU64| {
            let counts = self
                .parts
                .iter()
                .map(|part| of(part).load(Ordering::Relaxed));
            counts.sum::<u64>()
        };
        let (mut batch_sizes, mut add_duration) = (BatchSizes::default(), Histogram::default());
        for part in &self.parts {
            let counts = part
                .batches
                .iter()
                .map(|count| count.load(Ordering::Relaxed));
            batch_sizes.add(counts, part.batched.load(Ordering::Relaxed));
            part.adds.add_to(&mut add_duration);
        }
        let added_to_backup = sum(|part| &part.backup);
        ProducerMetrics {
            added: sum(|part| &part.main) + added_to_backup,
            added_to_backup,
            duplicates: sum(|part| &part.duplicates),
            scheduled: sum(|part| &part.scheduled),
            spooled: sum(|part| &part.spooled),
            moved: self.moved.load(Ordering::Relaxed),
            failed: self.failed.lock().clone(),
            batch_sizes,
            add_duration,
            ..ProducerMetrics::default()
        }
    }

    /// The part of this thread.
    #[inline]
    fn part(&self) -> Option<(&Part, Adder)> {
        let (at, adder) = Adder::here();
        self.parts.get(at).map(|part| (part, adder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_what_became_of_them() {
        let record = ProducerRecord::default();
        let unavailable = Fate::Failed(ErrorKind::Unavailable);
        let time = Duration::from_millis(2);
        record.batch(5);
        record.answered(
            [
                Fate::Main,
                Fate::Main,
                Fate::Backup,
                unavailable,
                unavailable,
            ],
            time,
        );
        std::thread::scope(|scope| {
            scope.spawn(|| record.answered([Fate::Spooled], time));
        });
        record.answered([], time);
        record.answered([Fate::Duplicate, Fate::Failed(ErrorKind::Full)], time);
        record.moved(3);
        let metrics = record.snapshot();
        assert_eq!((metrics.added, metrics.added_to_backup), (3, 1));
        assert_eq!(
            (metrics.spooled, metrics.duplicates, metrics.moved),
            (1, 1, 3)
        );
        let failed = [(ErrorKind::Unavailable, 2), (ErrorKind::Full, 1)];
        assert_eq!(metrics.failed, failed);
        assert_eq!(
            (metrics.batch_sizes.count(), metrics.batch_sizes.sum()),
            (1, 5)
        );
        assert_eq!(metrics.add_duration.count(), 8);
        assert_eq!(metrics.add_duration.sum(), time * 8);
    }
}
