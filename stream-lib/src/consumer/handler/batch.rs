//! The trait for handlers of many deliveries at a time.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::consumer::handler::delivery::Delivery;
use crate::consumer::handler::single::HandlerResult;

/// Handles the deliveries of one consumer in batches: one insert of a hundred
/// rows instead of a hundred inserts.
///
/// Closures `Fn(&[BatchDelivery<M>]) -> HandlerResult` are batch handlers, and so is an
/// `Arc` of one. All workers call the same handler at the same time.
/// [`BatchConfig`](crate::BatchConfig) bounds the size of a batch; a batch is never
/// empty, and its deliveries are in the order in which they came in.
///
/// # Answers
///
/// After `Ok(())`, each delivery of the batch is acknowledged, except those that
/// [`fail`](BatchDelivery::fail) was called on. After an error all of them have failed,
/// those with an error of their own by that error. An error of a single delivery is thus
/// given on that delivery, not in a list of results that could be too short or off by
/// one.
///
/// # Delivery
///
/// At least once, as with a [`Handler`](crate::Handler), and for each entry on its own:
/// each has its own lease, its own number of deliveries and its own retry. An entry that
/// can't be decoded is retried or buried without reaching the handler: see
/// [`on_undecodable`](crate::ConsumerConfig::on_undecodable). So that no entry becomes a
/// dead letter through the fault of another, an entry gets a batch of its own
///
/// - in the second half of the deliveries that its
///   [`RetryPolicy`](crate::RetryPolicy) allows,
/// - when it was taken over from a process that died, since it may have caused the death.
///
/// # Panics
///
/// A panic counts as a failure of the entry that causes it. Since that entry is not
/// known, the entries of the batch are handled again at once, within the same delivery,
/// each in a batch of its own; errors given before the panic are forgotten. The worker
/// goes on.
///
/// # Examples
///
/// ```
/// use stream_lib::{BatchDelivery, BatchHandler, HandlerError, HandlerResult, RawMessage};
///
/// struct Import;
///
/// impl BatchHandler<RawMessage> for Import {
///     fn handle(&self, batch: &[BatchDelivery<RawMessage>]) -> HandlerResult {
///         let mut rows = Vec::new();
///         for delivery in batch {
///             match delivery.get_str("user_id") {
///                 Some(user) => rows.push((delivery.id(), user)),
///                 // This one alone; the others go on.
///                 None => delivery.fail(HandlerError::permanent("no user id")),
///             }
///         }
///         println!("one insert of {} rows", rows.len());
///         Ok(()) // an error here, by `?`, would be everybody's
///     }
/// }
/// ```
pub trait BatchHandler<M>: Send + Sync + 'static {
    /// Handles one batch. It blocks its worker thread as long as it runs; the leases are
    /// renewed meanwhile.
    fn handle(&self, batch: &[BatchDelivery<M>]) -> HandlerResult;
}

impl<M, F> BatchHandler<M> for F
where
    F: Fn(&[BatchDelivery<M>]) -> HandlerResult + Send + Sync + 'static,
{
    fn handle(&self, batch: &[BatchDelivery<M>]) -> HandlerResult {
        self(batch)
    }
}

impl<M, H: BatchHandler<M> + ?Sized> BatchHandler<M> for Arc<H> {
    fn handle(&self, batch: &[BatchDelivery<M>]) -> HandlerResult {
        (**self).handle(batch)
    }
}

/// One delivery of a batch.
///
/// Derefs to the [`Delivery`], and so to the message.
pub struct BatchDelivery<M> {
    delivery: Delivery<M>,
    failure: Mutex<Option<Failure>>,
}

type Failure = Arc<dyn StdError + Send + Sync>;

impl<M> BatchDelivery<M> {
    pub(crate) fn new(delivery: Delivery<M>) -> Self {
        Self {
            delivery,
            failure: Mutex::new(None),
        }
    }

    /// Makes this delivery fail, independently of the others: as if a
    /// [`Handler`](crate::Handler) had returned the error.
    /// [`HandlerError`](crate::HandlerError) is recognised. Of several calls the last one
    /// counts.
    pub fn fail(&self, error: impl Into<Box<dyn StdError + Send + Sync>>) {
        let error = Arc::from(error.into());
        let before = self.failure.lock().replace(error);
        // Dropped without the lock: the user's own type may do anything in its drop.
        drop(before);
    }

    /// The error that [`fail`](Self::fail) was called with; `None` if it was not called.
    /// An error that the handler returns for the whole batch is not included.
    pub fn failure(&self) -> Option<Arc<dyn StdError + Send + Sync>> {
        self.failure.lock().clone()
    }

    pub(crate) fn into_failure(self) -> Option<Failure> {
        self.failure.into_inner()
    }
}

impl<M> Deref for BatchDelivery<M> {
    type Target = Delivery<M>;

    fn deref(&self) -> &Delivery<M> {
        &self.delivery
    }
}

impl<M> fmt::Debug for BatchDelivery<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.delivery.fmt(f)
    }
}
