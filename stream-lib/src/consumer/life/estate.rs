//! The running members of one consumer, and their surroundings.

use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use parking_lot::Mutex;

use super::running::{RunningMember, Surroundings};
use crate::consumer::identity::Identity;
use crate::consumer::member::common::Common;
use crate::consumer::member::settle::Settle;
use crate::consumer::member::{Member, Part};
use crate::consumer::worker::Crew;
use crate::error::{Error, ErrorKind, Result};

/// All members of a life of a consumer that have not ended: one for a whole stream, or
/// one for each owned partition.
pub(super) struct Estate {
    pub(super) identity: Arc<Identity>,
    pub(super) common: Arc<Common>,
    pub(super) crew: Arc<Crew>,
    /// Disconnects after all workers have ended.
    workers: Receiver<()>,
    members: Mutex<Vec<Arc<RunningMember>>>,
}

impl Estate {
    pub(super) fn new(
        identity: &Arc<Identity>,
        common: &Arc<Common>,
        crew: &Arc<Crew>,
        workers: Receiver<()>,
    ) -> Self {
        Self {
            identity: Arc::clone(identity),
            common: Arc::clone(common),
            crew: Arc::clone(crew),
            workers,
            members: Mutex::default(),
        }
    }

    /// Makes a member that doesn't run yet, with the receiver of its settler's requests.
    pub(super) fn member(&self, part: Part<'_>) -> (Arc<Member>, Receiver<Settle>) {
        let config = &self.identity.config;
        // Each entry is settled once, so this never fills while Redis answers. A bound on
        // held entries holds for all members together.
        let reads = if part.partition.is_some() { 2 } else { 4 };
        let (settle, inbox) = bounded(reads * config.read_count + 4 * config.workers);
        let bells = self.identity.staff.bells();
        let member = Member::new(&self.identity, &self.common, part, settle, bells);
        (Arc::new(member), inbox)
    }

    /// Runs a member until its stop begins. `then` is called at its end.
    ///
    /// # Errors
    ///
    /// `System` if the system is out of threads, `Closed` if the consumer stops.
    pub(super) fn begin(
        &self,
        member: Arc<Member>,
        inbox: Receiver<Settle>,
        then: impl FnOnce(&Member) + Send + 'static,
    ) -> Result<Arc<RunningMember>> {
        let around = Surroundings {
            staff: &self.identity.staff,
            crew: &self.crew,
            workers: &self.workers,
        };
        // Held, so that a stop finds the member.
        let mut members = self.members.lock();
        if self.common.stop.is_set() {
            return Err(Error::new(ErrorKind::Closed, "the consumer stops"));
        }
        let running = Arc::new(RunningMember::begin(member, inbox, &around, then)?);
        members.push(Arc::clone(&running));
        Ok(running)
    }

    /// The members that have not ended.
    pub(super) fn all(&self) -> Vec<Arc<RunningMember>> {
        self.members.lock().clone()
    }

    /// Begins the stop of the consumer: of all members, and of the workers.
    pub(super) fn begin_stop(&self) {
        self.common.begin_stop();
        for running in self.all() {
            running.member.begin_stop();
        }
    }

    /// Takes out the members that have ended.
    pub(super) fn take_ended(&self) -> Vec<Arc<RunningMember>> {
        let mut members = self.members.lock();
        members
            .extract_if(.., |running| running.hand_over.has_ended())
            .collect()
    }

    /// The number of entries whose end Redis has not confirmed.
    pub(super) fn settling(&self) -> usize {
        self.all().iter().map(|running| running.settling()).sum()
    }

    /// The partitions that it reads, in order.
    pub(super) fn partitions(&self) -> Vec<u16> {
        let members = self.members.lock();
        let reads = members
            .iter()
            .filter(|running| !running.member.stop.is_set());
        let mut partitions: Vec<_> = reads
            .filter_map(|running| running.member.partition)
            .collect();
        drop(members);
        partitions.sort_unstable();
        partitions
    }
}
