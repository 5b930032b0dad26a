//! Handlers of single deliveries: a trait for users.

use std::error::Error as StdError;
use std::sync::Arc;

use crate::consumer::handler::delivery::Delivery;

/// What a handler returns: `Ok(())` acknowledges the entry, an error has it
/// delivered again later.
///
/// `?` works on any error. That of the crate `anyhow` is none by its type, and
/// becomes this box all the same: where `process` returns `anyhow::Result<()>`,
/// the handler is `|order| Ok(process(order)?)`. A [`HandlerError`](crate::HandlerError)
/// in it is recognised, with or without a context.
///
/// The box that `?` makes of an `anyhow::Error` can't be downcast to the error
/// inside; only the causes below the first context can, by `source`. Where
/// [`ConsumerEvents`](crate::ConsumerEvents) or a test want that error, use
/// `anyhow::Error::reallocate_into_boxed_dyn_error_without_backtrace` instead.
pub type HandlerResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// Handles the deliveries of one consumer.
///
/// Closures `Fn(&Delivery<M>) -> HandlerResult` are handlers, and so is an
/// `Arc` of one; [`by_value`](crate::by_value) makes one of a closure that takes
/// the delivery itself. All workers call the same handler at the same time, so state
/// in it needs a lock or an atomic.
///
/// # Delivery
///
/// At least once: an entry comes again after an error, a panic, or the death of
/// its process, in rare cases also after it was handled. A handler should have
/// the same effect when it runs twice; [`Delivery::original_id`] tells repeats.
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

    /// As [`handle`](Self::handle), which it calls; for the library. Returns the
    /// delivery, unless it was given away.
    #[doc(hidden)]
    fn handle_taken(&self, delivery: Delivery<M>) -> (HandlerResult, Option<Delivery<M>>) {
        let result = self.handle(&delivery);
        (result, Some(delivery))
    }
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

    fn handle_taken(&self, delivery: Delivery<M>) -> (HandlerResult, Option<Delivery<M>>) {
        (**self).handle_taken(delivery)
    }
}
