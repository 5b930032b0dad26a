//! The trait for handlers of single deliveries.

use std::error::Error as StdError;
use std::sync::Arc;

use crate::consumer::handler::delivery::Delivery;

/// The result of a handler: `Ok(())` acknowledges the entry, an error has it delivered
/// again later.
///
/// `?` works on any error. The error of the crate `anyhow` doesn't implement `Error`, but
/// converts into this box as well: if `process` returns `anyhow::Result<()>`, the handler
/// is `|order| Ok(process(order)?)`. A [`HandlerError`](crate::HandlerError) in it is
/// recognised, with or without a context.
///
/// The box that `?` makes of an `anyhow::Error` can't be downcast to the error inside;
/// only the causes below the first context can, by `source`. If
/// [`ConsumerEvents`](crate::ConsumerEvents) or a test need that error, use
/// `anyhow::Error::reallocate_into_boxed_dyn_error_without_backtrace` instead.
pub type HandlerResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// Handles the deliveries of one consumer.
///
/// Closures `Fn(&Delivery<M>) -> HandlerResult` are handlers, and so is an `Arc` of one;
/// [`by_value`](crate::by_value) makes one of a closure that takes the delivery by value.
/// All workers call the same handler at the same time, so its state needs a lock or an
/// atomic.
///
/// # Delivery
///
/// At least once: an entry is delivered again after an error, a panic, or the death of
/// its process, in rare cases also after it was handled. A handler should have the same
/// effect when it runs twice; [`Delivery::original_id`] identifies repeats.
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
    /// Handles one delivery. It blocks its worker thread as long as it runs; the lease is
    /// renewed meanwhile.
    fn handle(&self, delivery: &Delivery<M>) -> HandlerResult;

    /// Calls [`handle`](Self::handle); for the library. Returns the delivery, unless the
    /// handler has kept it.
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
