//! A member with its thread and its tasks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use parking_lot::Mutex;

use super::hand_over::{HandOver, UntilEnded};
use super::stop::{self, Ends};
use crate::consumer::keeper::Keeper;
use crate::consumer::member::Member;
use crate::consumer::member::settle::Settle;
use crate::consumer::reader;
use crate::consumer::settler::Settler;
use crate::consumer::staff::Staff;
use crate::consumer::worker::Crew;
use crate::error::Result;
use crate::runtime::Thread;

/// A running member. Its reader ends it once its stop has begun.
pub(super) struct RunningMember {
    pub(super) member: Arc<Member>,
    pub(super) hand_over: Arc<HandOver>,
    /// Joined once.
    reader: Mutex<Option<Thread>>,
    /// Disconnects when the reader begins to conduct the stop.
    conducted: Receiver<()>,
}

/// The surroundings of a member.
pub(super) struct Surroundings<'a> {
    pub(super) staff: &'a Staff,
    pub(super) crew: &'a Arc<Crew>,
    /// Disconnects after all workers have ended.
    pub(super) workers: &'a Receiver<()>,
}

impl RunningMember {
    /// Starts the thread and the tasks of a member. Nothing is read before all of them
    /// have started. `then` is called at its end, by its reader.
    pub(super) fn begin(
        member: Arc<Member>,
        inbox: Receiver<Settle>,
        around: &Surroundings<'_>,
        then: impl FnOnce(&Member) + Send + 'static,
    ) -> Result<Self> {
        let (conducts, conducted) = bounded(0);
        let (all_there, begins) = bounded(1);
        let hand_over = Arc::new(HandOver::new(&member.common.alarm));
        let settler = Settler::new(&member, inbox);
        let settler = around.staff.settler.add(settler, &member.bells.settler)?;
        around.crew.join(&member);
        let reader = Thread::spawn(format!("{} reader", member.group.stream()), {
            let (member, crew) = (Arc::clone(&member), Arc::clone(around.crew));
            let hand_over = Arc::clone(&hand_over);
            move || {
                let _ended = UntilEnded(&hand_over);
                if let Ok(ends) = begins.recv() {
                    reader::run(&member);
                    stop::conduct(&member, ends);
                }
                crew.part(&member);
                member.health.ended();
                then(&member);
            }
        });
        // The keeper starts last: it claims entries at once.
        let keeper = reader.and_then(|reader| {
            let keeper = Keeper::new(&member);
            let keeper = around.staff.keeper.add(keeper, &member.bells.keeper)?;
            Ok((reader, keeper))
        });
        let (reader, keeper) = keeper.inspect_err(|_| {
            member.begin_stop();
            around.crew.part(&member);
            // It has received nothing.
            drop(settler.take(Instant::now() + Duration::from_secs(1)));
        })?;
        // The channel has room for it.
        let _ = all_there.send(Ends {
            conducted: conducts,
            workers: around.workers.clone(),
            keeper,
            settler,
            hand_over: Arc::clone(&hand_over),
        });
        Ok(Self {
            member,
            hand_over,
            reader: Mutex::new(Some(reader)),
            conducted,
        })
    }

    /// Waits up to `time` for its reader to read no more. Returns whether it still does.
    pub(super) fn reads(&self, time: Duration) -> bool {
        stop::waits(&self.conducted, time)
    }

    /// Joins its reader, if that ends before the deadline.
    pub(super) fn join_by(&self, deadline: Instant) {
        if let Some(reader) = self.reader.lock().take() {
            reader.join_by(deadline);
        }
    }

    /// The number of entries whose end Redis has not confirmed.
    pub(super) fn settling(&self) -> usize {
        let replies = self.member.replies.all();
        replies.iter().map(|held| held.settling()).sum()
    }
}
