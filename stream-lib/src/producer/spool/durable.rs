//! The spool as its producer uses it, and the right to bypass it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::damage::SpoolDamage;
use super::directory::Directory;
use super::disk_trouble::DiskTrouble;
use super::frame::Record;
use super::queue::{CommitQueue, Writer};
use super::refused::RefusedFiles;
use super::sequence::{Sequence, SpoolId};
use super::store::Store;
use super::types;
use crate::error::{Error, Result};
use crate::message::schema::SchemaText;

/// The options of a spool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpoolOptions<'a> {
    /// The stream that its messages go to.
    pub(crate) stream: &'a str,
    /// The bound of its messages, with their frames, in bytes.
    pub(crate) max_bytes: u64,
}

/// A durable queue of encoded messages, and the numbers of all messages of its
/// producer. See the [module](super).
#[derive(Debug)]
pub(crate) struct Spool {
    stream: String,
    max_bytes: u64,
    /// See [`unmet`](Self::unmet).
    unmet: Sequence,
    store: Store,
    queue: CommitQueue,
    refused: RefusedFiles,
    /// Held by threads that wait for the spool to be empty.
    waiting: Mutex<()>,
    emptied: Condvar,
}

impl Spool {
    /// Opens the spool in `directory`, which is made, with mode 0700, if it doesn't
    /// exist, and locked until this value is dropped or the process ends.
    ///
    /// # Blocking
    ///
    /// Reads and checks the whole spool.
    ///
    /// # Errors
    ///
    /// [`Locked`](crate::ErrorKind::Locked), [`System`](crate::ErrorKind::System), and
    /// [`Config`](crate::ErrorKind::Config) if it holds messages for another stream. A
    /// damaged file is no error: see [`damages`](Self::damages).
    pub(crate) fn open(directory: &Path, options: SpoolOptions<'_>) -> Result<Self> {
        let locked = Directory::open(directory)?;
        let failed = |trouble: DiskTrouble| trouble.into_error(directory);
        let store = Store::open(locked, options.stream).map_err(failed)?;
        let refused = RefusedFiles::find(directory).map_err(|e| failed(e.into()))?;
        let header = store.contents().header;
        Ok(Self {
            stream: options.stream.to_owned(),
            max_bytes: options.max_bytes,
            unmet: header.unmet(),
            queue: CommitQueue::new(header.spool, Sequence::start_of(header.life)),
            store,
            refused,
            waiting: Mutex::new(()),
            emptied: Condvar::new(),
        })
    }

    /// Takes the turn to send `count` messages straight to Redis. `None` while the spool
    /// holds messages: those go first, and the new ones behind them.
    ///
    /// # Blocking
    ///
    /// While another thread has the turn.
    pub(crate) fn turn(&self, count: usize) -> Option<DirectTurn<'_>> {
        let first = self.queue.turn(&self.store, count as u64)?;
        Some(DirectTurn {
            spool: self,
            first,
            over: false,
        })
    }

    /// Keeps messages, behind all others: all of them or none.
    ///
    /// # Blocking
    ///
    /// While another thread has the turn, and until they are on disk; threads that append
    /// at the same time share a sync.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::ErrorKind::Full), [`System`](crate::ErrorKind::System);
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the disk failed and its
    /// state can't be read.
    pub(crate) fn append(&self, messages: Vec<Vec<u8>>) -> Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        self.queue.append(&self.writer(), messages)
    }

    /// The oldest records: at least one if there is any, at most `most`, and not much
    /// more than `bytes`.
    ///
    /// # Errors
    ///
    /// [`System`](crate::ErrorKind::System).
    pub(crate) fn peek_oldest(&self, most: usize, bytes: u64) -> Result<Vec<Record>> {
        self.store
            .oldest(&self.stream, most, bytes)
            .map_err(|e| self.error(e))
    }

    /// Removes all records up to and with `last`, for which Redis has answered. Returns
    /// their number.
    ///
    /// # Errors
    ///
    /// [`System`](crate::ErrorKind::System); they are then sent again, which changes
    /// nothing.
    pub(crate) fn remove_up_to(&self, last: Sequence) -> Result<u64> {
        let removed = self
            .store
            .remove_up_to(&self.stream, last)
            .map_err(|e| self.error(e))?;
        if self.is_empty() {
            // Excludes the time between a waiter's look and its sleep.
            drop(self.waiting.lock());
            self.emptied.notify_all();
        }
        Ok(removed)
    }

    /// Waits until the spool is empty, or `until`. Returns whether it is empty.
    pub(crate) fn is_empty_by(&self, until: Instant) -> bool {
        let mut waiting = self.waiting.lock();
        while !self.is_empty() {
            if self.emptied.wait_until(&mut waiting, until).timed_out() {
                return self.is_empty();
            }
        }
        true
    }

    /// Moves the oldest record, which Redis refuses for good, to a file of its own with
    /// these contents. A crash in between leaves both, and the next life repeats it.
    /// Returns the path of the file.
    ///
    /// # Errors
    ///
    /// [`System`](crate::ErrorKind::System); the record stays.
    pub(crate) fn set_aside(&self, record: &Record, contents: &[u8]) -> Result<PathBuf> {
        let path = self
            .refused
            .write(self.store.directory(), record, contents)
            .map_err(|e| self.error(e.into()))?;
        self.remove_up_to(record.sequence)?;
        Ok(path)
    }

    /// The types with sensitive fields that the messages may have, as far as they are kept
    /// and can be read.
    pub(crate) fn kept_types(&self) -> Vec<SchemaText> {
        let directory = self.store.directory();
        types::read(directory).unwrap_or_else(|e| {
            log::warn!(
                "the types of messages in the spool directory `{}` can't be read, so that tools \
                 may show the values of their sensitive fields: {e}",
                directory.path().display()
            );
            Vec::new()
        })
    }

    /// Keeps types with sensitive fields, before messages of theirs.
    ///
    /// # Errors
    ///
    /// [`System`](crate::ErrorKind::System).
    pub(crate) fn keep_types(&self, types: &[SchemaText]) -> Result<()> {
        types::keep(self.store.directory(), types).map_err(|e| self.error(e.into()))
    }

    /// Forgets the kept types, which no message has.
    pub(crate) fn forget_types(&self) {
        if let Err(e) = types::forget(self.store.directory()) {
            log::debug!("the file of types of an empty spool stays: {e}");
        }
    }

    /// The number of files with refused messages, and their bytes.
    pub(crate) fn refused(&self) -> (u64, u64) {
        self.refused.recount();
        let tally = self.refused.tally();
        (tally.records, tally.bytes)
    }

    /// The number of messages that it holds, with those being written.
    pub(crate) fn len(&self) -> u64 {
        self.store.contents().held()
    }

    /// Whether it holds no messages.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The used part of `max_bytes`.
    pub(crate) fn bytes(&self) -> u64 {
        self.store.contents().taken()
    }

    /// Its name, as in the numbers given out now.
    pub(crate) fn id(&self) -> SpoolId {
        self.store.contents().header.spool
    }

    /// The highest number given out so far.
    pub(crate) fn last(&self) -> Sequence {
        self.queue.last()
    }

    /// The number before those that Redis could not know when this life began.
    pub(crate) fn unmet(&self) -> Sequence {
        self.unmet
    }

    /// Compares with the mark that Redis has for [`id`](Self::id), of the stream or of
    /// one of its partitions. It has to be called before the first send of a life there.
    ///
    /// If the mark is above all numbers that any life has sent, a copy of the directory
    /// has given out the same numbers: then the spool takes a new name, for all numbers
    /// that were not sent yet. Returns whether it did.
    ///
    /// # Errors
    ///
    /// [`System`](crate::ErrorKind::System).
    pub(crate) fn meet(&self, mark: &str) -> Result<bool> {
        let foreign = *mark > *self.unmet.to_string();
        let renamed = foreign.then_some(self.unmet);
        let change = || self.store.meet(&self.stream, renamed);
        self.queue.rename(change).map_err(|e| self.error(e))?;
        Ok(foreign)
    }

    /// Takes a new name, as [`meet`](Self::meet), in the middle of a life: a copy of the
    /// directory gives out the same numbers now.
    ///
    /// # Errors
    ///
    /// [`System`](crate::ErrorKind::System).
    pub(crate) fn rename(&self) -> Result<()> {
        let unmet = self.store.contents().header.unmet();
        let change = || self.store.meet(&self.stream, Some(unmet));
        self.queue.rename(change).map_err(|e| self.error(e))
    }

    /// The damages found since it was opened; they have been logged.
    pub(crate) fn damages(&self) -> Vec<SpoolDamage> {
        self.store.damages()
    }

    fn writer(&self) -> Writer<'_> {
        Writer {
            store: &self.store,
            stream: &self.stream,
            max_bytes: self.max_bytes,
            refused: &self.refused,
        }
    }

    fn error(&self, trouble: DiskTrouble) -> Error {
        trouble.into_error(self.store.directory().path())
    }
}

/// The right to send messages straight to Redis, under numbers before those of all
/// others. Others wait until it is kept or dropped.
///
/// It may be dropped only once Redis is known to have each message, or its caller gets an
/// error; otherwise [`keep`](Self::keep) is due.
#[derive(Debug)]
#[must_use]
pub(crate) struct DirectTurn<'a> {
    spool: &'a Spool,
    first: Sequence,
    over: bool,
}

impl DirectTurn<'_> {
    /// The number of the first message; the others follow.
    #[cfg(test)]
    pub(crate) fn first(&self) -> Sequence {
        self.first
    }

    /// The number of the message at this place.
    pub(crate) fn number(&self, place: usize) -> Sequence {
        self.first.plus(place as u64)
    }

    /// Ends the turn and keeps the messages at `places`, in rising order, under the
    /// numbers they were sent with: all that aren't settled.
    ///
    /// # Blocking
    ///
    /// Until they are on disk.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`].
    pub(crate) fn keep(mut self, places: &[usize], messages: Vec<Vec<u8>>) -> Result<()> {
        self.over = true;
        let numbers = places.iter().map(|place| self.number(*place));
        let queue = &self.spool.queue;
        queue.keep_turn(&self.spool.writer(), numbers, messages)
    }
}

impl Drop for DirectTurn<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.spool.queue.end_turn();
        }
    }
}
