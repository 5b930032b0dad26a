//! Producers for tests of code that adds messages.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::offline;
use crate::command::reserved::{HEADER, KEY};
use crate::config::StreamConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{DecodeError, Fields, OwnedMessage, RawMessage, StreamMessage};
use crate::producer::{Added, Coalescer, Producer, ProducerCore, Recorder};

/// The record of a producer made by a test: see [`Producer::recording`].
///
/// Clones share the record.
pub struct Recorded<M> {
    recorder: Arc<Recorder>,
    message: PhantomData<fn() -> M>,
}

/// A message as its producer wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEntry {
    fields: RawMessage,
    reserved: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<M: StreamMessage> Producer<M> {
    /// Makes a producer of `stream` that records its messages and sends them nowhere
    /// (feature `test-util`), and the record.
    ///
    /// Otherwise it behaves as a simple producer: messages are encoded, and refused, as
    /// usual; `send` has a thread, which ends with the last handle. An idempotency key is
    /// recorded, but repeats are not left out.
    ///
    /// # Panics
    ///
    /// If the stream's name is invalid.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::{ErrorKind, Producer, StreamMessage};
    ///
    /// #[derive(StreamMessage, Debug, PartialEq)]
    /// struct Invoice {
    ///     order_id: String,
    /// }
    ///
    /// fn bill(invoices: &Producer<Invoice>, order_id: &str) -> stream_lib::Result<()> {
    ///     invoices.add(&Invoice { order_id: order_id.to_owned() })?;
    ///     Ok(())
    /// }
    ///
    /// let (invoices, recorded) = Producer::<Invoice>::recording("invoices");
    /// bill(&invoices, "A-1")?;
    /// assert_eq!(recorded.messages()?, [Invoice { order_id: "A-1".into() }]);
    ///
    /// recorded.fail_next(ErrorKind::Unavailable);
    /// let error = bill(&invoices, "A-2").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Unavailable);
    /// assert_eq!(recorded.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn recording(stream: impl Into<String>) -> (Self, Recorded<M>) {
        let recorder = Arc::<Recorder>::default();
        let config = StreamConfig::new(stream);
        let core = offline::topology().and_then(|nowhere| {
            let coalescer = Arc::new(Coalescer::new(nowhere));
            ProducerCore::recorded(&coalescer, config, Arc::clone(&recorder))
        });
        match core {
            Ok(core) => (Self::new(Arc::new(core)), Recorded::new(recorder)),
            Err(e) => panic!("making a producer for a test: {e}"),
        }
    }
}

impl<M> Recorded<M> {
    fn new(recorder: Arc<Recorder>) -> Self {
        Self {
            recorder,
            message: PhantomData,
        }
    }

    /// The added messages, in order. A message queued by [`send`](Producer::send) is
    /// recorded when it is answered: wait for its receipt, or [`flush`](Producer::flush).
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if a message can't be read back as its type.
    pub fn messages(&self) -> Result<Vec<M>, DecodeError>
    where
        M: OwnedMessage,
    {
        let read = self.recorder.read(|entry| M::decode(entry.fields(0)));
        read.into_iter().collect()
    }

    /// The same messages as written, with headers and key.
    pub fn entries(&self) -> Vec<RecordedEntry> {
        self.recorder
            .read(|entry| RecordedEntry::new(entry.fields(0)))
    }

    /// The number of added messages.
    pub fn len(&self) -> usize {
        self.recorder.read(|_| ()).len()
    }

    /// Whether no message was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the added messages.
    pub fn clear(&self) {
        self.recorder.clear();
    }

    /// Makes the next message fail with an error of this kind; it isn't recorded. Each
    /// further call applies to one more message.
    pub fn fail_next(&self, kind: ErrorKind) {
        let error = Error::new(kind, "a test wants this message to fail");
        self.recorder.plan(Err(error));
    }

    /// Makes `added` the answer to the next message; the message is recorded, even for
    /// [`Added::Duplicate`], which in Redis adds nothing. Each further call, also of
    /// [`fail_next`](Self::fail_next), applies to one more message, in order. Defaults to
    /// [`Added::Main`] with the ids `1-0`, `2-0`, ….
    pub fn answer_next(&self, added: Added) {
        self.recorder.plan(Ok(added));
    }
}

impl RecordedEntry {
    pub(super) fn new(fields: Fields<'_>) -> Self {
        let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
        Self {
            fields: fields.iter().collect(),
            reserved: fields.headers().map(owned).collect(),
        }
    }

    /// Its fields, without reserved ones.
    pub fn message(&self) -> &RawMessage {
        &self.fields
    }

    /// The value of a header; of duplicates, the last.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.reserved(&format!("{HEADER}{name}"))
    }

    /// The idempotency key, given by the caller or by the message itself.
    pub fn idempotency_key(&self) -> Option<&[u8]> {
        self.reserved(KEY)
    }

    fn reserved(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.reserved.iter().rev();
        pairs
            .find(|(known, _)| known == name.as_bytes())
            .map(|(_, value)| value.as_slice())
    }
}

impl<M> Clone for Recorded<M> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.recorder))
    }
}

impl<M> fmt::Debug for Recorded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("messages", &self.len())
            .finish()
    }
}
