//! The contents of a database, counted without asking it.

use super::file::{Found, Header};
use super::frame::Record;
use super::sequence::Sequence;

/// Records in the database, and on their way there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contents {
    pub(super) header: Header,
    pub(super) records: u64,
    /// The bytes that they take.
    bytes: u64,
    reserved: Tally,
    /// The highest number whose commit was confirmed.
    pub(super) confirmed: Sequence,
    /// The number up to which records were removed.
    pub(super) sent: Sequence,
}

/// Records with reserved space that are not on disk yet, and their bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Contents {
    /// The contents of a database that was just opened, in the life that `header` names.
    pub(super) fn new(header: Header, found: Found) -> Self {
        Self {
            header,
            records: found.records,
            bytes: found.bytes,
            reserved: Tally::default(),
            confirmed: Sequence::start_of(header.life),
            sent: Sequence::ZERO,
        }
    }

    /// The records that it holds or has reserved space for.
    pub(super) fn held(&self) -> u64 {
        self.records + self.reserved.records
    }

    /// The used part of the spool's bound.
    pub(super) fn taken(&self) -> u64 {
        self.bytes + self.reserved.bytes
    }

    /// Reserves space for records, unless more than `most` bytes would be taken. Returns
    /// whether it did.
    pub(super) fn reserve(&mut self, tally: Tally, most: u64) -> bool {
        if self.taken().saturating_add(tally.bytes) > most {
            return false;
        }
        self.reserved.records += tally.records;
        self.reserved.bytes += tally.bytes;
        true
    }

    /// Frees the space of records that are not kept.
    pub(super) fn give_up(&mut self, tally: Tally) {
        self.reserved.records -= tally.records;
        self.reserved.bytes -= tally.bytes;
    }

    /// Counts records, `last` being the newest, that are on disk now.
    pub(super) fn commit(&mut self, tally: Tally, last: Sequence) {
        self.give_up(tally);
        self.records += tally.records;
        self.bytes += tally.bytes;
        self.confirmed = last;
    }

    /// Counts records up to `last` that are not on disk any more.
    pub(super) fn remove(&mut self, tally: Tally, last: Sequence) {
        self.records = self.records.saturating_sub(tally.records);
        self.bytes = self.bytes.saturating_sub(tally.bytes);
        self.sent = self.sent.max(last);
    }

    /// Takes over the counts of a database that was opened again.
    pub(super) fn adopt(&mut self, found: Found) {
        self.records = found.records;
        self.bytes = found.bytes;
    }
}

impl Tally {
    pub(super) fn of(records: &[Record]) -> Self {
        Self {
            records: records.len() as u64,
            bytes: records.iter().map(Record::cost).sum(),
        }
    }
}
