//! Errors by which handlers advise the library on the entry.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// An error that tells the library what to do with the entry.
///
/// The library recognises it when a handler returns it, directly or by `?`, and also
/// among the causes of another error, by their [`source`](StdError::source): with a
/// context by `anyhow`, or in an error of your own. The outermost one counts.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_lib::HandlerError;
///
/// let error = HandlerError::retry_after("rate limit", Duration::from_secs(30));
/// assert_eq!(error.delay(), Some(Duration::from_secs(30)));
/// assert!(HandlerError::permanent("no such user").is_permanent());
/// ```
///
/// In the test of a handler, [`is_permanent_in`](Self::is_permanent_in) and
/// [`delay_in`](Self::delay_in) show how the library understands an error:
///
/// ```
/// use stream_lib::{HandlerError, HandlerResult};
///
/// fn charge(card: &str) -> HandlerResult {
///     Err(HandlerError::permanent(format!("{card} was declined")))?
/// }
///
/// assert!(HandlerError::is_permanent_in(&*charge("4242").unwrap_err()));
/// ```
pub struct HandlerError(Advised);

/// The advice with its error. It is the source of a `HandlerError`, so that it is also
/// found if an error type shows only the handler error's source as its own.
struct Advised {
    advice: Advice,
    cause: Box<dyn StdError + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    Bury,
    RetryAfter(Duration),
    RateLimited(Duration),
}

impl HandlerError {
    /// Further tries would not help: the entry goes to the dead letters at once.
    pub fn permanent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Advice::Bury, cause.into())
    }

    /// The next delivery comes after `delay`, at most a year, instead of the retry
    /// policy's delay. The policy still bounds the number of deliveries.
    pub fn retry_after(cause: impl Into<Box<dyn StdError + Send + Sync>>, delay: Duration) -> Self {
        const LONGEST: Duration = Duration::from_secs(365 * 86_400);
        Self::new(Advice::RetryAfter(delay.min(LONGEST)), cause.into())
    }

    /// A service asked the handler to wait for `after`, at most a day: until then the
    /// whole group is [held](crate::StreamManager::hold), since the service would refuse
    /// other entries, too. The delivery isn't counted, at most 100 times in a row for one
    /// entry; later ones count as after [`retry_after`](Self::retry_after). So does the
    /// last delivery of an entry that was abandoned before, which runs alone.
    ///
    /// This process begins no further entry from now on. Others stop when they notice the
    /// hold: with a [`rate_limit`](crate::ConsumerConfig::rate_limit) at their next
    /// entries, else within about a third of a lease.
    pub fn rate_limited(
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
        after: Duration,
    ) -> Self {
        const LONGEST: Duration = Duration::from_secs(86_400);
        Self::new(Advice::RateLimited(after.min(LONGEST)), cause.into())
    }

    /// Whether this was made by [`rate_limited`](Self::rate_limited).
    pub fn is_rate_limited(&self) -> bool {
        matches!(self.0.advice, Advice::RateLimited(_))
    }

    /// Whether this was made by [`permanent`](Self::permanent).
    pub fn is_permanent(&self) -> bool {
        self.0.advice == Advice::Bury
    }

    /// The time given to [`retry_after`](Self::retry_after) or
    /// [`rate_limited`](Self::rate_limited); `None` for a permanent error.
    pub fn delay(&self) -> Option<Duration> {
        match self.0.advice {
            Advice::Bury => None,
            Advice::RetryAfter(delay) | Advice::RateLimited(delay) => Some(delay),
        }
    }

    /// The error that this one was made of. The causes behind it, by
    /// [`source`](StdError::source), are those of this error, too.
    pub fn cause(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.0.cause.as_ref()
    }

    /// Whether the library takes an error that a handler returns for permanent: the first
    /// `HandlerError` in the chain of the error and its causes is a
    /// [`permanent`](Self::permanent) one.
    pub fn is_permanent_in(error: &(dyn StdError + 'static)) -> bool {
        advice_of(error) == Some(Advice::Bury)
    }

    /// The time given to [`retry_after`](Self::retry_after) or
    /// [`rate_limited`](Self::rate_limited) in an error that a handler returns, or in one
    /// of its causes; `None` if the retry policy decides, and for a permanent error.
    pub fn delay_in(error: &(dyn StdError + 'static)) -> Option<Duration> {
        match advice_of(error) {
            Some(Advice::RetryAfter(delay) | Advice::RateLimited(delay)) => Some(delay),
            Some(Advice::Bury) | None => None,
        }
    }

    fn new(advice: Advice, cause: Box<dyn StdError + Send + Sync>) -> Self {
        Self(Advised { advice, cause })
    }
}

/// The advice in an error, or in one of its causes.
pub(crate) fn advice_of(error: &(dyn StdError + 'static)) -> Option<Advice> {
    /// The most causes looked at, since those of a faulty error type may form a circle.
    const DEEPEST: usize = 1_000;
    let mut next = Some(error);
    for _ in 0..DEEPEST {
        let error = next?;
        let advised = match error.downcast_ref::<HandlerError>() {
            Some(HandlerError(advised)) => Some(advised),
            None => error.downcast_ref::<Advised>(),
        };
        if let Some(advised) = advised {
            return Some(advised.advice);
        }
        next = error.source();
    }
    None
}

/// Whether this cause repeats the text of the error above it.
pub(crate) fn is_advice(error: &(dyn StdError + 'static)) -> bool {
    error.is::<Advised>()
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.cause.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError")
            .field("advice", &self.0.advice)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl StdError for HandlerError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.advice {
            Advice::Bury => f.write_str("no further try would help"),
            Advice::RetryAfter(delay) => write!(f, "to be tried again after {delay:?}"),
            Advice::RateLimited(delay) => write!(f, "a rate limit, for {delay:?}"),
        }
    }
}

impl fmt::Debug for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.advice, f)
    }
}

impl StdError for Advised {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(HandlerError);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no payment")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    /// Shows its inner error's source as its own, as boxes of some crates do.
    #[derive(Debug)]
    struct Invisible(HandlerError);

    impl fmt::Display for Invisible {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl StdError for Invisible {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.0.source()
        }
    }

    #[test]
    fn advice_is_found_however_deep_and_the_outermost_counts() {
        let soon = Duration::from_secs(1);
        let permanent = || HandlerError::permanent("no stock");
        assert_eq!(advice_of(&permanent()), Some(Advice::Bury));
        assert_eq!(advice_of(&Wrapped(permanent())), Some(Advice::Bury));
        assert_eq!(advice_of(&Invisible(permanent())), Some(Advice::Bury));
        let both = HandlerError::retry_after(Wrapped(permanent()), soon);
        assert_eq!(advice_of(&both), Some(Advice::RetryAfter(soon)));
        assert_eq!(advice_of(&fmt::Error), None);
    }

    /// An error that is its own cause.
    #[derive(Debug)]
    struct Circle;

    impl fmt::Display for Circle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("round and round")
        }
    }

    impl StdError for Circle {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn causes_that_go_in_a_circle_come_to_an_end() {
        assert_eq!(advice_of(&Circle), None);
    }

    #[test]
    fn the_advice_in_a_returned_error_can_be_read() {
        let soon = Duration::from_secs(1);
        let permanent = Invisible(HandlerError::permanent("no stock"));
        assert!(HandlerError::is_permanent_in(&permanent));
        assert_eq!(HandlerError::delay_in(&permanent), None);
        let later = Wrapped(HandlerError::retry_after("rate limit", soon));
        assert!(!HandlerError::is_permanent_in(&later));
        assert_eq!(HandlerError::delay_in(&later), Some(soon));
        assert!(!HandlerError::is_permanent_in(&fmt::Error));
    }

    #[test]
    fn the_advice_can_be_read() {
        let permanent = HandlerError::permanent("no stock");
        assert_eq!((permanent.is_permanent(), permanent.delay()), (true, None));
        let year = Duration::from_secs(365 * 86_400);
        let later = HandlerError::retry_after("rate limit", Duration::MAX);
        assert_eq!((later.is_permanent(), later.delay()), (false, Some(year)));
        assert!(
            HandlerError::permanent(fmt::Error)
                .cause()
                .is::<fmt::Error>()
        );
    }

    #[test]
    fn the_causes_of_the_error_go_on_behind_the_advice() {
        let error = HandlerError::permanent(Wrapped(HandlerError::permanent("no stock")));
        assert_eq!(error.to_string(), "no payment");
        let advice = error.source().unwrap();
        assert_eq!(advice.to_string(), "no further try would help");
        assert_eq!(advice.source().unwrap().to_string(), "no stock");
    }
}
