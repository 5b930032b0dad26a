//! Shared commits of many threads, and their turns to send to Redis.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::contents::{Contents, Tally};
use super::frame::{self, Record};
use super::refused::RefusedFiles;
use super::sequence::{Sequence, SpoolId};
use super::store::Store;
use crate::error::{Error, ErrorKind, Result};

/// Redis stores no larger entry. The database can't store three times this, and all
/// messages that share the commit would fail.
const LARGEST: usize = 1 << 30;

/// Numbers messages, and brings them to disk in the order of their numbers.
///
/// A thread that finds no commit under way commits all queued messages, its own and those
/// of other threads, which wait for it. Messages queued meanwhile are the next commit,
/// led by one of the threads that wait for it. So many threads share a sync, a single one
/// doesn't wait, and the spool needs no thread.
#[derive(Debug)]
pub(super) struct CommitQueue {
    state: Mutex<State>,
    /// Notified when `committing`, `direct` or an outcome has changed.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    spool: SpoolId,
    last: Sequence,
    waiting: Vec<Record>,
    /// The outcome of the commit that `waiting` will be.
    next: Arc<OnceLock<Result<()>>>,
    committing: bool,
    /// Whether a thread sends to Redis under numbers before all others.
    direct: bool,
}

impl CommitQueue {
    pub(super) fn new(spool: SpoolId, last: Sequence) -> Self {
        Self {
            state: Mutex::new(State {
                spool,
                last,
                waiting: Vec::new(),
                next: Arc::default(),
                committing: false,
                direct: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// The highest number given out so far.
    pub(super) fn last(&self) -> Sequence {
        self.state.lock().last
    }

    /// Takes the turn to send `count` messages to Redis, unless other messages have to be
    /// sent before them.
    pub(super) fn turn(&self, store: &Store, count: u64) -> Option<Sequence> {
        let mut state = self.state.lock();
        self.wait_for_turn(&mut state);
        if store.contents().held() > 0 {
            return None;
        }
        state.direct = true;
        let first = state.last.plus(1);
        state.last = state.last.plus(count);
        Some(first)
    }

    pub(super) fn end_turn(&self) {
        self.state.lock().direct = false;
        self.changed.notify_all();
    }

    /// Ends the turn, and keeps its messages under their numbers, which rise.
    pub(super) fn keep_turn(
        &self,
        writer: &Writer<'_>,
        numbers: impl Iterator<Item = Sequence>,
        messages: Vec<Vec<u8>>,
    ) -> Result<()> {
        let mut state = self.state.lock();
        let place = writer.reserve(&messages);
        state.direct = false;
        self.changed.notify_all();
        place?;
        state.push(numbers, messages);
        self.settle(state, writer)
    }

    /// Keeps messages under the next numbers.
    pub(super) fn append(&self, writer: &Writer<'_>, messages: Vec<Vec<u8>>) -> Result<()> {
        let mut state = self.state.lock();
        self.wait_for_turn(&mut state);
        writer.reserve(&messages)?;
        let first = state.last.plus(1);
        state.last = state.last.plus(messages.len() as u64);
        state.push((0..).map(|n| first.plus(n)), messages);
        self.settle(state, writer)
    }

    /// Changes the name under which numbers are given out, by `change`, while nothing is
    /// on its way to the disk.
    pub(super) fn rename<E>(
        &self,
        change: impl FnOnce() -> std::result::Result<SpoolId, E>,
    ) -> std::result::Result<(), E> {
        let mut state = self.state.lock();
        while state.committing || !state.waiting.is_empty() {
            self.changed.wait(&mut state);
        }
        state.spool = change()?;
        Ok(())
    }

    fn wait_for_turn(&self, state: &mut MutexGuard<'_, State>) {
        while state.direct {
            self.changed.wait(state);
        }
    }

    /// Returns once the commit of all messages queued now has an outcome.
    fn settle(&self, mut state: MutexGuard<'_, State>, writer: &Writer<'_>) -> Result<()> {
        let commit = Arc::clone(&state.next);
        while commit.get().is_none() {
            if state.committing {
                self.changed.wait(&mut state);
                continue;
            }
            state.committing = true;
            let records = std::mem::take(&mut state.waiting);
            let mine = std::mem::take(&mut state.next);
            let outcome = MutexGuard::unlocked(&mut state, || writer.commit(&records));
            let _ = mine.set(outcome);
            state.committing = false;
            self.changed.notify_all();
        }
        drop(state);
        match commit.get() {
            Some(outcome) => outcome.clone(),
            None => Ok(()),
        }
    }
}

impl State {
    fn push(&mut self, numbers: impl Iterator<Item = Sequence>, messages: Vec<Vec<u8>>) {
        let spool = self.spool;
        let records = numbers.zip(messages).map(|(sequence, message)| Record {
            spool,
            sequence,
            message,
        });
        self.waiting.extend(records);
    }
}

/// The store that the queue writes to, and its bound.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) store: &'a Store,
    pub(super) stream: &'a str,
    pub(super) max_bytes: u64,
    pub(super) refused: &'a RefusedFiles,
}

impl Writer<'_> {
    fn reserve(&self, messages: &[Vec<u8>]) -> Result<()> {
        if let Some(large) = messages.iter().find(|m| m.len() > LARGEST) {
            return Err(Error::new(
                ErrorKind::Encode,
                format!(
                    "a message of {} bytes is larger than an entry of a stream can be",
                    large.len()
                ),
            ));
        }
        let cost = messages.iter().map(|m| frame::cost(m.len())).sum();
        let tally = Tally {
            records: messages.len() as u64,
            bytes: cost,
        };
        let reserve = || {
            let most = self.max_bytes.saturating_sub(self.refused.tally().bytes);
            self.store.reserve(tally, most)
        };
        match reserve() {
            Err(_) if self.refused.tally().bytes > 0 && self.refused.recount() > 0 => reserve(),
            reserved => reserved,
        }
        .map_err(|contents| self.full(&contents, cost))
    }

    fn full(&self, contents: &Contents, cost: u64) -> Error {
        let most = self.max_bytes;
        let refused = self.refused.tally();
        let mut text = format!(
            "the spool is full: it holds {} messages in {} bytes, may take {most} bytes, and {cost} \
             more are needed; ",
            contents.records,
            contents.taken()
        );
        text += if cost > most {
            "that is more than it may ever hold: raise `max_spool_bytes`"
        } else {
            "it empties when Redis is back"
        };
        if refused.records > 0 {
            let _ = write!(
                text,
                "; {} messages that Redis refused take {} bytes of it: remove their files from `{}`",
                refused.records,
                refused.bytes,
                self.store.directory().path().display()
            );
        }
        Error::new(ErrorKind::Full, text)
    }

    fn commit(&self, records: &[Record]) -> Result<()> {
        self.store
            .commit(self.stream, records)
            .map_err(|trouble| trouble.into_error(self.store.directory().path()))
    }
}
