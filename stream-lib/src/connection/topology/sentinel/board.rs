//! Where the master is, as callers and the seeker tell each other.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use parking_lot::RwLock;

use crate::connection::deadline::Deadline;
use crate::connection::node::Node;
use crate::connection::topology::search::{Search, Waited};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Interrupt;

/// The longest time between two rounds, once there was one.
const BACKSTOP: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Board {
    master: RwLock<Option<Arc<Node>>>,
    pub(super) search: Arc<Search>,
    /// Ends all waits of the seeker but those for a round.
    end: Interrupt,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            master: RwLock::default(),
            search: Arc::new(Search::new(BACKSTOP)),
            end: Interrupt::default(),
        }
    }
}

impl Board {
    /// The node of the master, as far as known.
    pub(super) fn master(&self) -> Option<Arc<Node>> {
        self.master.read().clone()
    }

    /// As [`master`](Self::master); where it is unknown, waits for a round.
    ///
    /// # Errors
    ///
    /// That of the round; `Unavailable` where it has not ended by the deadline;
    /// `Closed`.
    pub(super) fn locate(&self, deadline: &mut Deadline) -> Result<Arc<Node>> {
        if let Some(node) = self.master() {
            return Ok(node);
        }
        let (kind, text) = match self.search.wait(deadline, || self.master()) {
            Waited::Found(node) => return Ok(node),
            Waited::Ended(Some(failure)) => return Err(failure),
            Waited::Over => (
                ErrorKind::Closed,
                "the sentinels are not asked any more: the connections are shut down".to_owned(),
            ),
            Waited::Ended(None) | Waited::Late => (
                ErrorKind::Unavailable,
                format!(
                    "the sentinels have not said where the master is within {:?}",
                    deadline.total()
                ),
            ),
        };
        Err(Error::new(kind, text))
    }

    /// Disconnects when it is closed.
    pub(super) fn closed(&self) -> &Receiver<()> {
        self.end.over()
    }

    /// Another server is the master. Returns the one before.
    pub(super) fn put(&self, node: &Arc<Node>) -> Option<Arc<Node>> {
        let before = self.master.write().replace(Arc::clone(node));
        if self.search.is_over() {
            node.close();
        }
        before
    }

    /// Ends all waits, now and later.
    pub(super) fn close(&self) {
        self.search.close();
        self.end.end();
        if let Some(node) = self.master() {
            node.close();
        }
    }
}
