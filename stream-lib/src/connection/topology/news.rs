//! News of another server to go to, and how waiting callers get it.
//!
//! News exists before it is announced: first the server is known, then the count is
//! raised, then all are woken. A thread that checks the count or its node after it has
//! registered as waiting (by the lock of the gate, or as a follower) therefore either
//! sees the news or is woken.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::connection::gate::Gate;
use crate::runtime::{Bell, Nudge, Rope, Shutdown};

/// Announces new servers.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The place where callers wait for a connection.
    pub(super) gate: Gate,
    count: AtomicU64,
    /// Threads that sleep on a signal of their own until they retry.
    followers: Mutex<Vec<Nudge>>,
    /// Bells of threads that look after many things.
    bells: Mutex<Vec<Rope>>,
}

impl News {
    /// How many times there was another server to go to.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Ends waits on this signal when there is news, as long as the signal exists.
    pub(super) fn follow(&self, signal: &Shutdown) {
        let mut followers = self.followers.lock();
        if !followers.iter().any(|other| other.is_of(signal)) {
            followers.retain(Nudge::is_live);
            followers.push(signal.nudged());
        }
    }

    /// Rings a bell when there is news, as long as the bell exists.
    pub(super) fn have_rung(&self, bell: &Bell) {
        let mut bells = self.bells.lock();
        if !bells.iter().any(|other| other.is_of(bell)) {
            bells.retain(Rope::is_live);
            bells.push(bell.rope());
        }
    }

    /// Wakes all waiting threads: there is another server to go to.
    pub(super) fn announce(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.gate.announce();
        let followers = self.followers.lock().clone();
        for follower in followers {
            follower.nudge();
        }
        let bells = self.bells.lock().clone();
        for bell in bells {
            bell.pull();
        }
    }
}
