//! The outputs of a handler.

use std::sync::Arc;

use crate::command::Envelope;
use crate::consumer::handler::delivery::Delivery;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::member::outputs::Output;
use crate::consumer::member::stage::Stage;
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::message::{Routed, StreamMessage};

impl<M> Delivery<M> {
    /// Writes a message to its type's stream in one step with the acknowledgement of this
    /// delivery.
    ///
    /// The message is an *output* of the delivery: it is encoded now, and written after
    /// the handler has returned `Ok`, by the script that acknowledges. After an error or
    /// a panic it is discarded. A delivery may have up to 10,000 outputs, to any streams,
    /// with 64 MiB together; each stream gets them in the order of the calls.
    ///
    /// An [`Envelope`] adds headers. An idempotency key, the message's own or the
    /// envelope's, has the effect that it has for a producer with the default
    /// [`idempotency_window`](crate::StreamConfig::idempotency_window). To a stream with
    /// a backup stream the output goes as a backup producer's message would.
    ///
    /// # Blocking
    ///
    /// None: no request is sent.
    ///
    /// # Delivery
    ///
    /// Outputs and acknowledgement are one step: a crash leaves both or neither, and so
    /// does a failover. A process that has lost its lease writes no outputs. So each
    /// entry's outputs are in their streams exactly once, although its handler may run
    /// several times.
    ///
    /// On a Redis Cluster this holds for outputs whose stream is in the slot of this
    /// delivery's stream: `{shop}:orders` and `{shop}:settled` share one. Other outputs
    /// are added first, with idempotency keys, and the entry is acknowledged afterwards:
    /// a repeat adds them once within two minutes, or four leases if that is longer. The
    /// log says so once.
    ///
    /// A delivery counts as settling until Redis has confirmed both. While Redis has no
    /// memory, or refuses for another passing reason, it waits, with its lease renewed.
    /// If an output can't be written for good, since its key is of another type or a
    /// permission is missing, the delivery fails with that error, and is retried.
    ///
    /// # Errors
    ///
    /// [`Encode`](ErrorKind::Encode) for a message that can't be written as an entry;
    /// [`Config`](ErrorKind::Config) for an invalid name of a stream;
    /// [`Full`](ErrorKind::Full) for too many outputs; [`Closed`](ErrorKind::Closed)
    /// after the handler has returned: another thread of the handler must call it before.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use stream_lib::{ConsumerConfig, StreamManager, StreamMessage};
    ///
    /// #[derive(StreamMessage)]
    /// #[stream(name = "orders")]
    /// struct Order {
    ///     order_id: String,
    /// }
    ///
    /// #[derive(StreamMessage)]
    /// #[stream(name = "settled")]
    /// struct Settled {
    ///     order_id: String,
    /// }
    ///
    /// let manager = StreamManager::connect("redis://127.0.0.1:6379")?;
    /// manager.consume_fn::<Order>("settle", ConsumerConfig::new("orders"), |order| {
    ///     let order_id = order.order_id.clone();
    ///     order.produce(&Settled { order_id })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn produce<'m, O>(&self, output: impl Into<Envelope<'m, O>>) -> Result<()>
    where
        O: StreamMessage + Routed + ?Sized + 'm,
    {
        self.taken().produce(O::STREAM, &output.into())
    }

    /// As [`produce`](Self::produce), to a stream by its name: for messages without a
    /// stream of their own.
    ///
    /// # Errors
    ///
    /// As [`produce`](Self::produce).
    pub fn produce_to<'m, O>(&self, stream: &str, output: impl Into<Envelope<'m, O>>) -> Result<()>
    where
        O: StreamMessage + ?Sized + 'm,
    {
        self.taken().produce(stream, &output.into())
    }
}

impl TakenEntry {
    fn produce<O: StreamMessage + ?Sized>(
        &self,
        stream: &str,
        envelope: &Envelope<'_, O>,
    ) -> Result<()> {
        let put = self.put_output(stream, envelope);
        put.map_err(|e| e.while_doing(format_args!("producing to `{}`", Shown(stream))))
    }

    fn put_output<O: StreamMessage + ?Sized>(
        &self,
        stream: &str,
        envelope: &Envelope<'_, O>,
    ) -> Result<()> {
        let (member, held, index) = (&self.member, &self.held, self.index);
        self.ensure_runs()?;
        let stream = member.outputs.find(stream)?;
        // Encoding may run the user's own code, which may produce another output.
        let output = Output::new(Arc::clone(&stream), envelope)?;
        stream.note(O::SCHEMA);
        held.outputs.push(index, output)?;
        self.ensure_runs()
    }

    fn ensure_runs(&self) -> Result<()> {
        if matches!(self.held.stage(self.index), Stage::Running | Stage::Lost) {
            return Ok(());
        }
        let text = "the delivery has ended: its outputs are given before its handler returns";
        Err(Error::new(ErrorKind::Closed, text))
    }
}
