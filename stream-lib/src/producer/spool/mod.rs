//! A durable local queue for the messages of one producer, for when Redis is
//! away.
//!
//! The database is redb: one pure-Rust crate without dependencies of its own,
//! whose copy-on-write file is whole after a crash at any point, checks itself
//! by checksums and needs no background thread. An LSM tree such as fjall brings
//! thirty crates and compaction threads for a write rate that one sync per
//! commit bounds anyway.
//!
//! # The protocol
//!
//! Every message of a producer with a spool has a name for good: the spool's
//! random id and a [`Sequence`] number, from its first send, whether it went
//! through the file or straight to Redis. Redis keeps the highest number it has
//! taken from each spool (the mark: field `spool:<id>` of `{stream}:meta`), and
//! the script that adds a message compares and raises it in the same step: a
//! number at or below the mark is answered "have it" and not added.
//!
//! What holds at every moment:
//!
//! 1. **No number is given out twice, and numbers only rise.** The high bits of
//!    a number are the life of the spool, which is durable before the first
//!    number of that life is given out; the low bits count in memory. A crash
//!    leaves a gap, and gaps mean nothing.
//! 2. **A number is sent only after all lower ones are settled**: taken by
//!    Redis, or given up for good with an error to the caller. There is one
//!    [`Turn`] at a time, none while the file holds messages, and those are sent
//!    in their order. So the mark never passes a message that is still to come.
//! 3. **A message that may have been sent keeps its number.** If the outcome of
//!    a direct send is unknown, or Redis refused it, [`Turn::keep`] puts it into
//!    the file under the number it was sent with, before any other.
//! 4. **A message leaves the file only after Redis has answered for it**, be it
//!    with an id or with "have it".
//!
//! From 3 and 4 nothing acknowledged is lost: it is in the file until Redis has
//! it. From 1 and the mark nothing is added twice, after any time: whatever was
//! sent before, by this process or one that died, a late request in the
//! server's socket buffer too, carries a number that is at or below the mark
//! once the message is taken. From 2 nothing is reordered: when a number is
//! taken, all that were ever to come before it have been, and a late request
//! with a lower one is refused.
//!
//! Where Redis itself forgets (a flush, a failover that lost its last writes),
//! entries and mark go together, since one script writes both.
//!
//! A crash at any step:
//!
//! | between | then |
//! |---|---|
//! | the life is durable, a number is used | a gap |
//! | the life notes that it sends, it does | nothing was sent |
//! | a direct send is answered, the caller knows | the caller never got an answer; its message is there once, or not |
//! | a direct send's outcome is unknown, it is in the file | the same |
//! | it is in the file, the caller knows | it is sent, once |
//! | it is sent, Redis' answer is read | sent again, "have it" |
//! | Redis' answer is read, it is removed | sent again, "have it" |
//!
//! A directory that was copied, or put back from an old copy, breaks the first
//! rule behind our back. So each life, before its first send, asks Redis for the
//! mark, which can't be above what earlier lives have sent, and then notes in
//! the file that it sends. Where the mark is, or a new number is answered "have
//! it", the spool takes a new name for all numbers that were not sent yet. (Two
//! copies that replay at the same moment are beyond this.)
//!
//! # Damage
//!
//! The whole file is checked when it is opened, and each record again when it
//! is read. A damaged file gets another name and stays; a fresh one takes over
//! every record of which a sound copy can be found in the raw bytes, under the
//! name and number it has, and is itself a new spool with a new id, since what
//! numbers the old one gave out is no longer known.

mod directory;
mod fail;
mod file;
mod frame;
mod queue;
mod salvage;
mod sequence;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use self::frame::Record;
pub(crate) use self::sequence::{Sequence, SpoolId};

use self::directory::Directory;
use self::file::Trouble;
use self::queue::{Queue, Writer};
use self::store::Store;
use crate::error::{Error, ErrorKind, Result};

/// How a spool is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpoolOptions<'a> {
    /// The stream that its messages go to.
    pub(crate) stream: &'a str,
    /// How much it holds at most, messages and what is written with them.
    pub(crate) max_bytes: u64,
}

/// A durable queue of encoded messages, and the numbers of all messages of its
/// producer. See the [module](self).
#[derive(Debug)]
pub(crate) struct Spool {
    stream: String,
    max_bytes: u64,
    store: Store,
    queue: Queue,
}

impl Spool {
    /// Opens the spool in `directory`, which is made, with mode 0700, if it
    /// isn't there, and locked until this is dropped or the process ends.
    ///
    /// # Blocking
    ///
    /// Reads and checks all that the spool holds.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked), [`System`](ErrorKind::System), and
    /// [`Config`](ErrorKind::Config) where it holds messages for another stream.
    /// A damaged file is no error: see [`damages`](Self::damages).
    pub(crate) fn open(directory: &Path, options: SpoolOptions<'_>) -> Result<Self> {
        let locked = Directory::open(directory)?;
        let store = Store::open(locked, options.stream).map_err(|e| error(e, directory))?;
        let header = store.contents().header;
        Ok(Self {
            stream: options.stream.to_owned(),
            max_bytes: options.max_bytes,
            queue: Queue::new(header.spool, Sequence::start_of(header.life)),
            store,
        })
    }

    /// Takes the turn to send `count` messages straight to Redis. `None` while
    /// the spool holds messages: those go first, and these behind them.
    ///
    /// # Blocking
    ///
    /// While another thread has the turn.
    pub(crate) fn turn(&self, count: usize) -> Option<Turn<'_>> {
        let first = self.queue.turn(&self.store, count as u64)?;
        Some(Turn {
            spool: self,
            first,
            over: false,
        })
    }

    /// Keeps messages, behind all others. All of them, or none.
    ///
    /// # Blocking
    ///
    /// Until they are on disk; threads that append at the same time share a
    /// sync. While another thread has the turn.
    ///
    /// # Errors
    ///
    /// [`Full`](ErrorKind::Full), [`System`](ErrorKind::System);
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) where the disk failed and
    /// doesn't say what it kept.
    pub(crate) fn append(&self, messages: Vec<Vec<u8>>) -> Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        self.queue.append(&self.writer(), messages)
    }

    /// The oldest records: at least one if there is any, at most `most`, and
    /// not much more than `bytes`.
    ///
    /// # Errors
    ///
    /// [`System`](ErrorKind::System).
    pub(crate) fn peek_oldest(&self, most: usize, bytes: u64) -> Result<Vec<Record>> {
        self.store
            .oldest(&self.stream, most, bytes)
            .map_err(|e| self.error(e))
    }

    /// Removes all records up to `last`, that included, for which Redis has
    /// answered. Returns how many that were.
    ///
    /// # Errors
    ///
    /// [`System`](ErrorKind::System); they are then sent again, which changes
    /// nothing.
    pub(crate) fn remove_up_to(&self, last: Sequence) -> Result<u64> {
        self.store
            .remove_up_to(&self.stream, last)
            .map_err(|e| self.error(e))
    }

    /// How many messages it holds, those included that are being written.
    pub(crate) fn len(&self) -> u64 {
        self.store.contents().held()
    }

    /// Whether it holds none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much of `max_bytes` is taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.store.contents().taken()
    }

    /// Its name, as the numbers given out now have it.
    pub(crate) fn id(&self) -> SpoolId {
        self.store.contents().header.spool
    }

    /// Takes note of the mark that Redis has for [`id`](Self::id). To be called
    /// before the first send of a life.
    ///
    /// Where the mark is above what any life has sent, somebody else has given
    /// out the same numbers, from a copy of the directory: then the spool takes
    /// a new name, for all numbers that were not sent yet. Returns whether it
    /// did.
    ///
    /// # Errors
    ///
    /// [`System`](ErrorKind::System).
    pub(crate) fn meet(&self, mark: &str) -> Result<bool> {
        let unmet = self.store.contents().header.unmet();
        let foreign = *mark > *unmet.to_string();
        let change = || self.store.meet(&self.stream, foreign);
        self.queue.rename(change).map_err(|e| self.error(e))?;
        Ok(foreign)
    }

    /// Takes a new name, as [`meet`](Self::meet), in the midst of a life:
    /// somebody else gives out the same numbers now.
    ///
    /// # Errors
    ///
    /// [`System`](ErrorKind::System).
    pub(crate) fn rename(&self) -> Result<()> {
        let change = || self.store.meet(&self.stream, true);
        self.queue.rename(change).map_err(|e| self.error(e))
    }

    /// What was found damaged since it was opened; it has been logged.
    pub(crate) fn damages(&self) -> Vec<SpoolDamage> {
        self.store.damages()
    }

    fn writer(&self) -> Writer<'_> {
        Writer {
            store: &self.store,
            stream: &self.stream,
            max_bytes: self.max_bytes,
        }
    }

    fn error(&self, trouble: Trouble) -> Error {
        error(trouble, &self.store.path())
    }
}

/// The right to send messages straight to Redis, under numbers that come before
/// those of all others. Others wait until it is kept or dropped.
///
/// To be dropped only once it is known for each message that Redis has it, or
/// that its caller gets an error; else [`keep`](Self::keep) is due.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn<'a> {
    spool: &'a Spool,
    first: Sequence,
    over: bool,
}

impl Turn<'_> {
    /// The number of the first message; the others follow.
    pub(crate) fn first(&self) -> Sequence {
        self.first
    }

    /// Ends the turn and keeps its messages but for the first `settled` ones,
    /// all of them and in their order, under the numbers they were sent with.
    ///
    /// # Blocking
    ///
    /// Until they are on disk.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`].
    pub(crate) fn keep(mut self, settled: usize, messages: Vec<Vec<u8>>) -> Result<()> {
        self.over = true;
        let queue = &self.spool.queue;
        let first = self.first.plus(settled as u64);
        queue.keep_turn(&self.spool.writer(), first, messages)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.spool.queue.end_turn();
        }
    }
}

/// A spool's file that was found damaged, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolDamage {
    /// What was wrong.
    pub cause: String,
    /// The damaged file, which is kept.
    pub file: PathBuf,
    /// How many messages could be read from it, and were carried over.
    pub kept: u64,
    /// Of how many messages only ruins were found. Others may have left no
    /// trace.
    pub unreadable: u64,
}

impl fmt::Display for SpoolDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; {} messages were read from it and kept, {} could not be read; the damaged file is \
             now `{}`",
            self.cause,
            self.kept,
            self.unreadable,
            self.file.display()
        )
    }
}

fn error(trouble: Trouble, directory: &Path) -> Error {
    let place = directory.display();
    match trouble {
        Trouble::Damaged(cause) => Error::new(
            ErrorKind::System,
            format!("the spool in `{place}` is damaged, and so is what took its place"),
        )
        .because(cause),
        Trouble::Failed(cause) => Error::new(
            ErrorKind::System,
            format!("the disk refused the spool in `{place}`; nothing was kept"),
        )
        .because(cause),
        Trouble::Uncertain(cause) => Error::new(
            ErrorKind::OutcomeUnknown,
            format!("the disk failed the spool in `{place}`, and doesn't say what it kept"),
        )
        .because(cause),
        Trouble::Foreign(why) => {
            Error::new(ErrorKind::Config, format!("the spool in `{place}` {why}"))
        }
    }
}
