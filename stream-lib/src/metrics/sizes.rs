//! Sizes of batches.

/// The number of buckets; the last is unbounded.
pub(super) const SIZES: usize = 12;

/// The sizes of the batches that producers sent to Redis: a snapshot.
///
/// The buckets are for 1, 2, up to 4, up to 8, … up to 1,024, and more messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchSizes {
    counts: [u64; SIZES],
    messages: u64,
}

impl BatchSizes {
    /// The number of batches, with those that failed or were sent again.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The number of messages in them.
    pub fn sum(&self) -> u64 {
        self.messages
    }

    /// All buckets, the smallest first: the largest size of each, and the number of
    /// batches up to that size. The last size is [`u64::MAX`], with the count of all
    /// batches.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut seen = 0;
        self.counts.iter().enumerate().map(move |(at, count)| {
            seen += count;
            (most(at), seen)
        })
    }

    pub(super) fn add(&mut self, counts: impl IntoIterator<Item = u64>, messages: u64) {
        for (own, more) in self.counts.iter_mut().zip(counts) {
            *own += more;
        }
        self.messages += messages;
    }

    /// As [`Histogram::since`](super::Histogram::since).
    #[cfg_attr(
        not(feature = "metrics"),
        allow(dead_code, reason = "only what is published needs it")
    )]
    pub(super) fn since(&self, earlier: &Self) -> impl Iterator<Item = (u64, u64)> {
        let pairs = self.counts.into_iter().zip(earlier.counts).enumerate();
        pairs.filter_map(|(at, (count, before))| {
            let more = count.checked_sub(before).filter(|more| *more > 0)?;
            Some((most(at.min(SIZES - 2)), more))
        })
    }
}

/// The bucket of a batch of this size.
#[inline]
pub(super) fn bucket(messages: usize) -> usize {
    let power = messages.max(1).next_power_of_two().trailing_zeros() as usize;
    power.min(SIZES - 1)
}

fn most(at: usize) -> u64 {
    if at + 1 < SIZES { 1 << at } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_lies_in_the_bucket_that_it_fits_into() {
        for size in [1_usize, 2, 3, 4, 5, 64, 65, 128, 1_024, 1_025, 1_000_000] {
            let at = bucket(size);
            assert!(size as u64 <= most(at), "{size}");
            assert!(at == 0 || size as u64 > most(at - 1), "{size}");
        }
        let mut sizes = BatchSizes::default();
        sizes.add([1, 0, 2], 9);
        assert_eq!((sizes.count(), sizes.sum()), (3, 9));
        let buckets: Vec<_> = sizes.buckets().take(3).collect();
        assert_eq!(buckets, [(1, 1), (2, 1), (4, 3)]);
        assert_eq!(sizes.buckets().last(), Some((u64::MAX, 3)));
    }
}
