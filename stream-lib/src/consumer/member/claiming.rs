//! The order between claims, and when the next one is due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use crate::runtime::Shutdown;

/// Keeps an entry on its way to this process from looking like one whose
/// delivery was lost, and remembers when something is to be claimed.
#[derive(Debug)]
pub(crate) struct Claiming {
    under_way: Mutex<()>,
    answer_lost: AtomicBool,
    next_due: Mutex<Option<Instant>>,
    /// Wakes the keeper.
    wake: Shutdown,
}

/// Held from a claim until its entries are known here, and while unseen
/// deliveries are looked for.
pub(crate) type Claim<'a> = MutexGuard<'a, ()>;

impl Claiming {
    pub(crate) fn new(wake: &Shutdown) -> Self {
        Self {
            under_way: Mutex::new(()),
            answer_lost: AtomicBool::new(false),
            next_due: Mutex::new(None),
            wake: wake.clone(),
        }
    }

    /// Waits for the claim under way, if there is one.
    pub(crate) fn begin(&self) -> Claim<'_> {
        self.under_way.lock()
    }

    /// Notes that an answer may have been lost: entries that Redis counts as
    /// ours and nobody here knows must be fetched.
    pub(crate) fn lost_answer(&self) {
        self.answer_lost.store(true, Ordering::SeqCst);
    }

    /// Whether an answer was lost since the last call.
    pub(crate) fn take_lost_answer(&self) -> bool {
        self.answer_lost.swap(false, Ordering::SeqCst)
    }

    /// When an entry of `~waiting` is due, as far as known.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        *self.next_due.lock()
    }

    /// Sets the next due time, as Redis has told it.
    pub(crate) fn set_next_due(&self, at: Option<Instant>) {
        *self.next_due.lock() = at;
    }

    /// Notes when an entry of `~waiting` is due, and wakes the keeper if
    /// that is earlier than known.
    pub(crate) fn expect_due(&self, at: Instant) {
        let mut next = self.next_due.lock();
        if next.is_none_or(|known| at < known) {
            *next = Some(at);
            drop(next);
            self.wake.nudge();
        }
    }
}
