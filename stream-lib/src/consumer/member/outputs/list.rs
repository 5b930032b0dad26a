//! The outputs of one delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::streams::{OutputStream, Target};
use crate::command::{Encoded, Envelope, Outgoing};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{EntryId, StreamMessage};

/// The most outputs of one delivery, and their most bytes, since one script writes them.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 64 << 20;

/// The outputs of one delivery, in the order of their calls.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    all: Vec<Output>,
    bytes: usize,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stream: Arc<OutputStream>,
    message: Outgoing,
    /// Whether it was added by itself, before the acknowledgement.
    is_added: AtomicBool,
}

impl Output {
    pub(crate) fn new<M: StreamMessage + ?Sized>(
        stream: Arc<OutputStream>,
        envelope: &Envelope<'_, M>,
    ) -> Result<Self> {
        let mut message = Outgoing::default();
        message.push(envelope.message(), envelope.extras())?;
        Ok(Self {
            stream,
            message,
            is_added: AtomicBool::new(false),
        })
    }

    /// Its target, as an output of this entry and as far as is known now.
    pub(crate) fn target(&self, entry: EntryId) -> Target {
        let hash = self.message().and_then(|message| message.hash());
        Target::new(&self.stream, hash, entry)
    }

    /// Notes that it was added by itself.
    pub(crate) fn added(&self) {
        self.is_added.store(true, Ordering::Relaxed);
    }

    /// Whether it was added by itself.
    pub(crate) fn is_added(&self) -> bool {
        self.is_added.load(Ordering::Relaxed)
    }

    /// The message.
    pub(crate) fn message(&self) -> Option<Encoded<'_>> {
        self.message.iter().next()
    }
}

impl Outputs {
    /// Adds an output. Fails with `Full` if there are too many.
    pub(super) fn push(&mut self, output: Output) -> Result<()> {
        let bytes = self.bytes + output.message.bytes();
        if self.all.len() >= MOST || bytes > MOST_BYTES {
            return Err(Error::new(
                ErrorKind::Full,
                format!(
                    "a delivery has at most {MOST} outputs, with {} MiB together: add the others \
                     with a producer",
                    MOST_BYTES >> 20
                ),
            ));
        }
        self.bytes = bytes;
        self.all.push(output);
        Ok(())
    }

    /// The bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Output> {
        self.all.iter()
    }
}
