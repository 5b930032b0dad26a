//! Named threads of the library, each owned by a handle and joined.

use std::cell::Cell;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::panics::panic_text;
use crate::error::{Error, ErrorKind, Result};

thread_local! {
    static LIBRARY_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one of the library's own: there, shutdown must only
/// signal, since a thread can't join itself.
pub(crate) fn on_library_thread() -> bool {
    LIBRARY_THREAD.get()
}

/// A running thread. Dropping the handle detaches it.
#[derive(Debug)]
pub(crate) struct Thread {
    name: String,
    handle: JoinHandle<()>,
    /// Disconnects when the thread ends, however it ends.
    ended: Receiver<()>,
}

impl Thread {
    /// Starts `body` on a thread called `name`.
    pub(crate) fn spawn(
        name: impl Into<String>,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<Self> {
        // The standard library panics at a NUL in a thread's name.
        let name = name.into().replace('\0', " ");
        let (alive, ended) = bounded(0);
        let handle = Builder::new()
            .name(name.clone())
            .spawn(move || {
                let _alive = alive;
                LIBRARY_THREAD.set(true);
                body();
            })
            .map_err(|e| {
                let text = format!("can't start the thread `{name}`: the system is out of threads");
                Error::new(ErrorKind::System, text).because(e)
            })?;
        Ok(Self {
            name,
            handle,
            ended,
        })
    }

    /// Waits for its end until `deadline`. Returns whether it has ended.
    pub(crate) fn ends_by(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        // The channel carries no values: the receive ends by disconnection or timeout.
        self.ended.recv_timeout(left) != Err(RecvTimeoutError::Timeout)
    }

    /// Joins the thread if it ends before `deadline`; otherwise detaches it and
    /// returns false. A panic in it is logged.
    pub(crate) fn join_by(self, deadline: Instant) -> bool {
        if !self.ends_by(deadline) {
            return false;
        }
        if let Err(panic) = self.handle.join() {
            log::error!(
                "thread `{}` panicked: {}; this is a bug in stream-lib",
                self.name,
                panic_text(panic)
            );
        }
        true
    }

    /// Joins those that have ended.
    pub(crate) fn join_ended(threads: &mut Vec<Self>) {
        let now = Instant::now();
        for thread in threads.extract_if(.., |thread| thread.ends_by(now)) {
            thread.join_by(now);
        }
    }
}
