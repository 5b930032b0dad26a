//! The outputs of one delivery.

use std::sync::Arc;

use super::streams::OutputStream;
use crate::command::{Encoded, Envelope, Outgoing};
use crate::error::{Error, ErrorKind, Result};
use crate::message::StreamMessage;

/// The most outputs of one delivery, and their most bytes: one script writes them.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 64 << 20;

/// The outputs of one delivery, in the order of their calls.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    all: Vec<Output>,
    bytes: usize,
    /// How many numbers were given out.
    numbered: usize,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stream: Arc<OutputStream>,
    message: Outgoing,
}

impl Output {
    /// Encodes an output. `key` is its idempotency key where it has none of its own.
    pub(crate) fn new<M: StreamMessage + ?Sized>(
        stream: Arc<OutputStream>,
        envelope: &Envelope<'_, M>,
        key: Option<&str>,
    ) -> Result<Self> {
        let mut message = Outgoing::default();
        message.push_keyed(envelope.message(), envelope.extras(), key)?;
        Ok(Self { stream, message })
    }

    /// The message.
    pub(crate) fn message(&self) -> Option<Encoded<'_>> {
        self.message.iter().next()
    }
}

impl Outputs {
    /// Takes one more. Fails with `Full` where there are too many.
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

    /// A number that no other output of the delivery has.
    pub(super) fn next_number(&mut self) -> usize {
        self.numbered += 1;
        self.numbered
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How much they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Output> {
        self.all.iter()
    }
}
