//! The known facts of a message.

use stream_lib::message::Misfit;
use stream_lib::{PeekedEntry, PendingEntry, StreamSchema};

/// The known facts of a message, beside those of its stream.
#[derive(Debug, Clone, Default)]
pub struct MessageMore {
    /// The entry; `None` if it is gone.
    pub entry: Option<PeekedEntry>,
    /// The dead letter that the page was opened for, and its facts.
    pub letter: Option<(String, PeekedLetter)>,
    /// The groups in which it is pending.
    pub pending: Vec<(String, Option<PendingEntry>)>,
    /// The schemas of the stream.
    pub schemas: Vec<StreamSchema>,
    /// Other messages of the stream, to compare it with.
    pub others: Vec<PeekedEntry>,
}

/// The facts of a dead letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeekedLetter {
    /// The group that failed.
    pub group: String,
    /// The reason.
    pub reason: String,
    /// The error.
    pub error: String,
    /// Its age, in milliseconds.
    pub age_ms: u64,
    /// Its fields.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl MessageMore {
    /// The fields without the library's own.
    pub(super) fn fields(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let own = |(name, _): &(Vec<u8>, Vec<u8>)| name.first() != Some(&b'~');
        match (&self.letter, &self.entry) {
            (Some((_, letter)), _) => letter.fields.iter().filter(|f| own(f)).cloned().collect(),
            (None, Some(entry)) => {
                let all = entry
                    .fields
                    .iter()
                    .map(|f| (f.name.clone(), f.value.clone()));
                all.filter(own).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// The misfits by the nearest of the newest schemas, and that schema.
    pub(super) fn misfits(&self) -> Option<(&StreamSchema, Vec<Misfit>)> {
        let message = self.fields().into_iter().collect();
        StreamSchema::check_any(&self.schemas, &message)
    }

    /// The number of a schema among those of its name, by first sight.
    pub(super) fn version(&self, schema: &StreamSchema) -> usize {
        let earlier = self.schemas.iter().filter(|other| {
            let order = |one: &StreamSchema| (one.first_seen, one.fingerprint.clone());
            other.name == schema.name && order(other) < order(schema)
        });
        earlier.count() + 1
    }

    /// The schema by which the message is shown: the nearest one.
    pub(super) fn schema<'a>(
        &'a self,
        nearest: Option<&'a StreamSchema>,
    ) -> Option<&'a StreamSchema> {
        if nearest.is_some() {
            return nearest;
        }
        let message = self.fields().into_iter().collect();
        let newest = StreamSchema::newest(&self.schemas);
        let fitting = newest
            .iter()
            .find(|schema| schema.check(&message).is_empty());
        fitting.or(newest.first()).copied()
    }
}
