//! Deliveries for the tests of handlers.

use std::fmt;
use std::time::Duration;

use super::offline;
use crate::command::Extras;
use crate::command::reserved::{ORIGIN, REDRIVEN};
use crate::consumer::{BatchDelivery, Delivery, MadeUp};
use crate::message::{EntryId, StreamMessage};

/// A delivery made by a test: see [`Delivery::for_test`].
#[must_use = "`build` makes the delivery"]
pub struct TestDelivery<M> {
    message: M,
    made_up: MadeUp,
}

impl<M: StreamMessage> Delivery<M> {
    /// Begins a delivery of `message` for the test of a handler, without a server
    /// (feature `test-util`).
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::{Delivery, Handler, HandlerError, HandlerResult, RawMessage};
    ///
    /// fn handle(delivery: &Delivery<RawMessage>) -> HandlerResult {
    ///     match delivery.get_str("user_id") {
    ///         Some(_) => Ok(()),
    ///         None => Err(HandlerError::permanent("no user id").into()),
    ///     }
    /// }
    ///
    /// let event = RawMessage::new().with("user_id", "42");
    /// let delivery = Delivery::for_test(event).attempt(3).header("tenant", "x").build();
    /// assert!(handle.handle(&delivery).is_ok());
    ///
    /// let nobody = Delivery::for_test(RawMessage::new()).build();
    /// let error = handle(&nobody).unwrap_err();
    /// assert!(error.is::<HandlerError>());
    /// ```
    pub fn for_test(message: M) -> TestDelivery<M> {
        TestDelivery {
            message,
            made_up: MadeUp {
                stream: "test".to_owned(),
                group: "test_group".to_owned(),
                consumer: "test-consumer".to_owned(),
                partition: None,
                id: EntryId::new(1, 0),
                attempt: 1,
                extras: Extras::new(),
                headers: Vec::new(),
                age: Duration::ZERO,
                lease_lost: false,
                shutting_down: false,
            },
        }
    }
}

impl<M: StreamMessage> BatchDelivery<M> {
    /// Makes a batch for the test of a batch handler, without a server (feature
    /// `test-util`): first deliveries, with the ids `1-0`, `2-0`, ….
    /// [`failure`](Self::failure) shows afterwards which of them the handler has failed.
    /// For deliveries with other properties, see [`TestDelivery::build_in_batch`].
    ///
    /// # Panics
    ///
    /// As [`TestDelivery::build`].
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::{BatchDelivery, HandlerResult, RawMessage};
    ///
    /// fn import(batch: &[BatchDelivery<RawMessage>]) -> HandlerResult {
    ///     for delivery in batch {
    ///         if delivery.get("user_id").is_none() {
    ///             delivery.fail("no user id");
    ///         }
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let event = RawMessage::new().with("user_id", "42");
    /// let batch = BatchDelivery::for_test([event, RawMessage::new()]);
    /// import(&batch).unwrap();
    /// let failures: Vec<_> = batch.iter().map(|delivery| delivery.failure()).collect();
    /// assert!(failures[0].is_none());
    /// assert_eq!(failures[1].as_ref().unwrap().to_string(), "no user id");
    /// ```
    #[track_caller]
    pub fn for_test(messages: impl IntoIterator<Item = M>) -> Vec<Self> {
        let mut batch = Vec::new();
        for (number, message) in (1..).zip(messages) {
            let delivery = Delivery::for_test(message).id(EntryId::new(number, 0));
            batch.push(delivery.build_in_batch());
        }
        batch
    }
}

impl<M: StreamMessage> TestDelivery<M> {
    /// Sets the number of the delivery. Defaults to 1.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.made_up.attempt = attempt;
        self
    }

    /// Sets the entry's id. Defaults to `1-0`.
    pub fn id(mut self, id: EntryId) -> Self {
        self.made_up.id = id;
        self
    }

    /// Sets the first id of the message. Defaults to the entry's id.
    pub fn original_id(self, id: EntryId) -> Self {
        self.reserved(ORIGIN, id.to_string())
    }

    /// Sets how often the message was put back from the dead letters. Defaults to 0.
    pub fn redrives(self, count: u32) -> Self {
        self.reserved(REDRIVEN, count.to_string())
    }

    /// Adds a header, as a producer does: see
    /// [`Envelope::header`](crate::Envelope::header). Defaults to none.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.made_up.extras.push_header(name, value.as_ref());
        self
    }

    /// Sets the least age of the message. Defaults to 0.
    pub fn age(mut self, age: Duration) -> Self {
        self.made_up.age = age;
        self
    }

    /// Sets the stream. Defaults to `test`.
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.made_up.stream = name.into();
        self
    }

    /// Sets the partition. Defaults to none: a stream without partitions.
    pub fn partition(mut self, number: u16) -> Self {
        self.made_up.partition = Some(number);
        self
    }

    /// Sets the consumer group. Defaults to `test_group`.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.made_up.group = name.into();
        self
    }

    /// Sets the consumer's name in Redis. Defaults to `test-consumer`.
    pub fn consumer(mut self, name: impl Into<String>) -> Self {
        self.made_up.consumer = name.into();
        self
    }

    /// Makes [`Delivery::lease_lost`] true. Defaults to false.
    pub fn lease_lost(mut self) -> Self {
        self.made_up.lease_lost = true;
        self
    }

    /// Makes [`Delivery::is_shutting_down`] true. Defaults to false.
    pub fn shutting_down(mut self) -> Self {
        self.made_up.shutting_down = true;
        self
    }

    /// Makes the delivery.
    ///
    /// # Panics
    ///
    /// If adding the message would fail, or the stream's name is invalid. The text has
    /// the error.
    #[track_caller]
    pub fn build(self) -> Delivery<M> {
        let delivery =
            offline::topology().and_then(|nowhere| self.made_up.deliver(&nowhere, self.message));
        match delivery {
            Ok(delivery) => delivery,
            Err(e) => panic!("making up a delivery for a test: {e}"),
        }
    }

    /// Makes the delivery as one of a batch.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build).
    #[track_caller]
    pub fn build_in_batch(self) -> BatchDelivery<M> {
        BatchDelivery::new(self.build())
    }

    fn reserved(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let pair = (name.as_bytes().to_vec(), value.as_ref().to_vec());
        self.made_up.headers.push(pair);
        self
    }
}

impl<M> fmt::Debug for TestDelivery<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDelivery")
            .field("id", &self.made_up.id)
            .field("attempt", &self.made_up.attempt)
            .finish_non_exhaustive()
    }
}
