//! The known nodes of slots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::map::Map;
use crate::config::Address;
use crate::connection::node::Node;
use crate::connection::slots::SLOTS;
use crate::error::Result;

/// How long a redirect of a node outweighs the maps of others, which may hear of the move
/// later.
const FRESH: Duration = Duration::from_secs(1);

/// How long a node that is taking slots over is kept without slots.
const TAKING: Duration = Duration::from_secs(30);

/// The slots and their nodes. Nodes are made when they are first named, and removed with
/// their last slot.
#[derive(Debug)]
pub(super) struct Table {
    /// By slot.
    owners: Vec<Option<Arc<Node>>>,
    /// By the text of the address.
    nodes: BTreeMap<String, Arc<Node>>,
    /// Slots that have moved, according to a node.
    patches: BTreeMap<u16, Instant>,
    /// Nodes that are taking slots over; they may have none yet.
    taking: BTreeMap<String, Instant>,
}

/// The changes by a map.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) any: bool,
    /// The nodes that have no slots any more.
    pub(super) gone: Vec<Arc<Node>>,
    /// Nodes that have lost all their slots to one other node, and that node.
    pub(super) replaced: Vec<(Arc<Node>, Arc<Node>)>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            owners: vec![None; usize::from(SLOTS)],
            nodes: BTreeMap::new(),
            patches: BTreeMap::new(),
            taking: BTreeMap::new(),
        }
    }
}

impl Table {
    /// The node of a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        self.owners.get(usize::from(slot))?.as_ref()
    }

    /// Any node; different for each `turn`.
    pub(super) fn any(&self, turn: usize) -> Option<&Arc<Node>> {
        let turn = turn.checked_rem(self.nodes.len())?;
        self.nodes.values().nth(turn)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// The node at an address, if there is one.
    pub(super) fn at(&self, address: &Address) -> Option<&Arc<Node>> {
        self.nodes.get(&address.to_string())
    }

    /// The node at an address, which is made if necessary.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(super) fn node(
        &mut self,
        address: &Address,
        make: impl FnOnce(&Address) -> Result<Arc<Node>>,
    ) -> Result<Arc<Node>> {
        let name = address.to_string();
        if let Some(node) = self.nodes.get(&name) {
            return Ok(Arc::clone(node));
        }
        let node = make(address)?;
        self.nodes.insert(name, Arc::clone(&node));
        Ok(node)
    }

    /// Records that a node is taking a slot over: it stays for a while, even without
    /// slots.
    pub(super) fn takes(&mut self, node: &Node, now: Instant) {
        self.taking.insert(name(node), now);
    }

    /// Records that a slot is on a node now. Returns whether this is new.
    pub(super) fn patch(&mut self, slot: u16, node: &Arc<Node>, now: Instant) -> bool {
        self.patches.retain(|_, at| now < *at + FRESH);
        let Some(owner) = self.owners.get_mut(usize::from(slot)) else {
            return false;
        };
        self.patches.insert(slot, now);
        let is_new = owner.as_ref().is_none_or(|old| !Arc::ptr_eq(old, node));
        *owner = Some(Arc::clone(node));
        is_new
    }

    /// Applies the map of a node.
    ///
    /// # Errors
    ///
    /// Those of `make`; then only nodes may have been added.
    pub(super) fn apply(
        &mut self,
        map: &Map,
        now: Instant,
        mut make: impl FnMut(&Address) -> Result<Arc<Node>>,
    ) -> Result<Changes> {
        let mut owners = vec![None; usize::from(SLOTS)];
        for range in &map.ranges {
            let Some(address) = &range.master else {
                continue;
            };
            let node = self.node(address, &mut make)?;
            let slots = usize::from(range.first)..=usize::from(range.last);
            if let Some(slots) = owners.get_mut(slots) {
                slots.fill(Some(node));
            }
        }
        self.patches.retain(|_, at| now < *at + FRESH);
        for slot in self.patches.keys().map(|slot| usize::from(*slot)) {
            if let (Some(new), Some(old)) = (owners.get_mut(slot), self.owners.get(slot)) {
                new.clone_from(old);
            }
        }
        self.taking.retain(|_, at| now < *at + TAKING);
        let before = std::mem::replace(&mut self.owners, owners);
        Ok(self.compare(&before))
    }

    fn compare(&mut self, before: &[Option<Arc<Node>>]) -> Changes {
        let mut changes = Changes::default();
        // The nodes to which others have lost slots.
        let mut lost: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut last = (None, None);
        for (old, new) in before.iter().zip(&self.owners) {
            let pair = (old.as_ref().map(Arc::as_ptr), new.as_ref().map(Arc::as_ptr));
            if pair.0 == pair.1 || std::mem::replace(&mut last, pair) == pair {
                continue;
            }
            changes.any = true;
            if let (Some(old), Some(new)) = (old, new) {
                lost.entry(name(old)).or_default().insert(name(new));
            }
        }
        let mut serving = BTreeSet::new();
        serving.extend(self.owners.iter().flatten().map(Arc::as_ptr));
        let taking = &self.taking;
        self.nodes.retain(|name, node| {
            let stays = serving.contains(&Arc::as_ptr(node)) || taking.contains_key(name);
            if !stays {
                changes.gone.push(Arc::clone(node));
            }
            stays
        });
        for node in &changes.gone {
            let heirs = lost.get(&name(node)).into_iter().flatten();
            let mut heirs = heirs.filter_map(|heir| self.nodes.get(heir));
            if let (Some(heir), None) = (heirs.next(), heirs.next()) {
                let pair = (Arc::clone(node), Arc::clone(heir));
                changes.replaced.push(pair);
            }
        }
        changes
    }
}

fn name(node: &Node) -> String {
    node.endpoint().address().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::map::Range;
    use super::*;
    use crate::config::ConnectionConfig;
    use crate::connection::topology::maker::NodeMaker;

    const MOMENT: Duration = Duration::from_millis(1);

    struct Rig {
        table: Table,
        maker: NodeMaker,
        now: Instant,
    }

    impl Rig {
        fn new() -> Self {
            let config = ConnectionConfig::new("redis://h").unwrap();
            Self {
                table: Table::default(),
                maker: NodeMaker::new(&config).unwrap(),
                now: Instant::now(),
            }
        }

        /// Applies the map in which each of these has as many slots as the others.
        fn apply(&mut self, hosts: &[&str]) -> Changes {
            let share = SLOTS / u16::try_from(hosts.len()).unwrap();
            let ranges = hosts.iter().zip(0..).map(|(host, index)| Range {
                first: index * share,
                last: (index + 1) * share - 1,
                master: Some(address(host)),
            });
            let map = Map {
                epoch: 1,
                ranges: ranges.collect(),
            };
            let maker = &self.maker;
            self.table.apply(&map, self.now, |a| maker.node(a)).unwrap()
        }

        fn node(&mut self, host: &str) -> Arc<Node> {
            let maker = &self.maker;
            self.table.node(&address(host), |a| maker.node(a)).unwrap()
        }

        fn owner(&self, slot: u16) -> String {
            self.table
                .owner(slot)
                .map(|node| name(node))
                .unwrap_or_default()
        }
    }

    fn address(host: &str) -> Address {
        Address::tcp(host, 1, false)
    }

    #[test]
    fn a_failover_is_told_from_slots_that_move() {
        let mut rig = Rig::new();
        let first = rig.apply(&["a", "b"]);
        assert!(first.any && first.gone.is_empty() && first.replaced.is_empty());
        assert_eq!(
            (rig.owner(0), rig.owner(SLOTS - 1)),
            ("a:1".into(), "b:1".into())
        );
        assert!(!rig.apply(&["a", "b"]).any);
        let a = Arc::clone(rig.table.owner(0).unwrap());

        // A third node takes some of both.
        let moved = rig.apply(&["a", "b", "c", "d"]);
        assert!(moved.any && moved.gone.is_empty() && moved.replaced.is_empty());
        assert!(Arc::ptr_eq(&a, rig.table.owner(0).unwrap()));

        let failed = rig.apply(&["e", "b", "c", "d"]);
        let pairs = failed.replaced.iter();
        let pairs: Vec<_> = pairs.map(|(from, to)| (name(from), name(to))).collect();
        assert_eq!(pairs, [("a:1".to_owned(), "e:1".to_owned())]);
        assert!(Arc::ptr_eq(&failed.gone[0], &a));
        assert!(rig.table.at(&address("a")).is_none());
    }

    #[test]
    fn what_a_node_says_of_a_slot_stands_for_a_moment() {
        let mut rig = Rig::new();
        rig.apply(&["a", "b"]);
        let b = rig.node("b");
        assert!(rig.table.patch(5, &b, rig.now));
        assert!(!rig.table.patch(5, &b, rig.now));
        rig.now += FRESH.saturating_sub(MOMENT);
        assert!(!rig.apply(&["a", "b"]).any);
        assert_eq!((rig.owner(4), rig.owner(5)), ("a:1".into(), "b:1".into()));
        rig.now += MOMENT;
        assert!(rig.apply(&["a", "b"]).any);
        assert_eq!(rig.owner(5), "a:1");
    }

    #[test]
    fn a_node_that_takes_slots_over_stays_without_any() {
        let mut rig = Rig::new();
        rig.apply(&["a"]);
        let new = rig.node("new");
        rig.table.takes(&new, rig.now);
        rig.now += TAKING.saturating_sub(MOMENT);
        assert!(rig.apply(&["a"]).gone.is_empty());
        rig.now += MOMENT;
        assert_eq!(rig.apply(&["a"]).gone.len(), 1);
    }

    #[test]
    fn slots_without_a_name_are_nobodys() {
        let mut rig = Rig::new();
        rig.apply(&["a"]);
        let range = Range {
            first: 0,
            last: 9,
            master: None,
        };
        let map = Map {
            epoch: 1,
            ranges: vec![range],
        };
        let maker = &rig.maker;
        let changes = rig.table.apply(&map, rig.now, |a| maker.node(a)).unwrap();
        assert!(changes.any && changes.gone.len() == 1 && changes.replaced.is_empty());
        assert_eq!(rig.owner(0), "");
        assert!(rig.table.any(7).is_none());
    }
}
