//! Handlers that take their delivery by value.

use crate::consumer::handler::delivery::Delivery;
use crate::consumer::handler::single::{Handler, HandlerResult};
use crate::message::OwnedMessage;

/// Makes a [`Handler`] of a closure that takes the delivery by value, and can thus move
/// the message on without a clone.
///
/// The closure's result is the answer, as for any handler: after `Ok(())` the entry is
/// acknowledged, also if another thread is still at work on the message. A delivery that
/// is kept for longer keeps the memory of the reply that it came in.
///
/// In a batch, deliveries are borrowed. A batch handler that keeps messages consumes
/// `Arc<Order>` in place of `Order`, and clones the `Arc`.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use stream_lib::{Delivery, Handler, RawMessage, by_value};
///
/// # fn consume(_: impl Handler<RawMessage>) {}
/// let (sender, receiver) = mpsc::channel();
/// let handler = by_value(move |delivery: Delivery<RawMessage>| {
///     sender.send(delivery.into_message())?;
///     Ok(())
/// });
/// // manager.consume("forward", ConsumerConfig::new("orders"), handler)?;
/// # consume(handler);
/// # drop(receiver);
/// ```
pub fn by_value<M: OwnedMessage + 'static>(
    handler: impl Fn(Delivery<M>) -> HandlerResult + Send + Sync + 'static,
) -> impl Handler<M> {
    ByValue(handler)
}

struct ByValue<F>(F);

impl<M, F> Handler<M> for ByValue<F>
where
    M: OwnedMessage,
    F: Fn(Delivery<M>) -> HandlerResult + Send + Sync + 'static,
{
    /// The delivery is borrowed, so the message is decoded once more.
    fn handle(&self, delivery: &Delivery<M>) -> HandlerResult {
        let taken = delivery.taken();
        self.0(Delivery::new(taken.decode()?, taken.clone()))
    }

    fn handle_taken(&self, delivery: Delivery<M>) -> (HandlerResult, Option<Delivery<M>>) {
        (self.0(delivery), None)
    }
}
