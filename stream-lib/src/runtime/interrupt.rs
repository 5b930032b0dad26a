//! The interruption of a blocked attempt by another thread.

use std::fmt;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use parking_lot::Mutex;

/// Ends one attempt that may block, such as a connect. Clones end the same one.
///
/// The thread that makes the attempt sets with [`on_end`](Self::on_end) how to wake it,
/// before it blocks. An end between these two wakes nothing. So a thread that waits for
/// the attempt to end calls [`end`](Self::end) again after a while.
///
/// A thread that hands on the result of an attempt, such as a connection, calls
/// [`complete`](Self::complete) first: an end that comes late must not meet the next user.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Inner>);

struct Inner {
    /// Dropped at the end.
    alive: Mutex<Option<Sender<()>>>,
    over: Receiver<()>,
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Interrupt {
    pub(crate) fn new() -> Self {
        let (alive, over) = bounded(0);
        Self(Arc::new(Inner {
            alive: Mutex::new(Some(alive)),
            over,
            wake: Mutex::default(),
        }))
    }

    /// Ends the attempt: it fails at once.
    pub(crate) fn end(&self) {
        self.0.alive.lock().take();
        if let Some(wake) = &*self.0.wake.lock() {
            wake();
        }
    }

    /// Says that the attempt has come to its own end: from now on `wake` isn't called.
    /// Returns whether it was ended before, and may have been woken.
    pub(crate) fn complete(&self) -> bool {
        // This waits for a call under way.
        self.0.wake.lock().take();
        self.is_over()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.over.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Disconnects when the attempt is ended.
    pub(crate) fn over(&self) -> &Receiver<()> {
        &self.0.over
    }

    /// Has `wake` called when the attempt is ended, instead of the one before.
    pub(crate) fn on_end(&self, wake: impl Fn() + Send + 'static) {
        *self.0.wake.lock() = Some(Box::new(wake));
    }

    /// Whether both end the same attempt.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt").field(&self.is_over()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn end_wakes_the_attempt_each_time_and_is_seen_by_all_clones() {
        let interrupt = Interrupt::new();
        let clone = interrupt.clone();
        let woken = Arc::new(AtomicUsize::new(0));
        let wakes = Arc::clone(&woken);
        clone.on_end(move || {
            wakes.fetch_add(1, Ordering::SeqCst);
        });
        assert!(!interrupt.is_over() && interrupt.is(&clone));
        interrupt.end();
        interrupt.end();
        assert!(clone.is_over());
        assert_eq!(woken.load(Ordering::SeqCst), 2);
        assert!(!interrupt.is(&Interrupt::new()));
    }

    #[test]
    fn completed_attempt_is_not_woken_any_more() {
        let woken = Arc::new(AtomicUsize::new(0));
        for ended_before in [false, true] {
            let (interrupt, wakes) = (Interrupt::new(), Arc::clone(&woken));
            interrupt.on_end(move || {
                wakes.fetch_add(1, Ordering::SeqCst);
            });
            if ended_before {
                interrupt.end();
            }
            assert_eq!(interrupt.complete(), ended_before);
            interrupt.end();
            assert!(interrupt.is_over());
        }
        assert_eq!(woken.load(Ordering::SeqCst), 1);
    }
}
