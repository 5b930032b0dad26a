//! The pause of the workers for an entry that runs alone.
//!
//! # Protocol
//!
//! An entry on its last delivery after crashes runs while no other handler does
//! ([`Company::Alone`](super::stage::Company)), so that no other delivery dies with it
//! if it kills the process. The keeper conducts this:
//!
//! 1. [`begin`](Pause::begin) sets `paused`. From now on [`enter`](Pause::enter) refuses
//!    a worker that is about to start something else, and the worker waits for the pause
//!    to end; a worker that runs entries of a shared reply checks
//!    [`is_paused`](Pause::is_paused) after each, and leaves.
//! 2. Once [`running`](Pause::running) is 0, the entry goes onto its own lane. Any worker
//!    takes it from there, also one that waits for the pause to end, and enters although
//!    the workers are paused. If a handler runs for longer than a lease, the entry is
//!    given back instead.
//! 3. When its handler has ended, or at the stop of the consumer, [`end`](Pause::end)
//!    clears `paused` and drops the channel on which the workers wait: all of them see it
//!    disconnected.
//!
//! A worker counts itself as running before it reads `paused`; the keeper sets `paused`
//! before it reads the count. Both are sequentially consistent, so at least one of the
//! two sees the other: either the worker is refused, or the keeper waits for it. A worker
//! that leaves during a pause wakes the keeper, which reads the count again.
//!
//! The members of one consumer share the pause. One of them has it at a time; a keeper
//! that finds it taken leaves its bell ([`is_over`](Pause::is_over)), which is rung at
//! the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::consumer::member::held::Held;
use crate::runtime::Bell;

/// Counts the running handlers, and keeps others from starting for a while.
#[derive(Debug)]
pub(crate) struct Pause {
    running: AtomicUsize,
    paused: AtomicBool,
    /// Present during a pause.
    now: Mutex<Option<Now>>,
}

/// The present pause.
#[derive(Debug)]
struct Now {
    /// Dropped when it ends.
    _lasts: Sender<()>,
    resumed: Receiver<()>,
    /// Wakes the keeper that conducts it.
    wake: Bell,
    /// The bells of keepers that wait for its end.
    others: Vec<Bell>,
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self {
            running: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            now: Mutex::new(None),
        }
    }

    /// Counts a worker as running, unless it must wait for an entry that runs
    /// alone.
    pub(crate) fn enter(&self, held: &Held) -> bool {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst) && !held.is_alone() {
            // The keeper may have seen it counted, and looks again.
            self.leave();
            return false;
        }
        true
    }

    /// Reverses [`enter`](Self::enter).
    pub(crate) fn leave(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst)
            && let Some(now) = &*self.now.lock()
        {
            now.wake.ring();
        }
    }

    /// Whether workers must make way for an entry that runs alone.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// The number of running handlers.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Refuses workers from now on, except for the entry that runs alone. `wake` rings
    /// the keeper that conducts the pause.
    pub(crate) fn begin(&self, wake: &Bell) {
        let (lasts, resumed) = bounded(0);
        let now = Now {
            _lasts: lasts,
            resumed,
            wake: wake.clone(),
            others: Vec::new(),
        };
        *self.now.lock() = Some(now);
        self.paused.store(true, Ordering::SeqCst);
    }

    /// Ends a pause.
    pub(crate) fn end(&self) {
        self.paused.store(false, Ordering::SeqCst);
        let ended = self.now.lock().take();
        for bell in ended.iter().flat_map(|now| &now.others) {
            bell.ring();
        }
    }

    /// Whether there is no pause. Otherwise `bell` is rung at its end.
    pub(crate) fn is_over(&self, bell: &Bell) -> bool {
        match &mut *self.now.lock() {
            None => true,
            Some(now) => {
                if !now.others.iter().any(|other| other.is(bell)) {
                    now.others.push(bell.clone());
                }
                false
            }
        }
    }

    /// Disconnects when the present pause ends; `None` without a pause.
    pub(crate) fn resumed(&self) -> Option<Receiver<()>> {
        let now = self.now.lock();
        now.as_ref().map(|now| now.resumed.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::member::stage::Company;

    #[test]
    fn during_a_pause_only_the_entry_that_runs_alone_may_enter() {
        let pause = Pause::new();
        let (any, alone) = (
            Held::for_test(1, Company::Any),
            Held::for_test(1, Company::Alone),
        );
        assert!(pause.enter(&any));
        pause.begin(&Bell::default());
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
        let pause = Pause::new();
        let any = Held::for_test(1, Company::Any);
        assert!(pause.enter(&any) && pause.enter(&any));
        pause.leave();
        assert!(!keeper.take(), "nobody waits for it");
        pause.begin(&keeper);
        pause.leave();
        assert!(keeper.take());
        assert_eq!(pause.running(), 0);
    }

    #[test]
    fn the_end_of_a_pause_calls_the_keepers_that_wait_for_it() {
        let (conductor, other) = (Bell::default(), Bell::default());
        let pause = Pause::new();
        assert!(pause.is_over(&other), "there is none");
        pause.begin(&conductor);
        assert!(!pause.is_over(&other) && !pause.is_over(&other));
        assert!(!other.take());
        pause.end();
        assert!(other.take() && pause.is_over(&other));
        assert!(!conductor.take());
    }
}
