//! A slot that moves from one node to another, step by step.

use redis::Value;

use super::{Cluster, SWITCH_DEADLINE, view};
use crate::server::Server;
use crate::wait::wait_until;

/// Most keys that are moved by one command.
const AT_ONCE: usize = 100;

/// A slot between two nodes: the old one serves the keys that it still has, the new one
/// all others.
///
/// The steps are those of redis-cli, at the caller's time; a slot may stay between two
/// nodes for as long as the test needs.
#[derive(Debug)]
#[must_use]
pub struct Resharding<'a> {
    cluster: &'a Cluster,
    slot: u16,
    from: &'a Server,
    to: &'a Server,
}

impl Cluster {
    /// Begins to move a slot: the new node is IMPORTING, the old one MIGRATING.
    ///
    /// First it waits until the new node knows the epochs of all masters. The epoch that
    /// it takes at the end is then above them: if it were that of the old node, the
    /// cluster would settle that later, and the slot could get lost.
    ///
    /// # Panics
    ///
    /// When a node refuses, no node has the slot, or the nodes don't agree in time.
    #[track_caller]
    pub fn reshard<'a>(&'a self, slot: u16, to: &'a Server) -> Resharding<'a> {
        let Some(from) = self.owner_of(slot) else {
            panic!("no node has slot {slot}:\n{}", self.state());
        };
        wait_until(SWITCH_DEADLINE, "the epochs to be known", || {
            self.knows_epochs(to)
        });
        let moving = Resharding {
            cluster: self,
            slot,
            from,
            to,
        };
        moving.set_slot(to, &["IMPORTING", self.id_of(from)]);
        moving.set_slot(from, &["MIGRATING", self.id_of(to)]);
        moving
    }
}

impl Cluster {
    /// Whether a node knows the present epoch of each master that answers.
    fn knows_epochs(&self, node: &Server) -> bool {
        let Some(known) = view::epochs(node) else {
            return true;
        };
        self.masters().into_iter().all(|master| {
            let epoch = view::myself(master).map(|me| me.epoch);
            epoch.is_none_or(|epoch| known.get(self.id_of(master)) == Some(&epoch))
        })
    }
}

impl<'a> Resharding<'a> {
    /// The node that the slot leaves.
    pub fn from(&self) -> &'a Server {
        self.from
    }

    /// The node that the slot goes to.
    pub fn to(&self) -> &'a Server {
        self.to
    }

    /// The keys that are still on the old node, at most 100 of them.
    ///
    /// # Panics
    ///
    /// When the node doesn't answer.
    #[track_caller]
    pub fn keys_left(&self) -> Vec<String> {
        let (slot, count) = (self.slot.to_string(), AT_ONCE.to_string());
        self.from
            .command(&["CLUSTER", "GETKEYSINSLOT", &slot, &count])
    }

    /// Moves some keys. Missing ones are skipped.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    #[track_caller]
    pub fn move_keys(&self, keys: &[&str]) {
        let port = self.to.service_port().to_string();
        let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "30000"];
        if let Some(password) = &self.cluster.password {
            words.extend(["AUTH", password]);
        }
        words.push("KEYS");
        words.extend(keys);
        self.from.command::<Value>(&words);
    }

    /// Moves all keys that are still on the old node.
    ///
    /// # Panics
    ///
    /// As [`move_keys`](Self::move_keys).
    #[track_caller]
    pub fn move_rest(&self) {
        loop {
            let keys = self.keys_left();
            if keys.is_empty() {
                return;
            }
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            self.move_keys(&keys);
        }
    }

    /// Moves the rest, and tells all masters that the slot is the new node's.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    #[track_caller]
    pub fn finish(self) {
        self.move_rest();
        let id = self.cluster.id_of(self.to);
        // The new one first: it takes a newer epoch.
        self.set_slot(self.to, &["NODE", id]);
        self.set_slot(self.from, &["NODE", id]);
        for other in self.cluster.masters() {
            self.set_slot(other, &["NODE", id]);
        }
    }

    /// Leaves the slot where it was. Keys that were moved stay where they are.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    #[track_caller]
    pub fn abandon(self) {
        self.set_slot(self.from, &["STABLE"]);
        self.set_slot(self.to, &["STABLE"]);
    }

    #[track_caller]
    fn set_slot(&self, node: &Server, words: &[&str]) {
        let slot = self.slot.to_string();
        let words = [&["CLUSTER", "SETSLOT", &slot], words].concat();
        node.command::<Value>(&words);
    }
}
