//! A wish to stop that ends waits.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Set once, seen by all.
#[derive(Debug, Default)]
pub(super) struct Stop {
    set: Mutex<bool>,
    change: Condvar,
}

impl Stop {
    pub(super) fn set(&self) {
        *self.set.lock() = true;
        self.change.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *self.set.lock()
    }

    /// Waits so long; returns early, and true, once it is set.
    pub(super) fn comes_within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut set = self.set.lock();
        while !*set {
            if self.change.wait_until(&mut set, end).timed_out() {
                break;
            }
        }
        *set
    }
}
