//! That there is another server to go to, and how those who wait hear of it.
//!
//! News is there before it is announced: the server is known, then the count is
//! raised, then all are woken. A thread that looks at the count, or at its node,
//! after it has said that it waits (by the lock of the gate, or as a follower) so
//! either sees the news or is woken.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::connection::gate::Gate;
use crate::runtime::{Nudge, Shutdown};

/// Tells of new servers.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Where callers wait for a connection.
    pub(super) gate: Gate,
    count: AtomicU64,
    /// Threads that sleep by a signal of their own until they try again.
    followers: Mutex<Vec<Nudge>>,
}

impl News {
    /// How often there was another server to go to.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Ends the waits by this signal when there is news, for as long as it exists.
    pub(super) fn follow(&self, signal: &Shutdown) {
        let mut followers = self.followers.lock();
        if !followers.iter().any(|other| other.is_of(signal)) {
            followers.retain(Nudge::is_live);
            followers.push(signal.nudged());
        }
    }

    /// Wakes all who wait: there is another server to go to.
    pub(super) fn announce(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.gate.announce();
        let followers = self.followers.lock().clone();
        for follower in followers {
            follower.nudge();
        }
    }
}
