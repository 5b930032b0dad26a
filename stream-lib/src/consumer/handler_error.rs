//! What a handler's error may say of the entry.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// An error that tells the library what to do with the entry.
///
/// Returned from a handler, directly or by `?`, it is recognised in the box.
pub struct HandlerError {
    advice: Advice,
    cause: Box<dyn StdError + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    Bury,
    RetryAfter(Duration),
}

impl HandlerError {
    /// No further try would help: the entry goes to the dead letters at once.
    pub fn permanent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            advice: Advice::Bury,
            cause: cause.into(),
        }
    }

    /// The next try shall come after `delay`, at most a year, whatever the
    /// retry policy says. The number of deliveries stays bounded by the policy.
    pub fn retry_after(cause: impl Into<Box<dyn StdError + Send + Sync>>, delay: Duration) -> Self {
        const LONGEST: Duration = Duration::from_hours(24 * 365);
        Self {
            advice: Advice::RetryAfter(delay.min(LONGEST)),
            cause: cause.into(),
        }
    }

    pub(super) fn advice(&self) -> Advice {
        self.advice
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError")
            .field("advice", &self.advice)
            .field("cause", &self.cause)
            .finish()
    }
}

impl StdError for HandlerError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}
