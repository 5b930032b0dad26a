//! Receipts, which hold the answers to queued messages.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::Result;
use crate::producer::added::{Added, Answers, no_answer};
use crate::runtime::Origin;

/// Holds the answer to a message that was queued with
/// [`Producer::send`](crate::Producer::send).
///
/// It may be dropped: the message goes out all the same, and
/// [`Producer::flush`](crate::Producer::flush) reports failed ones.
#[must_use = "a receipt, or `flush`, says whether the message was added"]
pub struct Receipt {
    chunk: Arc<ChunkAnswers>,
    index: usize,
    number: u64,
}

impl Receipt {
    pub(super) fn new(chunk: &Arc<ChunkAnswers>, index: usize, number: u64) -> Self {
        Self {
            chunk: Arc::clone(chunk),
            index,
            number,
        }
    }

    /// The number of the message among those sent by its producer, from 0. Failures are
    /// reported under it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Waits for the answer.
    ///
    /// # Blocking
    ///
    /// Until the messages before it and its own are answered. While Redis is away, up to
    /// the producer's `send_timeout` from the time when it was queued.
    ///
    /// # Errors
    ///
    /// As [`Producer::add`](crate::Producer::add).
    pub fn wait(self) -> Result<Added> {
        self.chunk.origin.ensure_here()?;
        self.chunk.wait(None);
        self.get().unwrap_or_else(no_answer)
    }

    /// As [`wait`](Self::wait), for at most `timeout`; `None` if there is no answer by
    /// then.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<Added>> {
        if let Err(e) = self.chunk.origin.ensure_here() {
            return Some(Err(e));
        }
        self.chunk.wait(Instant::now().checked_add(timeout));
        self.get()
    }

    /// The answer to the message; `None` before there is one. Doesn't block.
    pub fn get(&self) -> Option<Result<Added>> {
        let answers = self.chunk.answers.get()?;
        Some(match answers.get(self.index) {
            Some(Ok(added)) => Ok(*added),
            Some(Err(e)) => Err(e.clone()),
            None => no_answer(),
        })
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("number", &self.number)
            .field("answer", &self.get())
            .finish_non_exhaustive()
    }
}

/// The answers to the messages of a chunk, once they are there.
#[derive(Debug, Default)]
pub(super) struct ChunkAnswers {
    answers: OnceLock<Answers>,
    lock: Mutex<()>,
    done: Condvar,
    /// The process of the thread that gives them.
    origin: Origin,
}

impl ChunkAnswers {
    /// Gives the answers; only the first call counts.
    pub(super) fn give(&self, answers: Answers) {
        if self.answers.set(answers).is_ok() {
            // A waiter that has seen no answers holds the lock until it waits.
            drop(self.lock.lock());
            self.done.notify_all();
        }
    }

    /// Waits for the answers, until `end` if there is one.
    fn wait(&self, end: Option<Instant>) {
        let mut guard = self.lock.lock();
        while self.answers.get().is_none() {
            match end {
                None => self.done.wait(&mut guard),
                Some(end) if self.done.wait_until(&mut guard, end).timed_out() => return,
                Some(_) => {}
            }
        }
    }
}
