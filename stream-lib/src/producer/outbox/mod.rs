//! The outbox: a thread of the producer sends messages, in order, while their callers go
//! on.
//!
//! Callers *queue* messages, in chunks, and hold *receipts*; the *sender* is the
//! thread. A flush collects the *report*.

mod queue;
mod receipt;
mod report;
mod sender;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use self::queue::SendQueue;
pub use self::receipt::Receipt;
pub use self::report::{FlushReport, SendFailure};
use self::sender::{Sender, Shared};
use crate::command::Outgoing;
use crate::config::{StreamConfig, WhenFull};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::closed;
use crate::producer::transport::Dispatch;
use crate::runtime::{Thread, on_library_thread};

/// The time that the thread has to end, beyond the wait of its messages.
const LAST: Duration = Duration::from_secs(10);

/// Messages on their way, and the thread that sends them.
#[derive(Debug)]
pub(super) struct Outbox {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
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
        let sender = Sender::new(&shared);
        let thread = Thread::spawn(name, move || sender.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues the one message of a batch.
    pub(super) fn send(&self, message: &Outgoing) -> Result<Receipt> {
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

    /// Waits until all messages queued so far are answered, at most `timeout`.
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

    /// Waits until all messages queued so far are answered.
    pub(super) fn wait_until_empty(&self) {
        let mut queue = self.shared.queue.lock();
        let sent = queue.sent();
        while queue.unanswered(sent) > 0 {
            self.shared.progress.wait(&mut queue);
        }
    }

    /// The number of messages that are not answered yet.
    pub(super) fn waiting(&self) -> u64 {
        let queue = self.shared.queue.lock();
        queue.unanswered(queue.sent())
    }

    /// Takes no more messages. Those it holds go out, for as long as a message may wait
    /// for a connection.
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
            // Time for the connection at the end of the grace, and for its answers.
            thread.join_by(Instant::now() + 2 * self.shared.wait + LAST);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.close();
    }
}

fn full(queue: &SendQueue, limit: usize) -> Error {
    let text = format!(
        "the send buffer holds {} of {limit} bytes; it empties as Redis answers: wait longer \
         (`when_full`), or raise `send_buffer`",
        queue.bytes()
    );
    Error::new(ErrorKind::Full, text)
}
