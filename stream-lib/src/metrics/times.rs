//! The counters behind a histogram, as threads write them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::{BUCKETS, Histogram, bucket};
use super::seat::Adder;

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

    /// Counts a time of so many nanoseconds, `times` times.
    #[inline]
    pub(super) fn note(&self, adder: Adder, nanos: u64, times: u64) {
        if let Some(count) = self.counts.get(bucket(nanos)) {
            adder.add(count, times);
        }
        adder.add(&self.sum_nanos, nanos.saturating_mul(times));
    }

    pub(super) fn add_to(&self, histogram: &mut Histogram) {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        histogram.add(counts, self.sum_nanos.load(Ordering::Relaxed));
    }
}
