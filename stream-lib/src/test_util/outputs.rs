//! The outputs of handlers, for their tests.

use std::fmt;

use super::delivery::TestDelivery;
use super::recorded::RecordedEntry;
use crate::consumer::{BatchDelivery, Delivery, MadeOutputs};
use crate::message::{DecodeError, OwnedMessage, StreamMessage};

/// The outputs that a handler has [produced](Delivery::produce) for a delivery made by a
/// test: see [`TestDelivery::recording`].
///
/// Outputs are recorded when the handler produces them. Whether a real consumer writes
/// them depends on the handler's result: after an error they are discarded.
#[derive(Clone)]
pub struct RecordedOutputs(MadeOutputs);

impl<M: StreamMessage> TestDelivery<M> {
    /// Makes the delivery, and a record of the outputs that the handler produces for it.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::{Delivery, HandlerResult, RawMessage, StreamMessage};
    ///
    /// #[derive(StreamMessage, Debug, PartialEq)]
    /// #[stream(name = "settled")]
    /// struct Settled {
    ///     order_id: String,
    /// }
    ///
    /// fn settle(order: &Delivery<RawMessage>) -> HandlerResult {
    ///     let order_id = order.get_str("order_id").ok_or("no order id")?.to_owned();
    ///     order.produce(&Settled { order_id })?;
    ///     Ok(())
    /// }
    ///
    /// let order = RawMessage::new().with("order_id", "A-1");
    /// let (delivery, outputs) = Delivery::for_test(order).recording();
    /// settle(&delivery).unwrap();
    /// let settled: Vec<Settled> = outputs.messages("settled")?;
    /// assert_eq!(settled, [Settled { order_id: "A-1".into() }]);
    /// # Ok::<(), stream_lib::message::DecodeError>(())
    /// ```
    #[track_caller]
    pub fn recording(self) -> (Delivery<M>, RecordedOutputs) {
        let delivery = self.build();
        let outputs = RecordedOutputs(MadeOutputs::of(&delivery));
        (delivery, outputs)
    }
}

impl RecordedOutputs {
    /// The outputs of a delivery in a batch made by a test.
    pub fn of<M: StreamMessage>(delivery: &BatchDelivery<M>) -> Self {
        Self(MadeOutputs::of(delivery))
    }

    /// The outputs to a stream, in order.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if a message can't be read back as this type.
    pub fn messages<O: OwnedMessage>(&self, stream: &str) -> Result<Vec<O>, DecodeError> {
        let read = self.0.read(stream, |entry| O::decode(entry.fields(0)));
        read.into_iter().collect()
    }

    /// The same messages as written, with headers and key.
    pub fn entries(&self, stream: &str) -> Vec<RecordedEntry> {
        self.0
            .read(stream, |entry| RecordedEntry::new(entry.fields(0)))
    }

    /// The number of outputs, to all streams.
    pub fn len(&self) -> usize {
        self.0.count()
    }

    /// Whether there is no output.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for RecordedOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedOutputs")
            .field("outputs", &self.len())
            .finish()
    }
}
