//! Bells by which a thread that serves many tasks learns which of them needs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Calls a thread to one of its tasks. Clones are the same bell.
///
/// A bell that was rung and not yet [heard](Self::take) is not rung again, which costs
/// one atomic operation. The caller changes the state before it rings, and the thread
/// looks at the state after it has heard: no call is lost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_rung: AtomicBool,
    gong: Gong,
}

/// The thread's end of its bells. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gong(Arc<Call>);

#[derive(Debug, Default)]
struct Call {
    is_called: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Bell {
    /// Calls the thread.
    pub(crate) fn ring(&self) {
        if !self.0.is_rung.swap(true, Ordering::SeqCst) {
            self.0.gong.call();
        }
    }

    /// Whether both are clones of one bell.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn rope(&self) -> Rope {
        Rope(Arc::downgrade(&self.0))
    }

    /// Whether it was rung since the last call.
    pub(crate) fn take(&self) -> bool {
        self.0.is_rung.swap(false, Ordering::SeqCst)
    }
}

/// Rings a bell as long as that exists.
#[derive(Debug, Clone)]
pub(crate) struct Rope(Weak<Inner>);

impl Rope {
    pub(crate) fn pull(&self) {
        if let Some(bell) = self.0.upgrade() {
            Bell(bell).ring();
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn is_of(&self, bell: &Bell) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&bell.0))
    }
}

impl Gong {
    /// Another bell that calls this thread.
    pub(crate) fn bell(&self) -> Bell {
        Bell(Arc::new(Inner {
            is_rung: AtomicBool::new(false),
            gong: self.clone(),
        }))
    }

    pub(crate) fn call(&self) {
        if !self.0.is_called.swap(true, Ordering::SeqCst) {
            // Excludes the time between the thread's look and its sleep.
            drop(self.0.lock.lock());
            self.0.changed.notify_all();
        }
    }

    /// Waits for a call, at most until `deadline`. The calls up to now are heard.
    pub(crate) fn wait_until(&self, deadline: Instant) {
        let mut lock = self.0.lock.lock();
        while !self.0.is_called.swap(false, Ordering::SeqCst) {
            if self.0.changed.wait_until(&mut lock, deadline).timed_out() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_bell_says_for_itself_that_it_was_rung() {
        let gong = Gong::default();
        let (first, second) = (gong.bell(), gong.bell());
        let long = Instant::now() + Duration::from_secs(60);
        thread::scope(|scope| {
            let waits = scope.spawn(|| gong.wait_until(long));
            second.ring();
            waits.join().unwrap();
        });
        assert!(Instant::now() < long);
        assert!(!first.take());
        assert!(second.take() && !second.take());
        second.ring();
        gong.wait_until(long);
        assert!(Instant::now() < long, "a call before the wait is heard");
    }
}
