//! The line in which the readers of a consumer wait for room.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::runtime::Shutdown;

/// Readers that wait, each by a signal of its own. Only the first is woken.
#[derive(Debug, Default)]
pub(super) struct ReaderLine {
    waiting: Mutex<VecDeque<Shutdown>>,
    /// How many there are.
    len: AtomicUsize,
    /// How few buffered entries the first one wants to hear of; 0 while nobody waits.
    wake_below: AtomicUsize,
}

impl ReaderLine {
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    /// Joins it, before the others or behind them. One that stands there already keeps its
    /// place.
    pub(super) fn enter(&self, me: &Shutdown, in_front: bool) {
        let mut waiting = self.waiting.lock();
        if !waiting.iter().any(|other| other.is(me)) {
            if in_front {
                waiting.push_front(me.clone());
            } else {
                waiting.push_back(me.clone());
            }
        }
        self.len.store(waiting.len(), Ordering::SeqCst);
    }

    /// Leaves it, if it stands there, where `buffered` entries are to wake the next one.
    pub(super) fn leave(&self, me: &Shutdown, buffered: usize) {
        if self.len() == 0 {
            return;
        }
        let mut waiting = self.waiting.lock();
        let Some(place) = waiting.iter().position(|other| other.is(me)) else {
            return;
        };
        waiting.remove(place);
        self.len.store(waiting.len(), Ordering::SeqCst);
        let wake_below = if waiting.is_empty() { 0 } else { buffered };
        self.wake_below.store(wake_below, Ordering::SeqCst);
        drop(waiting);
        self.wake_first();
    }

    pub(super) fn is_first(&self, me: &Shutdown) -> bool {
        let waiting = self.waiting.lock();
        waiting.front().is_some_and(|first| first.is(me))
    }

    /// Has the first one woken when so few entries are buffered.
    pub(super) fn expect(&self, buffered: usize) {
        self.wake_below.store(buffered, Ordering::SeqCst);
    }

    /// How few buffered entries wake the first one.
    pub(super) fn wake_below(&self) -> usize {
        self.wake_below.load(Ordering::SeqCst)
    }

    pub(super) fn wake_first(&self) {
        // Not under the lock, which the one that is woken takes.
        let first = self.waiting.lock().front().cloned();
        if let Some(first) = first {
            first.nudge();
        }
    }
}
