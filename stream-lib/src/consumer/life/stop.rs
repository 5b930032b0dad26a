//! The stop of a consumer, conducted by its reader once that reads no more.
//!
//! The other threads end in order, within the grace: first nothing new comes in,
//! then entries that have not started go back, so that others can have them while
//! the last handlers still run; when these have ended, and Redis has confirmed how,
//! the consumer leaves its group. The keeper and the settler go on with other
//! consumers meanwhile: the tasks of this one are taken away from them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::command;
use crate::consumer::brief::{SOON, brief};
use crate::consumer::keeper::Keeper;
use crate::consumer::member::Member;
use crate::consumer::settler::Settler;
use crate::error::with_causes;
use crate::runtime::Desk;

/// The tasks of others for the consumer, and how its threads tell that they have
/// ended: each channel carries nothing and is disconnected.
pub(super) struct Ends {
    /// Told once the stop is conducted.
    pub(super) conducted: Sender<()>,
    pub(super) workers: Receiver<()>,
    pub(super) keeper: Arc<Desk<Keeper>>,
    pub(super) settler: Arc<Desk<Settler>>,
}

/// How long the keeper's request that is under way is waited for.
const POLITE: Duration = Duration::from_secs(3);

/// Ends the other threads, and leaves the group.
pub(super) fn conduct(member: &Member, ends: Ends) {
    // An error may have begun it.
    member.begin_stop();
    let deadline = member.stop_by(member.config.grace);
    drop(ends.conducted);
    let mut keeper = take_keeper(member, &ends.keeper, deadline);
    // Settling entries that ended in the last moment of the grace takes a while.
    let settled_by = deadline.max(Instant::now()) + SOON;
    member.links.conduct(deadline, settled_by);
    member.acknowledging.conduct();
    if keeper.as_mut().is_some_and(Keeper::drop_alone) {
        let lock = member.group.lock_alone();
        let _ = brief(member, |wire| {
            command::release_lock(wire, lock, &member.name)
        });
    }
    // Also those that a worker has to itself which is still in a handler.
    for held in member.replies.all() {
        member.give_back_rest(&held);
    }
    let step = member.config.lease / 6;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if !waits(&ends.workers, step.min(left)) || left.is_zero() {
            break;
        }
        if let Some(keeper) = &mut keeper {
            keeper.renew();
        }
    }
    member.acknowledging.leave_to_settler();
    let settler = ends.settler.take(settled_by);
    let settled = settler.is_some_and(|settler| settler.finish_by(settled_by));
    member.give_up();
    member.failure_log.tell_rest();
    if settled {
        leave(member);
    }
}

/// Takes the task of keeping the entries. A request that a silent server doesn't
/// answer must not use up the grace.
fn take_keeper(member: &Member, desk: &Desk<Keeper>, deadline: Instant) -> Option<Keeper> {
    let now = Instant::now();
    let polite = POLITE.min(deadline.saturating_duration_since(now) / 2);
    desk.take(now + polite).or_else(|| {
        member.links.keeper.stop();
        desk.take(Instant::now() + SOON)
    })
}

/// Leaves the group, unless there is something left of ours.
pub(super) fn leave(member: &Member) {
    if let Err(e) = brief(member, |wire| member.group.leave(wire, &member.name)) {
        log::info!(
            "the consumer `{}` could not be removed from the group `{}`: {}",
            member.name,
            member.group.name(),
            with_causes(&e)
        );
    }
}

/// Waits for a channel's disconnection. Returns whether it is still connected.
pub(super) fn waits(ended: &Receiver<()>, time: Duration) -> bool {
    ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}
