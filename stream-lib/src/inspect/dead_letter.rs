//! An entry that no delivery could complete.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::dead_id::DeadLetterId;
use crate::command::reserved::{
    DEAD_CONSUMER, DEAD_DELIVERIES, DEAD_ERROR, DEAD_GROUP, DEAD_ID, DEAD_REASON, DEAD_TIME,
    HEADER, REDRIVEN,
};
use crate::command::{Entries, original_id};
use crate::message::dead_reason::DeadReason;
use crate::message::{DecodeError, EntryId, Fields, OwnedMessage, RawMessage};

/// An entry that no delivery could complete.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    partition: Option<u16>,
    id: EntryId,
    entry_id: EntryId,
    original_id: EntryId,
    group: String,
    consumer: String,
    reason: String,
    error: String,
    deliveries: u64,
    redrives: u32,
    time_ms: u64,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    message: RawMessage,
}

impl DeadLetter {
    pub(super) fn new(partition: Option<u16>, page: &Entries, index: usize) -> Self {
        let fields = page.fields(index);
        let text = |name| String::from_utf8_lossy(fields.header(name).unwrap_or_default());
        let entry_id = text(DEAD_ID).parse().unwrap_or(EntryId::MIN);
        Self {
            partition,
            id: page.id(index),
            entry_id,
            original_id: original_id(entry_id, |name| fields.header(name)),
            group: text(DEAD_GROUP).into_owned(),
            consumer: text(DEAD_CONSUMER).into_owned(),
            reason: text(DEAD_REASON).into_owned(),
            error: text(DEAD_ERROR).into_owned(),
            deliveries: text(DEAD_DELIVERIES).parse().unwrap_or(0),
            redrives: text(REDRIVEN).parse().unwrap_or(0),
            // One of another program has no time but that in its id.
            time_ms: text(DEAD_TIME).parse().unwrap_or(page.id(index).ms()),
            headers: headers(fields),
            message: body(fields),
        }
    }

    /// Its id among the dead letters, for
    /// [`DeadLetters::redrive`](crate::DeadLetters::redrive) and
    /// [`remove`](crate::DeadLetters::remove). For a stream with partitions, see
    /// [`letter_id`](Self::letter_id).
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// Its address: the [`id`](Self::id), and the partition if the stream has any.
    pub fn letter_id(&self) -> DeadLetterId {
        DeadLetterId::new(self.partition, self.id)
    }

    /// The id of the entry in the stream when its last delivery failed.
    pub fn entry_id(&self) -> EntryId {
        self.entry_id
    }

    /// The id of the message when it was first added, before any drain or redrive; in a
    /// stream with partitions it is unique only together with the partition in the
    /// [`letter_id`](Self::letter_id). See
    /// [`Delivery::original_id`](crate::Delivery::original_id).
    pub fn original_id(&self) -> EntryId {
        self.original_id
    }

    /// The group whose deliveries failed.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The consumer of the last delivery.
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// The reason of the burial: `retries-exhausted`, `permanent`, `undecodable`,
    /// `crashed` or `by-hand`. [`known_reason`](Self::known_reason) returns it as an
    /// enum.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The reason of the burial; `None` for a word of a later version of the library.
    pub fn known_reason(&self) -> Option<DeadReason> {
        self.reason.parse().ok()
    }

    /// The text of the handler's last error.
    pub fn error(&self) -> &str {
        &self.error
    }

    /// The number of deliveries since it was last added or put back (`XPENDING`'s
    /// delivery count).
    pub fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// How often it was put back before this burial.
    pub fn redrives(&self) -> u32 {
        self.redrives
    }

    /// The time of the burial, by the server's clock; where none is noted, the time in its
    /// [`id`](Self::id).
    pub fn time(&self) -> SystemTime {
        let since = Duration::from_millis(self.time_ms);
        SystemTime::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The headers that the producer gave the message, names and values, in order.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The value of a header; of duplicates, the last.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers()
            .rfind(|(header, _)| *header == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// Its fields as they were in the stream, byte for byte and in order, except for
    /// reserved ones. Empty if the body was too large to be kept: more than about 3,900
    /// fields.
    pub fn message(&self) -> &RawMessage {
        &self.message
    }

    /// Decodes its fields as a message type.
    pub fn decode<M: OwnedMessage>(&self) -> Result<M, DecodeError> {
        self.message.decode()
    }
}

/// Shows no payload.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.letter_id())
            .field("original_id", &self.original_id)
            .field("group", &self.group)
            .field("reason", &self.reason)
            .field("deliveries", &self.deliveries)
            .field("redrives", &self.redrives)
            .finish_non_exhaustive()
    }
}

fn headers(fields: Fields<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields
        .headers()
        .filter_map(|(name, value)| Some((name.strip_prefix(HEADER.as_bytes())?, value)))
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

fn body(fields: Fields<'_>) -> RawMessage {
    fields.iter().collect()
}
