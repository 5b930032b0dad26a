//! A scheduled message.

use std::cmp::Ordering;
use std::fmt;
use std::time::SystemTime;

use crate::command::Waiting;
use crate::command::reserved::{HEADER, KEY};
use crate::message::raw::RawMessage;
use crate::message::schedule_id::ScheduleId;
use crate::message::{DecodeError, OwnedMessage, RESERVED};

/// A scheduled message, as stored in Redis: see
/// [`StreamManager::scheduled`](crate::StreamManager::scheduled).
#[derive(Clone, PartialEq, Eq)]
pub struct ScheduledMessage {
    waiting: Waiting,
    partition: Option<u16>,
}

impl ScheduledMessage {
    pub(super) const fn new(waiting: Waiting, partition: Option<u16>) -> Self {
        Self { waiting, partition }
    }

    /// Orders by due time; messages that were set aside come last.
    pub(super) fn in_order(&self, other: &Self) -> Ordering {
        let key = |one: &Self| (one.due().is_none(), one.due(), one.waiting.id);
        key(self).cmp(&key(other))
    }

    /// Its position for the next page: the due time as the server has it, and the id.
    pub(super) fn place(&self) -> (&str, ScheduleId) {
        (&self.waiting.score, self.waiting.id)
    }

    /// Its id, which [`Scheduled::cancel`](crate::Scheduled::cancel) takes.
    pub fn id(&self) -> ScheduleId {
        self.waiting.id.in_partition(self.partition)
    }

    /// When it is due, by the server's clock; `None` for a message that was set aside,
    /// since its body can't be read.
    pub fn due(&self) -> Option<SystemTime> {
        self.waiting.due
    }

    /// Its unique key, if it has one that is UTF-8; see
    /// [`Draft::unique`](crate::Draft::unique).
    pub fn unique(&self) -> Option<&str> {
        let key = str::from_utf8(&self.waiting.unique).ok()?;
        (!key.is_empty()).then_some(key)
    }

    /// Its fields, without reserved ones; empty if its body can't be read.
    pub fn message(&self) -> RawMessage {
        self.pairs()
            .filter(|(name, _)| name.first() != Some(&RESERVED))
            .collect()
    }

    /// Decodes the message as a message type.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if a field is missing or malformed.
    pub fn decode<M: OwnedMessage>(&self) -> Result<M, DecodeError> {
        self.message().decode()
    }

    /// The value of a header that the producer gave it; of duplicates, the last.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.reserved(&format!("{HEADER}{name}"))
    }

    /// Its idempotency key, if it has one.
    pub fn idempotency_key(&self) -> Option<&[u8]> {
        self.reserved(KEY)
    }

    fn reserved(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.pairs().rev();
        pairs
            .find(|(known, _)| *known == name.as_bytes())
            .map(|(_, value)| value)
    }

    fn pairs(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        let (pairs, _) = self.waiting.values.as_chunks::<2>();
        pairs
            .iter()
            .map(|[name, value]| (name.as_slice(), value.as_slice()))
    }
}

/// Shows no values: payloads are not logged.
impl fmt::Debug for ScheduledMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduledMessage")
            .field("id", &self.id())
            .field("due", &self.due())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}
