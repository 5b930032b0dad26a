//! The thread that sends the messages of an outbox.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::queue::{Chunk, SendQueue};
use crate::config::SendConfig;
use crate::error::{Error, Result, with_causes};
use crate::producer::added::{Answers, all_fail, closed, fate_of};
use crate::producer::transport::Dispatch;
use crate::runtime::Trouble;

/// How long a chunk that has waited long enough still waits for a server: time to connect
/// to one that is there.
const LEAST_HOLD: Duration = Duration::from_millis(250);

/// The state that the thread and the callers share.
///
/// `queue` is behind one lock. A caller that has queued a message, or closes, signals
/// `work`, for which the thread waits. The thread signals `progress` after each chunk is
/// answered, and at its end; callers that wait for room, or for answers, wait for it.
/// Each waiter checks the queue under its lock before it waits, so no wake-up is lost.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dispatch: Arc<Dispatch>,
    pub(super) config: SendConfig,
    /// How long a message waits for a connection, from the time when it was queued.
    pub(super) wait: Duration,
    pub(super) queue: Mutex<SendQueue>,
    /// There is something to send, or the end has come.
    pub(super) work: Condvar,
    /// Something was answered, or the end has come.
    pub(super) progress: Condvar,
}

impl Shared {
    /// Fails once the time after closing is up.
    fn ensure_open(&self) -> Result<()> {
        match self.queue.lock().closes {
            Some(end) if Instant::now() >= end => Err(closed()),
            _ => Ok(()),
        }
    }

    /// The chunk that goes out next. None while Redis is away and the first chunk is
    /// late: it fails instead.
    fn next(&self) -> Option<Chunk> {
        let mut queue = self.queue.lock();
        if queue.is_late(self.wait) {
            return None;
        }
        queue.take(self.config.linger)
    }

    fn next_late(&self) -> Option<(Chunk, Error)> {
        let mut queue = self.queue.lock();
        if !queue.is_late(self.wait) {
            return None;
        }
        let error = queue.away.as_ref()?.clone();
        Some((queue.take(Duration::ZERO)?, error))
    }

    /// How long a chunk may take from now on. Its wait for an absent Redis counts; its
    /// wait behind others, for a slow server, does not.
    fn patience(&self, chunk: &Chunk) -> Duration {
        if self.queue.lock().away.is_some() {
            self.wait.saturating_sub(chunk.since.elapsed())
        } else {
            self.wait
        }
    }

    /// How long one of several servers may hold up a chunk. While some are away, the
    /// chunk's wait behind others counts: else each chunk would wait for the full time
    /// again.
    fn hold(&self, chunk: &Chunk) -> Duration {
        if self.queue.lock().some_away {
            let left = self.wait.saturating_sub(chunk.since.elapsed());
            left.max(LEAST_HOLD).min(self.wait)
        } else {
            self.wait
        }
    }
}

/// The state of the thread alone.
pub(super) struct Sender {
    shared: Arc<Shared>,
    trouble: Trouble,
    /// The number of messages that have failed since the trouble began.
    failed: u64,
}

impl Sender {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            trouble: Trouble::default(),
            failed: 0,
        }
    }

    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while self.wait_for_work() {
            self.fail_late();
            shared.dispatch.send_while(
                &|| shared.ensure_open(),
                &|chunk| shared.patience(chunk),
                &|chunk| shared.hold(chunk),
                iter::from_fn(|| shared.next()),
                |chunk, answers| self.done(&chunk, answers),
            );
        }
        shared.dispatch.outlet().close();
    }

    /// Waits until something is due; false at the end.
    fn wait_for_work(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut queue = shared.queue.lock();
        loop {
            match queue.due(self.shared.config.linger) {
                Some(Duration::ZERO) => return true,
                Some(time) => {
                    shared.work.wait_for(&mut queue, time);
                }
                None if queue.closes.is_some() => return false,
                None => match self.trouble.ends_from() {
                    None => shared.work.wait(&mut queue),
                    // Nothing more may come that would show the end of the trouble.
                    Some(at) if Instant::now() >= at => {
                        MutexGuard::unlocked(&mut queue, || self.log_end());
                    }
                    Some(at) => {
                        shared.work.wait_until(&mut queue, at);
                    }
                },
            }
        }
    }

    /// Fails the chunks that have waited for Redis as long as a message may: chunks
    /// before them have, too, and each would wait that long again.
    fn fail_late(&mut self) {
        while let Some((chunk, error)) = self.shared.next_late() {
            let answers = all_fail(&chunk.batch, &error);
            self.done(&chunk, answers);
        }
    }

    fn done(&mut self, chunk: &Chunk, answers: Answers) {
        let dispatch = &self.shared.dispatch;
        let answers: Answers = answers
            .into_iter()
            .map(|answer| answer.map_err(|e| dispatch.describe(e)))
            .collect();
        self.log(&answers);
        let record = &self.shared.dispatch.outlet().record;
        record.answered(answers.iter().map(fate_of), chunk.since.elapsed());
        self.shared.queue.lock().answer(chunk, &answers);
        chunk.answers.give(answers);
        self.shared.progress.notify_all();
    }

    /// Logs the first failure of a row, each with another cause, and the end: receipts
    /// may have been dropped.
    fn log(&mut self, answers: &Answers) {
        let stream = self.shared.dispatch.stream();
        let failures = || answers.iter().filter_map(|answer| answer.as_ref().err());
        if let Some(error) = failures().next() {
            self.failed += failures().count() as u64;
            if self.trouble.begins(error) {
                log::error!(
                    "sending queued messages to `{stream}` fails: {}",
                    with_causes(error)
                );
            }
        } else {
            self.log_end();
        }
    }

    fn log_end(&mut self) {
        if self.trouble.ends() {
            let stream = self.shared.dispatch.stream();
            let failed = std::mem::take(&mut self.failed);
            log::warn!("messages are added to `{stream}` again; {failed} have failed");
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // After a panic, messages may be left that no thread sends.
        self.shared.queue.lock().abandon();
        self.shared.progress.notify_all();
    }
}
