//! Points in time as numbers: the time between two costs one subtraction.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// An instant, in nanoseconds since the first time that this process took one; negative
/// before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    #[inline]
    pub(crate) fn now() -> Self {
        Self::from(Instant::now())
    }

    /// How long ago another one was; nothing where it comes later.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// As [`since`](Self::since), in nanoseconds.
    #[inline]
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Up to now.
    pub(crate) fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// In whole milliseconds, rounded down.
    #[inline]
    pub(crate) fn millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }
}

impl From<Instant> for Moment {
    #[inline]
    fn from(at: Instant) -> Self {
        let start = *START;
        match at.checked_duration_since(start) {
            Some(after) => Self(signed(nanos(after))),
            None => Self(-signed(nanos(start.saturating_duration_since(at)))),
        }
    }
}

/// A length of time in nanoseconds, up to 584 years.
#[inline]
pub(crate) fn nanos(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(NANOS_PER_SECOND)
        .saturating_add(time.subsec_nanos().into())
}

fn signed(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_far_apart_as_their_instants() {
        let first = Instant::now();
        let start = *START;
        let second = Duration::from_secs(1);
        let Some(before) = start.checked_sub(second) else {
            return;
        };
        for (at, millis) in [
            (before, -1_000),
            (start.checked_sub(Duration::from_nanos(1)).unwrap(), -1),
            (start, 0),
            (start + second * 100_000, 100_000_000),
        ] {
            let moment = Moment::from(at);
            assert_eq!(moment.millis(), millis);
            for other in [before, first, start + second] {
                let since = moment.since(Moment::from(other));
                assert_eq!(since, at.saturating_duration_since(other));
            }
        }
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!(nanos(Duration::new(2, 3)), 2_000_000_003);
    }
}
