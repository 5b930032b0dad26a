//! The counters behind a histogram, as threads write them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::{BUCKETS, Histogram, bucket};

/// Counts times. The bucket counts and the sum may differ by a time that is being
/// written.
#[derive(Debug)]
pub(super) struct Times {
    counts: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
}

impl Times {
    pub(super) const fn new() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum_nanos: AtomicU64::new(0),
        }
    }

    /// Counts a time in counters that only this thread writes.
    #[inline]
    pub(super) fn note_alone(&self, time: Duration) {
        let nanos = nanos(time);
        if let Some(count) = self.counts.get(bucket(nanos)) {
            add_alone(count, 1);
        }
        add_alone(&self.sum_nanos, nanos);
    }

    /// Counts a time `times` times; any thread may call this.
    pub(super) fn note(&self, time: Duration, times: u64) {
        let nanos = nanos(time);
        if let Some(count) = self.counts.get(bucket(nanos)) {
            count.fetch_add(times, Ordering::Relaxed);
        }
        self.sum_nanos
            .fetch_add(nanos.saturating_mul(times), Ordering::Relaxed);
    }

    pub(super) fn add_to(&self, histogram: &mut Histogram) {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        histogram.add(counts, self.sum_nanos.load(Ordering::Relaxed));
    }
}

/// Adds to a count that only this thread writes: a plain load and store.
#[inline]
fn add_alone(count: &AtomicU64, more: u64) {
    let now = count.load(Ordering::Relaxed);
    count.store(now.wrapping_add(more), Ordering::Relaxed);
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
