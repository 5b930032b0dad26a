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

/// The record of a producer that a test has made: see [`Producer::recording`].
///
/// Clones share the record.
pub struct Recorded<M> {
    recorder: Arc<Recorder>,
    message: PhantomData<fn() -> M>,
}

/// A message as its producer has written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEntry {
    fields: RawMessage,
    reserved: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<M: StreamMessage> Producer<M> {
    /// A producer of `stream` that records its messages and sends them nowhere
    /// (feature `test-util`), and the record.
    ///
    /// Everything else is as with any simple producer: messages are encoded, and
    /// refused, as usual; `send` has a thread, which ends with the last handle.
    /// An idempotency key is recorded, and repeats are not left out.
    ///
    /// # Panics
    ///
    /// Where no stream can have this name.
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
            ProducerCore::simple_or_recorded(&coalescer, None, config, Some(Arc::clone(&recorder)))
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

    /// The messages that were added, in order. A message that
    /// [`send`](Producer::send) has queued is here once it was answered: wait for
    /// its receipt, or [`flush`](Producer::flush).
    ///
    /// # Errors
    ///
    /// A message can't be read back as its type.
    pub fn messages(&self) -> Result<Vec<M>, DecodeError>
    where
        M: OwnedMessage,
    {
        let read = self.recorder.read(|entry| M::decode(entry.fields(0)));
        read.into_iter().collect()
    }

    /// The same messages as they were written, with headers and key.
    pub fn entries(&self) -> Vec<RecordedEntry> {
        self.recorder
            .read(|entry| RecordedEntry::new(entry.fields(0)))
    }

    /// How many messages were added.
    pub fn len(&self) -> usize {
        self.recorder.read(|_| ()).len()
    }

    /// Whether no message was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the messages that were added.
    pub fn clear(&self) {
        self.recorder.clear();
    }

    /// Has the next message that is added fail, with an error of this kind; it
    /// isn't recorded. Called several times, it is for as many messages.
    pub fn fail_next(&self, kind: ErrorKind) {
        let error = Error::new(kind, "a test wants this message to fail");
        self.recorder.plan(Err(error));
    }

    /// Has the next message that is added answered by `added`; it is recorded,
    /// also where that is [`Added::Duplicate`], which in Redis adds nothing.
    /// Called several times, and with [`fail_next`](Self::fail_next), it is for as
    /// many messages, in order. Defaults to [`Added::Main`] with the ids `1-0`,
    /// `2-0`, ….
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
