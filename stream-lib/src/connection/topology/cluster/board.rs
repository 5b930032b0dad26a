//! Which node has which slot, as callers and the seeker tell each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use super::table::Table;
use crate::connection::deadline::Deadline;
use crate::connection::node::Node;
use crate::connection::topology::search::{Search, Waited};
use crate::error::{Error, ErrorKind, Result};

/// The longest time between two rounds, once there was one.
const TICK: Duration = Duration::from_secs(2);

/// The same for a map with so many ranges, which costs the server more.
const SLOW_TICK: Duration = Duration::from_secs(20);
const MANY: usize = 1_000;

#[derive(Debug)]
pub(super) struct Board {
    pub(super) table: RwLock<Table>,
    pub(super) search: Arc<Search>,
    /// Whose turn it is where any node will do.
    turn: AtomicUsize,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            table: RwLock::default(),
            search: Arc::new(Search::new(TICK)),
            turn: AtomicUsize::default(),
        }
    }
}

impl Board {
    /// The node of a slot, as far as known. Without a slot, any node.
    pub(super) fn owner(&self, slot: Option<u16>) -> Option<Arc<Node>> {
        let table = self.table.read();
        let node = match slot {
            Some(slot) => table.owner(slot),
            None => table.any(self.turn.fetch_add(1, Ordering::Relaxed)),
        };
        node.cloned()
    }

    /// As [`owner`](Self::owner); where it is unknown, waits for a round.
    ///
    /// # Errors
    ///
    /// That of the round; `Unavailable` where no node has the slot, or the round has
    /// not ended by the deadline; `Closed`.
    pub(super) fn locate(&self, slot: Option<u16>, deadline: &mut Deadline) -> Result<Arc<Node>> {
        if let Some(node) = self.owner(slot) {
            return Ok(node);
        }
        let (kind, text) = match self.search.wait(deadline, || self.owner(slot)) {
            Waited::Found(node) => return Ok(node),
            Waited::Ended(failure) => return Err(failure.unwrap_or_else(|| unserved(slot))),
            Waited::Over => (
                ErrorKind::Closed,
                "the cluster is not asked any more: the connections are shut down".to_owned(),
            ),
            Waited::Late => (
                ErrorKind::Unavailable,
                format!(
                    "no node of the cluster has said where the slots are within {:?}",
                    deadline.total()
                ),
            ),
        };
        Err(Error::new(kind, text))
    }

    /// Ends the round that has begun. `outcome` says how many ranges of slots there are.
    pub(super) fn round_ended(&self, outcome: Result<usize>) {
        let failure = match outcome {
            Ok(ranges) => {
                let tick = if ranges < MANY { TICK } else { SLOW_TICK };
                self.search.set_tick(tick);
                None
            }
            Err(failure) => Some(failure),
        };
        self.search.round_ended(failure);
    }

    /// Ends all waits, now and later.
    pub(super) fn close(&self) {
        self.search.close();
        for node in self.table.read().nodes() {
            node.pool().close();
        }
    }
}

fn unserved(slot: Option<u16>) -> Error {
    let text = match slot {
        Some(slot) => format!(
            "no node of the cluster serves slot {slot} under a name that it tells: the slot is \
             free, or the nodes know no host name of theirs (`cluster-announce-hostname`)"
        ),
        None => "no node of the cluster serves slots under a name that it tells".to_owned(),
    };
    Error::new(ErrorKind::Unavailable, text)
}
