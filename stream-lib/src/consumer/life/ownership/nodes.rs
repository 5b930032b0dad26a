//! Requests about many partitions, one to each server that has some of them.

use std::sync::Arc;

use crate::command::Group;
use crate::connection::{LinkHandle, Loans, Node, Topology, Wire};
use crate::consumer::life::estate::Estate;
use crate::consumer::member::health::{Health, Role};
use crate::consumer::member::link::{MemberLink, Way};
use crate::error::Result;

/// The connections to the servers of the partitions.
pub(super) struct NodeLinks {
    links: Vec<(Arc<Node>, MemberLink)>,
}

/// One request about the locks of some partitions.
type Request<'a, T> = dyn FnMut(&mut Wire, &[&str]) -> Result<Vec<Result<T>>> + 'a;

impl NodeLinks {
    pub(super) fn new() -> Self {
        Self { links: Vec::new() }
    }

    /// Sends a request about the locks of these partitions to each server. Returns the
    /// received answers; a server that can't be reached is left out, and tried again
    /// after a while.
    pub(super) fn run<T>(
        &mut self,
        estate: &Estate,
        handle: &LinkHandle,
        partitions: &[(u16, &Group)],
        request: &mut Request<'_, T>,
    ) -> Vec<(u16, T)> {
        let topology = &estate.identity.topology;
        let mut answers = Vec::new();
        let mut is_astray = false;
        for (node, group) in by_node(topology, partitions) {
            let Some((_, first)) = group.first() else {
                continue;
            };
            let mut link = self.take_link(estate, handle, &node, first);
            let keys: Vec<_> = group.iter().map(|(_, part)| part.lock_owner()).collect();
            let rests = link.rests_until().is_some();
            let answered = (!rests).then(|| link.run(|wire| request(wire, &keys)));
            self.links.push((node, link));
            let Some(Ok(answered)) = answered else {
                continue;
            };
            for ((partition, _), answer) in group.iter().zip(answered) {
                match answer {
                    Ok(answer) => answers.push((*partition, answer)),
                    // Its slot has moved.
                    Err(_) => is_astray = true,
                }
            }
        }
        if is_astray {
            topology.refresh();
        }
        answers
    }

    /// Takes the connection to a server out of the others, or makes one.
    fn take_link(
        &mut self,
        estate: &Estate,
        handle: &LinkHandle,
        node: &Arc<Node>,
        first: &Group,
    ) -> MemberLink {
        let mut links = self.links.iter();
        if let Some(place) = links.position(|(known, _)| Arc::ptr_eq(known, node)) {
            self.links.swap_remove(place).1
        } else {
            self.links.retain(|(known, _)| !known.is_retired());
            let (link, health) = link(estate, handle, first.stream(), Role::Claims);
            // The member of each partition checks the permissions: one that is missing
            // here was withdrawn, or the member reports it.
            health.passed_checks();
            link
        }
    }
}

/// A connection of the task to the server of `key`, and its health.
pub(super) fn link(
    estate: &Estate,
    handle: &LinkHandle,
    key: &str,
    role: Role,
) -> (MemberLink, Arc<Health>) {
    let Estate {
        identity, common, ..
    } = estate;
    let number = common.number();
    let health = Health::new(identity, common, number, &common.stop, &common.alarm);
    let health = Arc::new(health);
    let loans = Loans::new(Arc::clone(&identity.topology), key, handle.clone());
    let way = Way::Shared(loans);
    let link = MemberLink::new(way, role, &health, &common.stop, common.alarm.clone());
    let link = link.pausing_for(identity.config.lease / 6);
    (link, health)
}

/// A server and its partitions.
type OfNode<'a> = (Arc<Node>, Vec<(u16, &'a Group)>);

/// Sorts the partitions by their servers. Partitions without a known server are left out.
fn by_node<'a>(topology: &Topology, partitions: &[(u16, &'a Group)]) -> Vec<OfNode<'a>> {
    let mut nodes: Vec<OfNode<'_>> = Vec::new();
    for (partition, group) in partitions {
        let Some(node) = topology.node_for(group.stream().as_bytes()) else {
            topology.refresh();
            continue;
        };
        match nodes
            .iter_mut()
            .find(|(known, _)| Arc::ptr_eq(known, &node))
        {
            Some((_, parts)) => parts.push((*partition, group)),
            None => nodes.push((node, vec![(*partition, group)])),
        }
    }
    nodes
}
