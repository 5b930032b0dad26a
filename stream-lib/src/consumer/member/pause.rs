//! The pause of the workers for an entry that runs alone.
//!
//! # Protocol
//!
//! An entry on its last delivery after crashes runs while no other handler does
//! ([`Company::Alone`](super::stage::Company)), so that it takes no neighbour
//! with it if it kills the process. The keeper conducts this:
//!
//! 1. [`begin`](Pause::begin) sets `paused`. From now on a worker that wants to
//!    start something else is refused by [`enter`](Pause::enter) and waits for
//!    the pause to end; one that runs entries of a shared reply looks at
//!    [`is_paused`](Pause::is_paused) after each, and leaves.
//! 2. Once [`running`](Pause::running) is 0, the entry goes onto its own lane.
//!    Any worker takes it from there, also one that waits for the pause to end,
//!    and enters although the workers are paused. Where a handler runs for
//!    longer than a lease, the entry is given back instead.
//! 3. When its handler has ended, or at the stop of the consumer,
//!    [`end`](Pause::end) clears `paused` and drops the channel on
//!    which the workers wait: all of them see it disconnected.
//!
//! A worker counts itself as running before it looks at `paused`; the
//! keeper sets `paused` before it looks at the count. All of it is sequentially
//! consistent, so at least one of the two sees the other: either the worker is
//! refused, or it is waited for. A worker that leaves during a pause wakes the
//! keeper, which looks at the count again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::consumer::member::held::Held;
use crate::runtime::Bell;

/// Counts the handlers that run, and keeps others from starting for a while.
#[derive(Debug)]
pub(crate) struct Pause {
    running: AtomicUsize,
    paused: AtomicBool,
    /// Present during a pause; disconnects when it ends.
    resumed: Mutex<Option<(Sender<()>, Receiver<()>)>>,
    /// Wakes the keeper.
    wake: Bell,
}

impl Pause {
    pub(crate) fn new(wake: &Bell) -> Self {
        Self {
            running: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            resumed: Mutex::new(None),
            wake: wake.clone(),
        }
    }

    /// Counts a worker as running, unless it must wait for an entry that runs
    /// alone.
    pub(crate) fn enter(&self, held: &Held) -> bool {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst) && !held.is_alone() {
            // The keeper may have seen it counted: it looks again.
            self.leave();
            return false;
        }
        true
    }

    /// The opposite of [`enter`](Self::enter).
    pub(crate) fn leave(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst) {
            self.wake.ring();
        }
    }

    /// Whether workers must make way for an entry that runs alone.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// How many handlers run.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Refuses workers from now on, except for the entry that runs alone.
    pub(crate) fn begin(&self) {
        *self.resumed.lock() = Some(bounded(0));
        self.paused.store(true, Ordering::SeqCst);
    }

    /// Ends a pause.
    pub(crate) fn end(&self) {
        self.paused.store(false, Ordering::SeqCst);
        *self.resumed.lock() = None;
    }

    /// Disconnects when the present pause ends; `None` where there is none.
    pub(crate) fn resumed(&self) -> Option<Receiver<()>> {
        let resumed = self.resumed.lock();
        resumed.as_ref().map(|(_, resumed)| resumed.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::member::stage::Company;

    #[test]
    fn during_a_pause_only_the_entry_that_runs_alone_may_enter() {
        let pause = Pause::new(&Bell::default());
        let (any, alone) = (
            Held::for_test(1, Company::Any),
            Held::for_test(1, Company::Alone),
        );
        assert!(pause.enter(&any));
        pause.begin();
        assert!(pause.is_paused());
        assert!(!pause.enter(&any));
        assert_eq!(pause.running(), 1, "it was refused, and is not counted");
        pause.leave();
        assert!(pause.enter(&alone));
        let resumed = pause.resumed().unwrap();
        pause.end();
        assert!(resumed.recv().is_err(), "it is disconnected");
        assert!(pause.resumed().is_none());
        assert!(pause.enter(&any));
        assert_eq!(pause.running(), 2);
    }

    #[test]
    fn a_worker_that_leaves_during_a_pause_calls_the_keeper() {
        let keeper = Bell::default();
        let pause = Pause::new(&keeper);
        let any = Held::for_test(1, Company::Any);
        assert!(pause.enter(&any) && pause.enter(&any));
        pause.leave();
        assert!(!keeper.take(), "nobody waits for it");
        pause.begin();
        pause.leave();
        assert!(keeper.take());
        assert_eq!(pause.running(), 0);
    }
}
