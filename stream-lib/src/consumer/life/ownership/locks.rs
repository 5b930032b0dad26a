//! The locks of partitions: the holder of a lock reads the partition.

use std::time::{Duration, Instant};

use super::nodes::NodeLinks;
use crate::command::{self, Group};
use crate::connection::{LinkHandle, answer_of};
use crate::consumer::life::estate::Estate;
use crate::error::Result;

/// Takes, renews and releases locks, each with the lease of the consumer.
pub(super) struct Locks {
    nodes: NodeLinks,
    handle: LinkHandle,
    token: String,
    lease: Duration,
    renew_at: Instant,
}

/// A partition, and the group in it.
type Lock = (u16, Group);

impl Locks {
    pub(super) fn new(estate: &Estate, handle: &LinkHandle) -> Self {
        let lease = estate.identity.config.lease;
        Self {
            nodes: NodeLinks::new(),
            handle: handle.clone(),
            token: estate.common.name.clone(),
            lease,
            renew_at: Instant::now() + lease / 3,
        }
    }

    pub(super) fn renew_at(&self) -> Instant {
        self.renew_at
    }

    /// Renews held locks; all other locks lapse meanwhile. Returns the partitions that
    /// another member has. A partition whose server can't be reached stays, since no
    /// other member reaches it either.
    pub(super) fn renew(&mut self, estate: &Estate, held: &[Lock]) -> Vec<u16> {
        let answers = self.hold(estate, held, self.lease);
        let wait = if answers.len() == held.len() {
            self.lease / 3
        } else {
            self.lease / 12
        };
        self.renew_at = Instant::now() + wait;
        let lost = answers.into_iter().filter(|(_, is_ours)| !is_ours);
        lost.map(|(partition, _)| partition).collect()
    }

    /// Takes locks. Returns the partitions that are ours now.
    pub(super) fn take(&mut self, estate: &Estate, wanted: &[Lock]) -> Vec<u16> {
        let answers = self.hold(estate, wanted, self.lease);
        let ours = answers.into_iter().filter(|(_, is_ours)| *is_ours);
        ours.map(|(partition, _)| partition).collect()
    }

    /// Releases locks, as far as their servers can be reached.
    pub(super) fn release(&mut self, estate: &Estate, held: &[Lock]) {
        self.hold(estate, held, Duration::ZERO);
    }

    /// The partitions whose locks are free.
    pub(super) fn free(&mut self, estate: &Estate, locks: &[Lock]) -> Vec<u16> {
        let mut look = |wire: &mut _, keys: &[&str]| checked(command::free_locks(wire, keys)?);
        let answers = self
            .nodes
            .run(estate, &self.handle, &borrowed(locks), &mut look);
        let free = answers.into_iter().filter(|(_, is_free)| *is_free);
        free.map(|(partition, _)| partition).collect()
    }

    fn hold(&mut self, estate: &Estate, locks: &[Lock], time: Duration) -> Vec<(u16, bool)> {
        let Self { nodes, token, .. } = self;
        let mut hold = |wire: &mut _, keys: &[&str]| command::hold_locks(wire, keys, token, time);
        nodes.run(estate, &self.handle, &borrowed(locks), &mut hold)
    }
}

fn borrowed(locks: &[Lock]) -> Vec<(u16, &Group)> {
    locks.iter().map(|(n, group)| (*n, group)).collect()
}

/// Fails on the first error that waiting doesn't mend; other errors are about slots that
/// are moving to another server.
fn checked<T>(answers: Vec<Result<T>>) -> Result<Vec<Result<T>>> {
    let errors = answers.iter().filter_map(|answer| answer.as_ref().err());
    match errors.into_iter().find(|e| !answer_of(e).may_pass()) {
        Some(error) => Err(error.clone()),
        None => Ok(answers),
    }
}
