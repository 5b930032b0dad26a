//! The place where callers wait between attempts to reach a server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Ends the waits of callers when a server can be reached again, or when no more
/// connections are made.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    change: Condvar,
    /// A caller has waited since a server could last be reached.
    has_waiters: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    /// How many times it was opened.
    opened: u64,
    /// How many times there was another server to go to.
    news: u64,
}

/// The gate is closed for good.
#[derive(Debug)]
pub(super) struct IsClosed;

impl Gate {
    /// Wakes waiting callers, since a server can be reached. Costs one load if none wait.
    pub(super) fn open(&self) {
        if self.has_waiters.load(Ordering::SeqCst) {
            let mut state = self.state.lock();
            self.has_waiters.store(false, Ordering::SeqCst);
            state.opened += 1;
            self.change.notify_all();
        }
    }

    /// Wakes all waiting callers, since there is another server to go to.
    pub(super) fn announce(&self) {
        let mut state = self.state.lock();
        state.opened += 1;
        state.news += 1;
        self.change.notify_all();
    }

    /// Ends all waits, now and later.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.change.notify_all();
    }

    /// Waits for the pause to pass, or for another caller to get through. `moved` says
    /// whether there was news before, which isn't announced again.
    pub(super) fn wait(
        &self,
        pause: Duration,
        moved: impl FnOnce() -> bool,
    ) -> Result<(), IsClosed> {
        let end = Instant::now() + pause;
        let mut state = self.state.lock();
        self.has_waiters.store(true, Ordering::SeqCst);
        let before = state.opened;
        // News exists before it is announced, and announcing needs the lock.
        let moved = moved();
        while !state.closed && !moved && state.opened == before {
            if self.change.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
        if state.closed { Err(IsClosed) } else { Ok(()) }
    }

    /// Waits for the pause to pass, or for news. Closing the gate ends the wait.
    pub(super) fn sleep(&self, pause: Duration) -> Result<(), IsClosed> {
        let end = Instant::now() + pause;
        let mut state = self.state.lock();
        let before = state.news;
        while !state.closed && state.news == before {
            if self.change.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
        if state.closed { Err(IsClosed) } else { Ok(()) }
    }
}
