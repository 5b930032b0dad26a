//! The signal that ends waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// A flag that is set once, and wakes every thread that waits on it. Clones share the
/// flag.
///
/// [`nudge`](Self::nudge) cuts the same wait short: it tells a thread that sleeps until
/// its next deadline that an earlier one has come up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    set: AtomicBool,
    nudges: Mutex<u64>,
    changed: Condvar,
}

impl Shutdown {
    pub(crate) fn set(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        self.nudge();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.set.load(Ordering::SeqCst)
    }

    /// Ends the waits under way, without setting the flag.
    pub(crate) fn nudge(&self) {
        *self.0.nudges.lock() += 1;
        self.0.changed.notify_all();
    }

    /// Whether both share one flag.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A handle that nudges it from elsewhere, and doesn't keep it alive.
    pub(crate) fn nudged(&self) -> Nudge {
        Nudge(Arc::downgrade(&self.0))
    }

    /// Sleeps for `time`, or until the flag is set. Returns whether it is set.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut nudges = self.0.nudges.lock();
        while !self.is_set() {
            if self.0.changed.wait_until(&mut nudges, deadline).timed_out() {
                break;
            }
        }
        self.is_set()
    }

    /// Waits until `ready` holds, the flag is set, or `deadline` has passed. `ready` is
    /// called again at every nudge.
    pub(crate) fn wait_until(&self, deadline: Instant, mut ready: impl FnMut() -> bool) -> bool {
        let mut nudges = self.0.nudges.lock();
        loop {
            if self.is_set() || ready() {
                return true;
            }
            if self.0.changed.wait_until(&mut nudges, deadline).timed_out() {
                return self.is_set() || ready();
            }
        }
    }
}

/// Ends the waits of a signal as long as that exists.
#[derive(Debug, Clone)]
pub(crate) struct Nudge(Weak<Inner>);

impl Nudge {
    pub(crate) fn nudge(&self) {
        if let Some(signal) = self.0.upgrade() {
            Shutdown(signal).nudge();
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn is_of(&self, signal: &Shutdown) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&signal.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn setting_the_flag_ends_a_sleep() {
        let shutdown = Shutdown::default();
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| shutdown.sleep(LONG));
            shutdown.set();
            assert!(sleeper.join().unwrap());
        });
    }

    #[test]
    fn a_nudge_asks_again_and_leaves_sleepers_asleep() {
        let shutdown = Shutdown::default();
        let ready = AtomicBool::new(false);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                shutdown.wait_until(Instant::now() + LONG, || ready.load(Ordering::SeqCst))
            });
            ready.store(true, Ordering::SeqCst);
            shutdown.nudge();
            assert!(waiter.join().unwrap());
        });
        assert!(!shutdown.sleep(Duration::from_millis(1)));
    }
}
