//! Calls without a deadline.
//!
//! The system's lookup of a host name and users' code may block for as long as they like.
//! Such a call runs on a thread of its own, which is left behind when its callers have
//! waited long enough, since it can't be ended. There is at most one for each
//! [`SideCall`], so that a call that hangs costs one thread, however often it is asked
//! for.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, select};

use super::origin::Origin;
use super::thread::Thread;
use crate::error::Result;

/// A call that runs at most once at a time. Callers that come meanwhile share its
/// outcome; one that comes later gets a call of its own.
#[derive(Debug)]
pub(crate) struct SideCall<T>(Option<Ticket<T>>);

/// A share in the outcome of a call.
#[derive(Debug, Clone)]
pub(crate) struct Ticket<T> {
    outcome: Arc<OnceLock<T>>,
    /// Disconnects when the call has ended, however it ends.
    ended: Receiver<()>,
    /// The process of the call's thread.
    origin: Origin,
}

impl<T: Clone + Send + Sync + 'static> SideCall<T> {
    /// Joins the call that is under way, or begins one on a thread called `name`.
    ///
    /// # Errors
    ///
    /// `System` if the system is out of threads.
    pub(crate) fn join(
        &mut self,
        name: &str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Ticket<T>> {
        if let Some(ticket) = self.under_way() {
            return Ok(ticket.clone());
        }
        let (alive, ended) = bounded::<()>(0);
        let outcome = Arc::new(OnceLock::new());
        let place = Arc::clone(&outcome);
        // Dropping the handle detaches the thread.
        Thread::spawn(name, move || {
            let _alive = alive;
            // It is set only here.
            let _ = place.set(call());
        })?;
        let ticket = Ticket {
            outcome,
            ended,
            origin: Origin::here(),
        };
        Ok(self.0.insert(ticket).clone())
    }

    /// Whether a call has begun and not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way().is_some()
    }

    fn under_way(&self) -> Option<&Ticket<T>> {
        let here = |ticket: &&Ticket<T>| ticket.origin.is_here() && !ticket.has_ended();
        self.0.as_ref().filter(here)
    }
}

impl<T> Default for SideCall<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone> Ticket<T> {
    /// Waits for the outcome. `None` if it has not come after `timeout`, or when
    /// `cancelled` disconnects, or if the call has panicked.
    pub(crate) fn wait(&self, timeout: Duration, cancelled: &Receiver<()>) -> Option<T> {
        select! {
            recv(self.ended) -> _ => {}
            recv(cancelled) -> _ => {}
            default(timeout) => {}
        }
        self.outcome.get().cloned()
    }

    /// The outcome, if it has come.
    pub(crate) fn outcome(&self) -> Option<T> {
        self.outcome.get().cloned()
    }

    /// Whether the outcome is final.
    pub(crate) fn has_ended(&self) -> bool {
        use crossbeam_channel::TryRecvError::Disconnected;

        self.ended.try_recv() == Err(Disconnected)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use crossbeam_channel::{Sender, never};

    use super::*;

    const AMPLE: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(1);

    /// A call that hangs until the sender is dropped.
    fn hanging(calls: &Arc<AtomicUsize>) -> (Sender<()>, impl FnOnce() -> usize + use<>) {
        let (release, released) = bounded::<()>(0);
        let calls = Arc::clone(calls);
        let call = move || {
            let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
            let _ = released.recv();
            number
        };
        (release, call)
    }

    #[test]
    fn callers_share_the_call_that_hangs_and_then_begin_another() {
        let calls = Arc::default();
        let mut side = SideCall::default();
        let (release, call) = hanging(&calls);
        let first = side.join("a side call", call).unwrap();
        assert_eq!(first.wait(SHORT, &never()), None);
        for _ in 0..10 {
            let (_release, call) = hanging(&calls);
            let ticket = side.join("a side call", call).unwrap();
            assert_eq!(ticket.wait(SHORT, &never()), None);
        }
        assert!(side.is_under_way());
        drop(release);
        assert_eq!(first.wait(AMPLE, &never()), Some(1));
        while side.is_under_way() {
            thread::yield_now();
        }
        let (release, call) = hanging(&calls);
        drop(release);
        let ticket = side.join("a side call", call).unwrap();
        assert_eq!(ticket.wait(AMPLE, &never()), Some(2));
    }

    /// The thread of the call doesn't exist here, so it would never end.
    #[test]
    fn call_that_was_under_way_in_the_parent_is_begun_again_in_a_forked_child() {
        let calls = Arc::default();
        let mut side = SideCall::default();
        let (_release, call) = hanging(&calls);
        side.join("a side call", call).unwrap();
        if let Some(ticket) = &mut side.0 {
            ticket.origin = Origin::of_another_process();
        }
        assert!(!side.is_under_way());
        let (release, call) = hanging(&calls);
        drop(release);
        let ticket = side.join("a side call", call).unwrap();
        assert!(ticket.wait(AMPLE, &never()).is_some());
    }

    #[test]
    fn cancelled_wait_ends_at_once() {
        let (_release, call) = hanging(&Arc::default());
        let ticket = SideCall::default().join("a side call", call).unwrap();
        let (alive, cancelled) = bounded::<()>(0);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ticket.wait(Duration::MAX, &cancelled));
            drop(alive);
            assert_eq!(waiting.join().unwrap(), None);
        });
    }
}
