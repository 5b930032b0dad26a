//! Ownership of partitions by a consumer: a task of the keeper's thread.
//!
//! There is no coordinator. The *group's view* shows the living members; from these each
//! member computes its share, and moves towards it: see [`Plan`]. A partition belongs to
//! the member that holds its lock. *Locks* are taken, renewed and released only here, in
//! one request for each *node* that has some of them.
//!
//! A taken partition has a member of its own, with a reader; see [`Estate`]. A partition
//! that is to go to another consumer is given up first by its member: see the
//! [stop](super::stop).

mod group_view;
mod locks;
mod nodes;
mod scarcity;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::group_view::GroupView;
use self::locks::Locks;
use self::scarcity::Scarcity;
use super::estate::Estate;
use super::running::RunningMember;
use crate::command::Group;
use crate::connection::LinkHandle;
use crate::consumer::brief::{POLL, SOON, brief_at};
use crate::consumer::member::Part;
use crate::consumer::member::health::Health;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::{Partitions, Plan, Sight, share_of};
use crate::runtime::{Task, counted, jitter, random_below};

/// How long the first plan waits for members that start at the same time, if other
/// members are seen and if none is: a starting member gives its sign of life before its
/// groups are made.
const FIRST_PLAN: Duration = Duration::from_millis(750);
const ALONE: Duration = Duration::from_millis(30);

/// How long an ended reader may take to be gone.
const MOMENT: Duration = Duration::from_millis(100);

/// Takes partitions, has them read, and gives them up.
pub(super) struct Ownership {
    estate: Arc<Estate>,
    /// Held until the consumer has stopped.
    until_ended: Arc<dyn Any + Send + Sync>,
    partitions: Partitions,
    /// The group in each partition.
    groups: Vec<Group>,
    /// Whether the groups exist and the checks of a start have passed.
    is_prepared: bool,
    handle: LinkHandle,
    view: GroupView,
    locks: Locks,
    /// The partitions that it owns or is giving up, the oldest first.
    owned: Vec<Owned>,
    phase: Phase,
    scarcity: Scarcity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The other members have not been looked at yet.
    Starting,
    Sharing,
    /// The consumer stops, and the other members know.
    Leaving,
    /// Its sign of life has been withdrawn.
    Resigned,
}

/// A partition with its member.
struct Owned {
    partition: u16,
    running: Arc<RunningMember>,
    /// Whether the lock is ours, as far as known.
    has_lock: bool,
    is_leaving: bool,
}

impl Task for Ownership {
    fn tend(&mut self) {
        self.forget_ended();
        if self.estate.common.stop.is_set() {
            return self.wind_up();
        }
        self.release();
        if self.locks.renew_at() <= Instant::now() {
            self.renew();
        }
        let Some(others) = self.view.tend() else {
            return;
        };
        if self.phase == Phase::Sharing {
            self.plan(&others);
        } else {
            self.phase = Phase::Sharing;
            let wait = if others.is_empty() { ALONE } else { FIRST_PLAN };
            let lease = self.estate.identity.config.lease;
            self.view.look_in(jitter(wait.min(lease / 3), 0.3));
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        if self.estate.common.stop.is_set() {
            return (self.phase != Phase::Resigned).then(|| Instant::now() + POLL);
        }
        Some(self.view.wake_at().min(self.locks.renew_at()))
    }

    fn broke(&self) {
        let text = "a task of the consumer panicked; this is a bug in stream-lib";
        let error = Error::new(ErrorKind::System, text);
        self.view.health().fail(&error);
        self.estate.begin_stop();
    }
}

impl Ownership {
    pub(super) fn new(
        estate: &Arc<Estate>,
        partitions: Partitions,
        is_prepared: bool,
        until_ended: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        let handle = LinkHandle::default();
        let group = &estate.identity.group;
        Self {
            until_ended,
            partitions,
            groups: partitions.all().map(|n| group.partition(n)).collect(),
            is_prepared,
            view: GroupView::new(estate, &handle),
            locks: Locks::new(estate, &handle),
            handle,
            owned: Vec::new(),
            phase: Phase::Starting,
            scarcity: Scarcity::new(),
            estate: Arc::clone(estate),
        }
    }

    /// The health of the task's own connections.
    pub(super) fn health(&self) -> &Arc<Health> {
        self.view.health()
    }

    /// Ends the rest of it, after the consumer's members have ended or have been given
    /// up.
    pub(super) fn finish(mut self) {
        self.resign();
        for owned in &mut self.owned {
            owned.running.hand_over.free();
        }
        self.release();
        self.handle.end();
    }

    /// Forgets ended members: their partitions may be taken again.
    fn forget_ended(&mut self) {
        for ended in self.estate.take_ended() {
            // Its thread is about to end.
            ended.join_by(Instant::now() + MOMENT);
        }
        // Partitions with a lock are released first.
        self.owned
            .retain(|owned| owned.has_lock || !owned.running.hand_over.has_ended());
    }

    /// Stops with the consumer: others take the partitions as soon as they may, while the
    /// last handlers run. Until these have ended, the member gives signs of life.
    fn wind_up(&mut self) {
        if matches!(self.phase, Phase::Starting | Phase::Sharing) {
            self.phase = Phase::Leaving;
            self.estate.begin_stop();
            let grace = self.estate.identity.config.grace;
            self.handle.resume(self.estate.common.stop_by(grace) + SOON);
            self.view.leave();
        }
        self.release();
        self.forget_ended();
        if self.owned.is_empty() {
            self.resign();
        } else {
            self.view.keep_alive();
        }
    }

    fn resign(&mut self) {
        if self.phase == Phase::Resigned {
            return;
        }
        self.phase = Phase::Resigned;
        let Estate {
            identity, common, ..
        } = &*self.estate;
        let group = &identity.group;
        let key = group.stream().as_bytes();
        // A server that is away isn't waited for: the sign lapses.
        let time = if common.trouble.lasts() { POLL } else { SOON };
        common
            .chronicle
            .write_rest(|write| brief_at(&identity.topology, key, time, |wire| write(wire)));
        let _ = brief_at(&identity.topology, key, time, |wire| {
            group.resign(wire, &common.name)
        });
    }

    /// Renews the locks. A partition whose lock another consumer has, since this process
    /// or a server stood still, is given up.
    fn renew(&mut self) {
        let held = self.owned.iter().filter(|owned| owned.has_lock);
        let held: Vec<_> = held.filter_map(|owned| self.key(owned.partition)).collect();
        let lost = self.locks.renew(&self.estate, &held);
        for owned in &mut self.owned {
            if lost.contains(&owned.partition) {
                owned.has_lock = false;
                owned.leave();
            }
        }
        if !lost.is_empty() {
            log::warn!(
                "{} of `{}` went to other consumers of the group `{}`, since the locks of `{}` \
                 were not renewed in time",
                counted(lost.len(), "partition", "partitions"),
                self.estate.identity.group.stream(),
                self.estate.identity.group.name(),
                self.estate.common.name
            );
        }
    }

    /// Releases the locks of partitions that others may have.
    fn release(&mut self) {
        let is_free = |owned: &&mut Owned| owned.has_lock && owned.running.hand_over.is_free();
        let mut free = Vec::new();
        for owned in self.owned.iter_mut().filter(is_free) {
            // If it can't be released, it lapses.
            owned.has_lock = false;
            owned.leave();
            free.push(owned.partition);
        }
        if !free.is_empty() {
            let free: Vec<_> = free.into_iter().filter_map(|n| self.key(n)).collect();
            self.locks.release(&self.estate, &free);
        }
    }

    /// Moves towards the fair share.
    fn plan(&mut self, others: &[String]) {
        let (owned, leaving) = self.standing();
        let identity = Arc::clone(&self.estate.identity);
        let me = self.estate.common.name.clone();
        let group = format!("{}\0{}", identity.group.stream(), identity.group.name());
        let living = others.iter().map(String::as_str);
        let share = share_of(&me, living, &group, self.partitions);
        let is_scarce = self.scarcity.lasts(Instant::now());
        self.view.share(!is_scarce);
        let free = if owned.len() + leaving < share && !is_scarce {
            self.free()
        } else {
            Vec::new()
        };
        let sight = Sight {
            me: &me,
            living: others,
            group: &group,
            partitions: self.partitions,
            owned: &owned,
            leaving,
            free: &free,
        };
        let plan = Plan::of(&sight, random_below);
        self.take(&plan.take);
        for partition in &plan.give_up {
            let given = self.owned.iter_mut().filter(|o| o.partition == *partition);
            given.for_each(Owned::leave);
        }
        if plan != Plan::default() {
            let (owned, leaving) = self.standing();
            log::info!(
                "the consumer `{me}` owns {} of the {} partitions of `{}`, and leaves {leaving}, in \
                 a group of {}",
                owned.len(),
                self.partitions.count(),
                identity.group.stream(),
                counted(others.len() + 1, "member", "members")
            );
        }
    }

    /// The partitions that it owns, and the number that it gives up.
    fn standing(&self) -> (Vec<u16>, usize) {
        let owns = self.owned.iter().filter(|owned| !owned.is_leaving);
        let leaving = |owned: &&Owned| owned.is_leaving && owned.has_lock;
        (
            owns.map(|owned| owned.partition).collect(),
            self.owned.iter().filter(leaving).count(),
        )
    }

    /// The partitions that no consumer owns. Partitions that were given up may be among
    /// them while their last handlers run here.
    fn free(&mut self) -> Vec<u16> {
        let has = |n: &u16| {
            let mut owned = self.owned.iter();
            owned.any(|owned| owned.partition == *n && (owned.has_lock || !owned.is_leaving))
        };
        let others = self.partitions.all().filter(|n| !has(n));
        let others: Vec<_> = others.filter_map(|n| self.key(n)).collect();
        self.locks.free(&self.estate, &others)
    }

    /// Takes partitions, as far as no other member is quicker. If the system has no
    /// threads for their readers, they are left to other members.
    fn take(&mut self, partitions: &[u16]) {
        if partitions.is_empty() {
            return;
        }
        let wanted: Vec<_> = partitions.iter().filter_map(|n| self.key(*n)).collect();
        let mut taken = self.locks.take(&self.estate, &wanted).into_iter();
        let stream = self.estate.identity.group.stream().to_owned();
        let has_taken = taken.len() > 0;
        while let Some(partition) = taken.next() {
            let error = match self.begin(partition) {
                Ok(running) => {
                    self.owned.push(Owned {
                        partition,
                        running,
                        has_lock: true,
                        is_leaving: false,
                    });
                    continue;
                }
                Err(error) => error,
            };
            let rest: Vec<_> = [partition].into_iter().chain(taken).collect();
            let rest: Vec<_> = rest.into_iter().filter_map(|n| self.key(n)).collect();
            self.locks.release(&self.estate, &rest);
            if error.kind() != ErrorKind::Closed {
                self.scarcity
                    .begins(rest.len(), &stream, &error, Instant::now());
                self.view.share(false);
            }
            return;
        }
        if has_taken {
            self.scarcity.ends(&stream);
        }
    }

    fn begin(&self, partition: u16) -> Result<Arc<RunningMember>> {
        let Some((_, group)) = self.key(partition) else {
            let text = "there is no such partition";
            return Err(Error::new(ErrorKind::Config, text));
        };
        let part = Part {
            group: &group,
            partition: Some(partition),
        };
        let (member, inbox) = self.estate.member(part);
        if self.is_prepared {
            member.health.group_stands();
            member.health.passed_checks();
        }
        let until_ended = Arc::clone(&self.until_ended);
        self.estate.begin(member, inbox, move |_| drop(until_ended))
    }

    fn key(&self, partition: u16) -> Option<(u16, Group)> {
        let group = self.groups.get(usize::from(partition))?;
        Some((partition, group.clone()))
    }
}

impl Owned {
    /// Has its member give it up.
    fn leave(&mut self) {
        self.is_leaving = true;
        self.running.member.begin_stop();
    }
}
