//! The work of a worker thread, for every type of handler, and the state that the threads
//! share for it.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use parking_lot::{Mutex, RwLock};

use crate::consumer::member::Member;
use crate::consumer::member::common::Common;
use crate::consumer::member::held::Held;
use crate::consumer::stats::Counters;
use crate::consumer::worker::open_replies::OpenReplies;
use crate::message::Schema;
use crate::metrics::WorkerRecord;
use crate::runtime::Moment;

/// The work of each worker thread of a consumer.
pub(crate) trait Work: Send + Sync {
    /// Works until the crew's `ended` disconnects.
    fn work(&self, crew: &Crew);

    /// How many entries a worker takes at a time at most.
    fn batch_size(&self) -> usize;

    /// The schema of its messages.
    fn schema(&self) -> &'static Schema;
}

/// The workers of one life: the state that they share. They work for all members of the
/// consumer.
pub(crate) struct Crew {
    pub(crate) common: Arc<Common>,
    /// Disconnects when the workers are to end.
    pub(crate) ended: Receiver<()>,
    /// The replies that batches are gathered from, one worker at a time.
    pub(crate) open: Mutex<OpenReplies>,
    members: RwLock<Vec<Arc<Member>>>,
    counters: Arc<Counters>,
}

impl Crew {
    pub(crate) fn new(common: &Arc<Common>, counters: &Arc<Counters>) -> Self {
        Self {
            common: Arc::clone(common),
            ended: common.workers_stop.clone(),
            open: Mutex::default(),
            members: RwLock::default(),
            counters: Arc::clone(counters),
        }
    }

    /// A record for one worker.
    pub(crate) fn record(&self) -> CrewRecord {
        CrewRecord {
            record: self.counters.workers.take(),
            counters: Arc::clone(&self.counters),
        }
    }

    /// Works for a member from now on.
    pub(crate) fn join(&self, member: &Arc<Member>) {
        self.members.write().push(Arc::clone(member));
    }

    /// Stops working for a member: none of its entries waits for workers.
    pub(crate) fn part(&self, member: &Member) {
        let is_other = |other: &Arc<Member>| other.number() != member.number();
        self.members.write().retain(is_other);
    }

    /// The member that received the entries of a reply; `None` if it is gone, with all of
    /// them withdrawn.
    pub(crate) fn member_of(&self, held: &Held) -> Option<Arc<Member>> {
        let number = held.home().number();
        let members = self.members.read();
        members
            .iter()
            .find(|member| member.number() == number)
            .cloned()
    }
}

/// The record of one worker while it runs.
pub(crate) struct CrewRecord {
    record: Arc<WorkerRecord>,
    counters: Arc<Counters>,
}

impl CrewRecord {
    /// Notes that the handler of an entry begins.
    #[inline]
    pub(crate) fn began(&self, member: &Member, held: &Held, index: usize, at: Moment) {
        if let Some(now) = member.sign_of_life.server_ms_at(at) {
            self.record.began(now, held.original_id(index).ms());
        }
    }

    /// Notes the running time of a handler.
    #[inline]
    pub(crate) fn handled(&self, time: Duration) {
        self.record.handled(time);
    }
}

impl Drop for CrewRecord {
    fn drop(&mut self) {
        self.counters.workers.give_back(&self.record);
    }
}
