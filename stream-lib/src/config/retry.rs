//! The schedule of retries: data, and one pure function.

use std::time::Duration;

use super::check;
use crate::error::{Error, ErrorKind, Result};

/// How often, and how long after a failure, an entry is delivered again.
///
/// The default is exponential: 1 s after the first failure, doubling, at most
/// 5 min, each ±20 % so that entries that failed together don't return
/// together; 10 deliveries in all.
///
/// The server's clock decides when a waiting entry is due. After a step of the clock
/// forward, entries are due earlier by as much; after a step back, their times are moved
/// back with it.
///
/// ```
/// use std::time::Duration;
/// use stream_lib::RetryPolicy;
///
/// let policy = RetryPolicy::exponential(Duration::from_millis(200))
///     .cap(Duration::from_secs(30))
///     .max_deliveries(5);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    schedule: Schedule,
    max_deliveries: u32,
}

/// The values of a [`RetryPolicy`].
///
/// Read with [`RetryPolicy::settings`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetrySettings {
    /// The waits between deliveries.
    pub schedule: RetrySchedule,
    /// How often an entry is delivered at most.
    pub max_deliveries: u32,
}

/// The waits of a [`RetryPolicy`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RetrySchedule {
    /// Each wait is twice the one before.
    Exponential {
        /// After the first failure.
        first: Duration,
        /// The longest.
        cap: Duration,
        /// The share by which a wait is varied at random, 0 to 1.
        jitter: f64,
    },
    /// These waits; the last one repeats.
    List(Vec<Duration>),
}

#[derive(Debug, Clone, PartialEq)]
enum Schedule {
    Exponential {
        first: Duration,
        cap: Duration,
        jitter: f64,
    },
    List {
        delays: Vec<Duration>,
        /// A setter that was called and doesn't apply to a list.
        refused: Option<&'static str>,
    },
}

impl RetryPolicy {
    /// Waits `first` after the first failure and twice as long after each
    /// further one.
    pub fn exponential(first: Duration) -> Self {
        Self {
            schedule: Schedule::Exponential {
                first,
                cap: Duration::from_secs(5 * 60).max(first),
                jitter: 0.2,
            },
            max_deliveries: 10,
        }
    }

    /// Waits exactly these times; the last one repeats.
    /// [`max_deliveries`](Self::max_deliveries) defaults to one more than the list has
    /// waits, so that each is used once.
    pub fn list(delays: impl Into<Vec<Duration>>) -> Self {
        let delays = delays.into();
        let max_deliveries = u32::try_from(delays.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        Self {
            schedule: Schedule::List {
                delays,
                refused: None,
            },
            max_deliveries: max_deliveries.max(2),
        }
    }

    /// The longest exponential wait. Defaults to 5 min. It doesn't apply to a list, and
    /// the policy is then refused with [`Config`](crate::ErrorKind::Config) when it is
    /// used.
    #[must_use]
    pub fn cap(mut self, longest: Duration) -> Self {
        match &mut self.schedule {
            Schedule::Exponential { cap, .. } => *cap = longest,
            Schedule::List { refused, .. } => *refused = Some("retry.cap"),
        }
        self
    }

    /// The share by which an exponential wait is varied at random, 0 to 1. Defaults to
    /// 0.2. It doesn't apply to a list, and the policy is then refused with
    /// [`Config`](crate::ErrorKind::Config) when it is used.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        match &mut self.schedule {
            Schedule::Exponential { jitter, .. } => *jitter = share,
            Schedule::List { refused, .. } => *refused = Some("retry.jitter"),
        }
        self
    }

    /// The most deliveries of an entry, the first one included, before it goes
    /// to the dead letters, 1 to 1,000,000. Defaults to 10; for a list, to one more than
    /// it has waits.
    ///
    /// With 1 there is no retry: an entry that fails becomes a dead letter. So does an
    /// entry that was delivered to a process that died, whether or not its handler had
    /// started.
    #[must_use]
    pub fn max_deliveries(mut self, deliveries: u32) -> Self {
        self.max_deliveries = deliveries;
        self
    }

    /// The values of all setters.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_lib::{RetryPolicy, RetrySchedule};
    ///
    /// let settings = RetryPolicy::list([Duration::from_secs(1)]).settings();
    /// let waits = RetrySchedule::List(vec![Duration::from_secs(1)]);
    /// assert_eq!((settings.schedule, settings.max_deliveries), (waits, 2));
    /// ```
    pub fn settings(&self) -> RetrySettings {
        let schedule = match &self.schedule {
            Schedule::Exponential { first, cap, jitter } => RetrySchedule::Exponential {
                first: *first,
                cap: *cap,
                jitter: *jitter,
            },
            Schedule::List { delays, .. } => RetrySchedule::List(delays.clone()),
        };
        RetrySettings {
            schedule,
            max_deliveries: self.max_deliveries,
        }
    }

    /// The bound set by [`max_deliveries`](Self::max_deliveries).
    pub fn deliveries(&self) -> u32 {
        self.max_deliveries
    }

    /// The wait after delivery number `attempt` (from 1) has failed, before
    /// jitter.
    pub fn delay_after(&self, attempt: u32) -> Duration {
        match &self.schedule {
            Schedule::Exponential { first, cap, .. } => {
                let doublings = attempt.saturating_sub(1).min(31);
                first.saturating_mul(1 << doublings).min(*cap)
            }
            Schedule::List { delays, .. } => {
                let at = (attempt.max(1) as usize - 1).min(delays.len().saturating_sub(1));
                delays.get(at).copied().unwrap_or_default()
            }
        }
    }

    /// The share by which a wait is varied.
    pub(crate) fn jitter_share(&self) -> f64 {
        match self.schedule {
            Schedule::Exponential { jitter, .. } => jitter,
            Schedule::List { .. } => 0.0,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        const LONGEST: Duration = Duration::from_secs(365 * 86_400);
        check::in_range("retry.max_deliveries", self.max_deliveries, 1..=1_000_000)?;
        match &self.schedule {
            Schedule::Exponential { first, cap, jitter } => {
                check::duration("retry.first", *first, Duration::ZERO, LONGEST)?;
                check::duration("retry.cap", *cap, *first, LONGEST)?;
                check::in_range("retry.jitter", *jitter, 0.0..=1.0)
            }
            Schedule::List { delays, refused } => {
                if let Some(setter) = refused {
                    let text = format!("`{setter}` is set, but doesn't apply to a list of waits");
                    return Err(Error::new(ErrorKind::Config, text));
                }
                check::in_range("retry.list: its length", delays.len(), 1..=1_000)?;
                delays.iter().try_for_each(|delay| {
                    check::duration("retry.list", *delay, Duration::ZERO, LONGEST)
                })
            }
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::exponential(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn exponential_doubles_up_to_the_cap() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay_after(1), SECOND);
        assert_eq!(policy.delay_after(2), SECOND * 2);
        assert_eq!(policy.delay_after(5), SECOND * 16);
        assert_eq!(policy.delay_after(10), Duration::from_secs(5 * 60));
        assert_eq!(policy.delay_after(u32::MAX), Duration::from_secs(5 * 60));
    }

    #[test]
    fn a_list_repeats_its_last_wait() {
        let policy = RetryPolicy::list([SECOND, SECOND * 7]);
        assert_eq!(policy.deliveries(), 3);
        assert_eq!(policy.delay_after(1), SECOND);
        assert_eq!(policy.delay_after(2), SECOND * 7);
        assert_eq!(policy.delay_after(9), SECOND * 7);
    }

    #[test]
    fn validation_names_the_field_and_the_value() {
        let error = RetryPolicy::default()
            .max_deliveries(0)
            .validate()
            .unwrap_err();
        assert!(
            error.to_string().contains("retry.max_deliveries"),
            "{error}"
        );
        assert!(error.to_string().contains("is 0"), "{error}");
        assert!(RetryPolicy::list([]).validate().is_err());
        assert!(RetryPolicy::default().jitter(f64::NAN).validate().is_err());
        assert!(
            RetryPolicy::default()
                .cap(Duration::ZERO)
                .validate()
                .is_err()
        );
    }

    #[test]
    fn setters_of_the_other_schedule_are_refused_by_name() {
        let list = || RetryPolicy::list([SECOND]);
        assert!(list().max_deliveries(1).validate().is_ok());
        for (policy, setter) in [
            (list().cap(SECOND), "`retry.cap`"),
            (list().jitter(0.0), "`retry.jitter`"),
        ] {
            let error = policy.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(setter), "{error}");
        }
    }
}
