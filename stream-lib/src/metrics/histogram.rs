//! Histograms of times.

use std::fmt;
use std::time::Duration;

/// The first bucket ends at 2 to this power, in nanoseconds: about a microsecond.
const FIRST: u32 = 10;

/// The last bucket with an end ends at 2 to this power: about 52 days.
const LAST: u32 = 52;

/// Buckets for each doubling, as a power of two.
const PARTS: u32 = 2;

/// All buckets, with the last, unbounded one.
pub(super) const BUCKETS: usize = (((LAST - FIRST) << PARTS) + 2) as usize;

/// A histogram of times: a snapshot.
///
/// The buckets are fixed: the first is for times below 1.024 µs, and above that there are
/// four for each doubling, up to 52 days. So a [quantile](Self::quantile) is at most a
/// quarter too high. `Display` shows one line.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// Empty, or one for each bucket.
    counts: Vec<u64>,
    sum_nanos: u64,
}

impl Histogram {
    /// The number of times.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all times. It saturates at about 584 years.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// The mean of all times; `None` if there are none.
    pub fn mean(&self) -> Option<Duration> {
        self.sum_nanos
            .checked_div(self.count())
            .map(Duration::from_nanos)
    }

    /// The time that a share `q` of all times don't exceed, such as 0.99: the end of its
    /// bucket, which is at most a quarter too high. A `q` outside of 0 to 1 counts as the
    /// nearer bound. `None` if there are no times.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = rank(q, count);
        let mut seen = 0;
        let at = self.counts.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        });
        // The unbounded bucket counts as its beginning.
        let at = at.unwrap_or(BUCKETS - 1).min(BUCKETS - 2);
        Some(end(at))
    }

    /// All buckets, the shortest times first: the end of each, and the number of times
    /// below that end. The last end is [`Duration::MAX`], with the count of all times.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let mut seen = 0;
        (0..BUCKETS).map(move |at| {
            seen += self.counts.get(at).copied().unwrap_or(0);
            let end = if at + 1 < BUCKETS {
                end(at)
            } else {
                Duration::MAX
            };
            (end, seen)
        })
    }

    /// Adds the times of another histogram.
    pub fn merge(&mut self, other: &Self) {
        self.add(other.counts.iter().copied(), other.sum_nanos);
    }

    pub(super) fn add(&mut self, counts: impl IntoIterator<Item = u64>, sum_nanos: u64) {
        self.counts.resize(BUCKETS, 0);
        for (own, more) in self.counts.iter_mut().zip(counts) {
            *own += more;
        }
        self.sum_nanos = self.sum_nanos.saturating_add(sum_nanos);
    }

    /// The times since an earlier snapshot: a time of each bucket that has any, and their
    /// number.
    #[cfg_attr(
        not(feature = "metrics"),
        allow(dead_code, reason = "only what is published needs it")
    )]
    pub(super) fn since<'a>(
        &'a self,
        earlier: &'a Self,
    ) -> impl Iterator<Item = (Duration, u64)> + 'a {
        let counts = self.counts.iter().enumerate();
        counts.filter_map(|(at, count)| {
            let before = earlier.counts.get(at).copied().unwrap_or(0);
            let more = count.checked_sub(before).filter(|more| *more > 0)?;
            let begin = at.checked_sub(1).map_or(Duration::ZERO, end);
            let middle = if at + 1 < BUCKETS {
                begin + end(at).saturating_sub(begin) / 2
            } else {
                begin
            };
            Some((middle, more))
        })
    }
}

/// The rank of the `q`-quantile among `count` times in order.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an error of one in 2^52 changes nothing"
)]
fn rank(q: f64, count: u64) -> u64 {
    ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count)
}

/// The bucket of a time.
#[inline]
pub(super) fn bucket(nanos: u64) -> usize {
    if nanos < 1 << FIRST {
        return 0;
    }
    let power = nanos.ilog2();
    let part = (nanos >> (power - PARTS)) & ((1 << PARTS) - 1);
    let at = (((power - FIRST) << PARTS) as usize) + part as usize + 1;
    at.min(BUCKETS - 1)
}

/// The time at which a bucket ends.
fn end(at: usize) -> Duration {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let Some(behind) = at.checked_sub(1) else {
        return Duration::from_nanos(1 << FIRST);
    };
    let power = FIRST + (behind >> PARTS);
    let part = u64::from(behind & ((1 << PARTS) - 1)) + 1;
    Duration::from_nanos(((1 << PARTS) + part) << (power - PARTS))
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} times", self.count())?;
        for (name, q) in [("half", 0.5), ("99 %", 0.99)] {
            if let Some(time) = self.quantile(q) {
                write!(f, ", {name} within {time:?}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[Duration]) -> Histogram {
        let mut counts = vec![0; BUCKETS];
        let nanos = |time: &Duration| u64::try_from(time.as_nanos()).unwrap();
        for time in times {
            counts[bucket(nanos(time))] += 1;
        }
        let mut histogram = Histogram::default();
        histogram.add(counts, times.iter().map(nanos).sum());
        histogram
    }

    #[test]
    fn each_time_lies_in_the_bucket_that_ends_behind_it() {
        let mut nanos = 1_u64;
        while nanos < 1 << 60 {
            for time in [nanos - 1, nanos, nanos + nanos / 3] {
                let at = bucket(time);
                let time = Duration::from_nanos(time);
                assert!(at + 1 == BUCKETS || time < end(at), "{time:?}");
                assert!(at == 0 || time >= end(at - 1), "{time:?}");
            }
            nanos *= 2;
        }
        let ends: Vec<_> = (0..BUCKETS - 1).map(end).collect();
        assert!(
            ends.is_sorted_by(
                |a, b| a < b && (*a * 5 / 4 >= *b || *a < Duration::from_nanos(1_025))
            )
        );
        assert_eq!(ends.last(), Some(&Duration::from_nanos(1 << 52)));
    }

    #[test]
    fn quantiles_are_at_most_a_quarter_too_high() {
        let times: Vec<_> = (1..=1_000).map(Duration::from_micros).collect();
        let histogram = of(&times);
        assert_eq!(histogram.count(), 1_000);
        assert_eq!(histogram.sum(), Duration::from_micros(500_500));
        assert_eq!(histogram.mean(), Some(Duration::from_nanos(500_500)));
        for (q, micros) in [
            (0.0, 1),
            (0.5, 500),
            (0.99, 990),
            (1.0, 1_000),
            (7.0, 1_000),
        ] {
            let exact = Duration::from_micros(micros);
            let found = histogram.quantile(q).unwrap();
            assert!(
                found >= exact && found <= exact * 5 / 4 + Duration::from_nanos(300),
                "{q}: {found:?}"
            );
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
    }

    #[test]
    fn buckets_add_up_and_end_with_all() {
        let day = Duration::from_secs(86_400);
        let histogram = of(&[Duration::ZERO, Duration::from_millis(1), 400 * day]);
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets.len(), BUCKETS);
        assert!(buckets.is_sorted());
        assert_eq!(buckets.first(), Some(&(Duration::from_nanos(1_024), 1)));
        assert_eq!(buckets.last(), Some(&(Duration::MAX, 3)));
        assert_eq!(buckets[BUCKETS - 2].1, 2);
        assert_eq!(histogram.quantile(1.0), Some(Duration::from_nanos(1 << 52)));
    }

    #[test]
    fn what_came_since_is_told_once() {
        let (before, mut after) = (of(&[Duration::from_millis(1)]), Histogram::default());
        after.merge(&before);
        assert_eq!(after.since(&before).count(), 0);
        after.merge(&of(&[Duration::from_millis(1), Duration::from_secs(1)]));
        let since: Vec<_> = after.since(&before).collect();
        assert_eq!(since.iter().map(|(_, count)| count).sum::<u64>(), 2);
        for ((time, _), exact) in since.iter().zip([0.001, 1.0]) {
            assert!((time.as_secs_f64() / exact - 1.0).abs() < 0.25, "{time:?}");
        }
    }
}
