//! The line in which the readers of a consumer wait for room.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::runtime::Shutdown;

/// Waiting readers, each with a signal of its own. Only the first is woken.
#[derive(Debug, Default)]
pub(super) struct ReaderLine {
    waiting: Mutex<VecDeque<Shutdown>>,
    /// The length of the line.
    len: AtomicUsize,
    /// The number of buffered entries below which the first one is woken; 0 if none
    /// waits.
    wake_below: AtomicUsize,
}

impl ReaderLine {
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    /// Joins the line, in front or at the end. A reader that stands in it already keeps
    /// its place.
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

    /// Leaves the line, if `me` stands in it. The next one is woken below `buffered`
    /// entries.
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

    /// Makes the first one wake below this number of buffered entries.
    pub(super) fn expect(&self, buffered: usize) {
        self.wake_below.store(buffered, Ordering::SeqCst);
    }

    /// The number of buffered entries below which the first one is woken.
    pub(super) fn wake_below(&self) -> usize {
        self.wake_below.load(Ordering::SeqCst)
    }

    pub(super) fn wake_first(&self) {
        // Without the lock, which the woken reader takes.
        let first = self.waiting.lock().front().cloned();
        if let Some(first) = first {
            first.nudge();
        }
    }
}
