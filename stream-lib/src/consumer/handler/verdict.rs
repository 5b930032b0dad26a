//! The decision on an entry after its handler has run: a pure function.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{OnUndecodable, RetryPolicy};
use crate::consumer::cause::Cause;
use crate::consumer::handler::error::{Advice, advice_of};
use crate::message::DecodeError;
use crate::message::dead_reason::DeadReason;

/// The outcome of one delivery.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// No handler ran: the entry is meant for another group.
    Skipped,
    /// Shared, since one error may be that of a whole batch.
    Failed(Arc<dyn StdError + Send + Sync>),
    Panicked(String),
    Undecodable(DecodeError),
}

/// The decision on the entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EntryVerdict {
    Ack,
    /// Before jitter, which [`RetryPolicy::jitter_share`] bounds.
    Retry {
        delay: Duration,
        jitter: f64,
    },
    /// The group is held for `delay`, and the delivery doesn't count.
    Hold {
        delay: Duration,
    },
    Bury(DeadReason),
}

impl Outcome {
    /// The error of a failed delivery.
    pub(crate) fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Done | Self::Skipped => None,
            Self::Failed(error) => Some(Cause::new(error)),
            Self::Panicked(text) => Some(Cause::panic(text)),
            Self::Undecodable(error) => Some(Cause::new(Arc::new(error))),
        }
    }
}

/// How often in a row a rate limit leaves an entry's delivery uncounted.
const MOST_LIMITED: u16 = 100;

/// Decides on the entry by the outcome of delivery number `attempt`. Rate limits have
/// ended its `limited` deliveries before.
pub(crate) fn judge(
    outcome: &Outcome,
    (attempt, limited): (u32, u16),
    policy: &RetryPolicy,
    on_undecodable: OnUndecodable,
) -> EntryVerdict {
    let mut last = DeadReason::RetriesExhausted;
    let advice = match outcome {
        Outcome::Done | Outcome::Skipped => return EntryVerdict::Ack,
        Outcome::Undecodable(_) => {
            last = DeadReason::Undecodable;
            if on_undecodable == OnUndecodable::Bury {
                return EntryVerdict::Bury(last);
            }
            None
        }
        Outcome::Panicked(_) => None,
        Outcome::Failed(e) => advice_of(e.as_ref()),
    };
    match advice {
        Some(Advice::Bury) => EntryVerdict::Bury(DeadReason::Permanent),
        Some(Advice::RateLimited(delay)) if limited < MOST_LIMITED => EntryVerdict::Hold { delay },
        _ if attempt >= policy.deliveries() => EntryVerdict::Bury(last),
        Some(Advice::RetryAfter(delay) | Advice::RateLimited(delay)) => {
            EntryVerdict::Retry { delay, jitter: 0.0 }
        }
        None => EntryVerdict::Retry {
            delay: policy.delay_after(attempt),
            jitter: policy.jitter_share(),
        },
    }
}

/// Whether delivery number `attempt` gets a batch of its own: in the second half of the
/// deliveries, so that no entry's last delivery fails through the fault of another. A
/// first delivery never does, even if it is the only one, since nothing has failed
/// before.
pub(crate) fn goes_alone(attempt: u32, policy: &RetryPolicy) -> bool {
    attempt > 1 && u64::from(attempt) * 2 > u64::from(policy.deliveries())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::handler::error::HandlerError;

    fn failed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Outcome {
        Outcome::Failed(Arc::from(error.into()))
    }

    fn judge(outcome: &Outcome, attempt: u32, policy: &RetryPolicy) -> EntryVerdict {
        super::judge(outcome, (attempt, 0), policy, OnUndecodable::Retry)
    }

    #[test]
    fn an_undecodable_entry_is_retried_unless_it_is_to_be_buried() {
        let policy = RetryPolicy::default().max_deliveries(3);
        let undecodable = Outcome::Undecodable(DecodeError::missing("Order", "amount", "f64"));
        let buried = EntryVerdict::Bury(DeadReason::Undecodable);
        assert_eq!(
            judge(&undecodable, 2, &policy),
            EntryVerdict::Retry {
                delay: Duration::from_secs(2),
                jitter: 0.2
            }
        );
        assert_eq!(judge(&undecodable, 3, &policy), buried);
        let at_once = super::judge(&undecodable, (1, 0), &policy, OnUndecodable::Bury);
        assert_eq!(at_once, buried);
        let once = policy.max_deliveries(1);
        assert_eq!(judge(&undecodable, 1, &once), buried);
    }

    #[test]
    fn an_error_is_retried_after_the_policys_delay() {
        let policy = RetryPolicy::default();
        assert_eq!(
            judge(&failed("no stock"), 2, &policy),
            EntryVerdict::Retry {
                delay: Duration::from_secs(2),
                jitter: 0.2
            }
        );
    }

    #[test]
    fn the_last_delivery_buries() {
        let policy = RetryPolicy::default().max_deliveries(3);
        let buried = EntryVerdict::Bury(DeadReason::RetriesExhausted);
        assert_eq!(judge(&failed("no stock"), 3, &policy), buried);
        let panicked = Outcome::Panicked("boom".to_owned());
        assert!(matches!(
            judge(&panicked, 2, &policy),
            EntryVerdict::Retry { .. }
        ));
        assert_eq!(judge(&panicked, 3, &policy), buried);
    }

    #[test]
    fn the_errors_own_advice_is_followed() {
        let policy = RetryPolicy::default().max_deliveries(3);
        let permanent = failed(HandlerError::permanent("bad order"));
        assert_eq!(
            judge(&permanent, 1, &policy),
            EntryVerdict::Bury(DeadReason::Permanent)
        );
        let delay = Duration::from_secs(7);
        let later = failed(HandlerError::retry_after("rate limit", delay));
        assert_eq!(
            judge(&later, 1, &policy),
            EntryVerdict::Retry { delay, jitter: 0.0 }
        );
        assert_eq!(
            judge(&later, 3, &policy),
            EntryVerdict::Bury(DeadReason::RetriesExhausted)
        );
    }

    #[test]
    fn rate_limit_does_not_count_a_hundred_times() {
        let policy = RetryPolicy::default().max_deliveries(3);
        let delay = Duration::from_secs(7);
        let limited = failed(HandlerError::rate_limited("slow down", delay));
        let judge = |attempt, times| {
            super::judge(&limited, (attempt, times), &policy, OnUndecodable::Retry)
        };
        assert_eq!(
            judge(3, 0),
            EntryVerdict::Hold { delay },
            "also the last one"
        );
        assert_eq!(judge(1, 99), EntryVerdict::Hold { delay });
        let counted = EntryVerdict::Retry { delay, jitter: 0.0 };
        assert_eq!(judge(1, 100), counted);
        let buried = EntryVerdict::Bury(DeadReason::RetriesExhausted);
        assert_eq!(judge(3, 100), buried);
    }

    #[test]
    fn the_second_half_of_the_deliveries_and_the_last_of_two_go_alone() {
        for (deliveries, together) in [(1, 1), (2, 1), (3, 1), (4, 2), (10, 5)] {
            let policy = RetryPolicy::default().max_deliveries(deliveries);
            for attempt in 1..=deliveries {
                assert_eq!(goes_alone(attempt, &policy), attempt > together);
            }
        }
    }
}
