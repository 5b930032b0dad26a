//! A record in place of Redis, for tests of code that adds messages.
//!
//! It is the end of a producer's path: encoding, batches, the outbox and its receipts are
//! those of any producer. Without the feature `test-util`, `none.rs` replaces it, and no
//! producer has a record.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::command::{Entries, Outgoing};
use crate::error::Result;
use crate::message::EntryId;
use crate::producer::added::{Added, Answers};

/// The messages that a producer was given, and the answers that it is to give.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    /// The messages that were answered without an error.
    entries: Vec<Entries>,
    /// The answers to the next messages.
    planned: VecDeque<Result<Added>>,
    /// The number of messages answered without an error.
    count: u64,
}

impl Recorder {
    /// Answers the next message that has no planned answer yet.
    pub(crate) fn plan(&self, answer: Result<Added>) {
        self.0.lock().planned.push_back(answer);
    }

    /// Adds each message of a batch to the record, unless an error is planned
    /// for it.
    pub(crate) fn answer(&self, batch: &Outgoing) -> Answers {
        let mut record = self.0.lock();
        batch
            .iter()
            .map(|message| {
                let planned = record.planned.pop_front();
                let id = EntryId::new(record.count + 1, 0);
                let added = planned.unwrap_or(Ok(Added::Main(id)))?;
                record.count += 1;
                let fields = (message.count, message.fields);
                record.entries.push(Entries::made_up(id, 1, fields, &[])?);
                Ok(added)
            })
            .collect()
    }

    /// Reads the record.
    pub(crate) fn read<T>(&self, read: impl FnMut(&Entries) -> T) -> Vec<T> {
        self.0.lock().entries.iter().map(read).collect()
    }

    /// Empties the record.
    pub(crate) fn clear(&self) {
        self.0.lock().entries.clear();
    }
}
