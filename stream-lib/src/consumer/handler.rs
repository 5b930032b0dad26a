//! What a user writes: a handler of typed deliveries.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::delivery::Delivery;

/// What a handler returns: `Ok(())` acknowledges the entry, an error has it
/// delivered again later. `?` works on any error.
pub type HandlerResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// Handles the deliveries of one consumer.
///
/// Closures `Fn(&Delivery<M>) -> HandlerResult` are handlers, and so is an
/// `Arc` of one. All workers call the same handler at the same time, so state
/// in it needs a lock or an atomic.
///
/// # Delivery
///
/// At least once: an entry comes again after an error, a panic, or the death of
/// its process, in rare cases also after it was handled. A handler should have
/// the same effect when it runs twice; [`Delivery::id`] tells repeats.
///
/// # Panics
///
/// A panic counts as a failure of that entry alone; the worker goes on.
///
/// # Examples
///
/// ```
/// use stream_lib::{Delivery, Handler, HandlerError, HandlerResult, RawMessage};
///
/// struct Audit;
///
/// impl Handler<RawMessage> for Audit {
///     fn handle(&self, delivery: &Delivery<RawMessage>) -> HandlerResult {
///         let Some(user) = delivery.get_str("user_id") else {
///             // No further try would help: straight to the dead letters.
///             return Err(HandlerError::permanent("no user id").into());
///         };
///         println!("{user} at {}", delivery.id());
///         Ok(())
///     }
/// }
/// ```
pub trait Handler<M>: Send + Sync + 'static {
    /// Handles one delivery. Blocks its worker thread as long as it runs; the
    /// lease is renewed meanwhile.
    fn handle(&self, delivery: &Delivery<M>) -> HandlerResult;
}

impl<M, F> Handler<M> for F
where
    F: Fn(&Delivery<M>) -> HandlerResult + Send + Sync + 'static,
{
    fn handle(&self, delivery: &Delivery<M>) -> HandlerResult {
        self(delivery)
    }
}

impl<M, H: Handler<M> + ?Sized> Handler<M> for Arc<H> {
    fn handle(&self, delivery: &Delivery<M>) -> HandlerResult {
        (**self).handle(delivery)
    }
}

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
