//! The outbox: messages that are sent without waiting for each, in order, by a
//! thread of the producer.

mod queue;
mod receipt;
mod report;

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use self::queue::{Chunk, Queue};
pub use self::receipt::Receipt;
pub use self::report::{FlushReport, SendFailure};
use crate::command::Batch;
use crate::config::{SendConfig, StreamConfig, WhenFull};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::answers::{Answers, all_fail, closed};
use crate::producer::transport::dispatch::Dispatch;
use crate::runtime::{Thread, Trouble, on_library_thread};

/// How much longer than its messages may wait the thread has to end.
const LAST: Duration = Duration::from_secs(10);

/// Messages on their way, and the thread that sends them.
#[derive(Debug)]
pub(super) struct Outbox {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug)]
struct Shared {
    dispatch: Arc<Dispatch>,
    config: SendConfig,
    /// How long a message waits for a connection, from when it was queued.
    wait: Duration,
    queue: Mutex<Queue>,
    /// There is something to send, or the end has come.
    work: Condvar,
    /// Something was answered, or the end has come.
    progress: Condvar,
}

impl Outbox {
    pub(super) fn start(dispatch: Arc<Dispatch>, config: &StreamConfig) -> Result<Self> {
        let name = format!("{} send", dispatch.stream());
        let shared = Arc::new(Shared {
            dispatch,
            config: config.send,
            wait: config.send_timeout,
            queue: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let sender = Sender {
            shared: Arc::clone(&shared),
            trouble: Trouble::default(),
            failed: 0,
        };
        let thread = Thread::spawn(name, move || sender.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues the one message of a batch.
    pub(super) fn send(&self, message: &Batch) -> Result<Receipt> {
        let shared = &*self.shared;
        let mut queue = shared.queue.lock();
        let mut end = None;
        while queue.closes.is_none() && !queue.has_room(message.bytes(), shared.config.buffer) {
            let patience = match shared.config.when_full {
                WhenFull::Block => None,
                WhenFull::Fail => Some(Duration::ZERO),
                WhenFull::Wait(time) => Some(time),
            };
            let Some(patience) = patience else {
                shared.progress.wait(&mut queue);
                continue;
            };
            let end = *end.get_or_insert_with(|| Instant::now() + patience);
            if Instant::now() >= end {
                return Err(full(&queue, shared.config.buffer));
            }
            shared.progress.wait_until(&mut queue, end);
        }
        if queue.closes.is_some() {
            return Err(closed());
        }
        let receipt = queue.push(message);
        drop(queue);
        shared.work.notify_one();
        Ok(receipt)
    }

    /// Waits until all that was queued so far is answered, at most `timeout`.
    pub(super) fn flush(&self, timeout: Duration) -> FlushReport {
        let end = Instant::now().checked_add(timeout);
        let mut queue = self.shared.queue.lock();
        let sent = queue.sent();
        while queue.unanswered(sent) > 0 {
            match end {
                None => self.shared.progress.wait(&mut queue),
                Some(end) => {
                    if self.shared.progress.wait_until(&mut queue, end).timed_out() {
                        break;
                    }
                }
            }
        }
        let mut report = std::mem::take(&mut queue.report);
        report.unanswered = queue.unanswered(sent);
        report
    }

    /// Waits until all that was queued so far is answered.
    pub(super) fn wait_until_empty(&self) {
        let mut queue = self.shared.queue.lock();
        let sent = queue.sent();
        while queue.unanswered(sent) > 0 {
            self.shared.progress.wait(&mut queue);
        }
    }

    /// Takes no more messages. What it holds goes out, for as long as a message
    /// may wait for a connection.
    pub(super) fn close(&self) {
        let mut queue = self.shared.queue.lock();
        let end = Instant::now() + self.shared.wait;
        queue.closes.get_or_insert(end);
        drop(queue);
        self.shared.work.notify_one();
        self.shared.progress.notify_all();
    }

    /// Waits for the end of the thread, once closed. From one of the library's
    /// own threads it doesn't wait.
    pub(super) fn join(&self) {
        let mut place = self.thread.lock();
        if on_library_thread() {
            return;
        }
        if let Some(thread) = place.take() {
            // For the connection at the end of the grace, and for its answers.
            thread.join_by(Instant::now() + 2 * self.shared.wait + LAST);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Says no once the time after closing is up.
    fn open(&self) -> Result<()> {
        match self.queue.lock().closes {
            Some(end) if Instant::now() >= end => Err(closed()),
            _ => Ok(()),
        }
    }

    /// What goes out next; none while Redis is away for what is late already.
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

    /// How long a chunk may still wait for a connection.
    fn patience(&self, chunk: &Chunk) -> Duration {
        self.wait.saturating_sub(chunk.since.elapsed())
    }
}

/// What the thread owns.
struct Sender {
    shared: Arc<Shared>,
    trouble: Trouble,
    /// How many messages have failed since the trouble began.
    failed: u64,
}

impl Sender {
    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while self.wait_for_work() {
            self.fail_late();
            shared.dispatch.send_while(
                &|| shared.open(),
                &|chunk| shared.patience(chunk),
                iter::from_fn(|| shared.next()),
                |chunk, answers| self.done(&chunk, answers),
            );
        }
        shared.dispatch.outlet().close();
    }

    /// Waits until something is due; false at the end.
    fn wait_for_work(&self) -> bool {
        let mut queue = self.shared.queue.lock();
        loop {
            match queue.due(self.shared.config.linger) {
                Some(Duration::ZERO) => return true,
                Some(time) => {
                    self.shared.work.wait_for(&mut queue, time);
                }
                None if queue.closes.is_some() => return false,
                None => self.shared.work.wait(&mut queue),
            }
        }
    }

    /// Fails what was queued while others waited in vain for Redis, once it
    /// has been there as long as they: each by itself would wait anew.
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
        self.shared.queue.lock().answer(chunk, &answers);
        chunk.verdict.give(answers);
        self.shared.progress.notify_all();
    }

    /// Logs the first failure of a row, and its end: receipts may have been
    /// dropped.
    fn log(&mut self, answers: &Answers) {
        let stream = self.shared.dispatch.stream();
        let failures = || answers.iter().filter_map(|answer| answer.as_ref().err());
        if let Some(error) = failures().next() {
            self.failed += failures().count() as u64;
            if self.trouble.begins() {
                log::error!("messages that were sent to `{stream}` fail: {error}");
            }
        } else if self.trouble.ends() {
            let failed = std::mem::take(&mut self.failed);
            log::warn!("messages are added to `{stream}` again; {failed} have failed");
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Nobody waits for what is left; after a panic there is some.
        self.shared.queue.lock().abandon();
        self.shared.progress.notify_all();
    }
}

fn full(queue: &Queue, limit: usize) -> Error {
    let text = format!(
        "the send buffer holds {} of {limit} bytes; it empties as Redis answers: wait longer \
         (`when_full`), or raise `send_buffer`",
        queue.bytes()
    );
    Error::new(ErrorKind::Full, text)
}
