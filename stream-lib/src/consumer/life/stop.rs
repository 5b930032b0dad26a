//! The stop of a member, conducted by its reader once that reads no more.
//!
//! The other threads end in order, within the grace: first nothing new comes in, then
//! entries that have not started are given back, so that others can have them while the
//! last handlers still run; when these have ended, and Redis has confirmed their results,
//! the member leaves its group. The keeper and the settler go on with other consumers
//! meanwhile: their tasks for this member are taken from them.
//!
//! # Partitions
//!
//! A partition goes to others in one of two ways. If the consumer stops, it goes at once:
//! others read on while the last handlers run here. If the consumer goes on and has one
//! partition too many, it goes after its handlers have ended, or the grace is over.
//!
//! A consumer that goes on gives its sign of life, so no other takes over entries that
//! Redis has under its name in a partition that it has left. So it leaves the partition
//! only when there are none: handlers that run for longer than the grace keep their
//! leases, and a delivery whose answer was lost is given back. For a while after a lost
//! answer it looks again, since a stalled server may run a read late. If the partition
//! comes back meanwhile, another member of the consumer reads it, and takes on all of
//! this.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::hand_over::HandOver;
use super::unseen::give_back_unseen;
use crate::command;
use crate::consumer::brief::{POLL, SOON, brief};
use crate::consumer::keeper::Keeper;
use crate::consumer::member::Member;
use crate::consumer::settler::Settler;
use crate::error::{Result, with_causes};
use crate::runtime::Desk;

/// The tasks of other threads for the member, and the channels that tell of their ends:
/// each carries nothing and is disconnected.
pub(super) struct Ends {
    /// Dropped once the stop is conducted.
    pub(super) conducted: Sender<()>,
    pub(super) workers: Receiver<()>,
    pub(super) keeper: Arc<Desk<Keeper>>,
    pub(super) settler: Arc<Desk<Settler>>,
    pub(super) hand_over: Arc<HandOver>,
}

/// How long the stop waits for the keeper's request that is under way.
const POLITE: Duration = Duration::from_secs(3);

/// The bound of waits that have none of their own.
const LONG: Duration = Duration::from_secs(86_400);

/// Ends the other threads, and leaves the group.
pub(super) fn conduct(member: &Member, ends: Ends) {
    // An error may have begun it.
    member.begin_stop();
    if member.common.stop.is_set() {
        member.common.begin_stop();
    }
    let deadline = member.stop_by(member.config.grace);
    drop(ends.conducted);
    let mut keeper = take_keeper(member, &ends.keeper, deadline);
    // Entries that ended in the last moment of the grace take a while to settle.
    let settled_by = deadline.max(Instant::now()) + SOON;
    if is_last(member) {
        member.links.conduct(deadline, settled_by);
    } else {
        let ever = Instant::now() + LONG;
        member.links.conduct(ever, ever);
    }
    member.acknowledging.conduct();
    if keeper.as_mut().is_some_and(Keeper::drop_alone) {
        let lock = member.group.lock_alone();
        let _ = brief(member, |wire| {
            command::release_lock(wire, lock, &member.name)
        });
    }
    // This includes replies that one worker has to itself while it is in a handler.
    for held in member.replies.all() {
        member.give_back_rest(&held);
    }
    await_handlers(member, &ends.workers, keeper.as_mut(), &ends.hand_over);
    member.acknowledging.leave_to_settler();
    let is_left = match ends.settler.take(settled_by.max(Instant::now() + SOON)) {
        Some(settler) if is_last(member) => settle_by(member, settler, settled_by),
        Some(settler) => leave_for_good(member, settler, keeper.as_mut(), &ends.hand_over),
        None => Left::Unsettled,
    };
    member.give_up();
    member.failure_log.tell_rest();
    if let (true, Some(chronicle)) = (is_left != Left::Unsettled, member.own_chronicle()) {
        chronicle.write_rest(|write| brief(member, |wire| write(wire)));
    }
    if is_left == Left::Settled {
        leave(member);
    }
}

/// The state of a member's entries at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Unsettled,
    Settled,
    /// The group has been left, too.
    Gone,
}

/// Whether the consumer stops with the member.
fn is_last(member: &Member) -> bool {
    member.common.stop.is_set()
}

/// Waits for the handlers of the member's entries, with the leases renewed: until the end
/// of the grace if the consumer stops, else as long as they run.
fn await_handlers(
    member: &Member,
    workers: &Receiver<()>,
    mut keeper: Option<&mut Keeper>,
    hand_over: &HandOver,
) {
    let step = member.config.lease / 6;
    let mut renewal = Instant::now() + step;
    // A worker may be about to start an entry that it had taken before.
    let mut is_calm = false;
    loop {
        let left = member
            .stop_by(member.config.grace)
            .saturating_duration_since(Instant::now());
        let has_grace = !left.is_zero();
        if is_last(member) || !has_grace {
            hand_over.free();
        }
        // A member that is the whole consumer has the workers to itself.
        let pause = if is_last(member) && member.partition.is_none() {
            step
        } else {
            POLL
        };
        let until_renewal = renewal.saturating_duration_since(Instant::now());
        let pause = pause.min(until_renewal);
        let pause = if has_grace || is_last(member) {
            pause.min(left)
        } else {
            pause
        };
        let are_over = !waits(workers, pause) || is_last(member) && !has_grace;
        if are_over || member.halt.is_set() {
            return;
        }
        let was_calm = is_calm;
        is_calm = !has_handlers(member);
        if is_calm && was_calm {
            return;
        }
        if renewal <= Instant::now() {
            renewal = Instant::now() + step;
            if let Some(keeper) = &mut keeper {
                keeper.renew();
            }
        }
    }
}

/// Whether workers may be running entries of the member. The workers of a consumer with a
/// single member show it by their end.
fn has_handlers(member: &Member) -> bool {
    is_last(member) && member.partition.is_none() || member.replies.are_running()
}

/// Settles the rest, if the consumer stops.
fn settle_by(member: &Member, mut settler: Settler, deadline: Instant) -> Left {
    let deadline = deadline.max(member.stop_by(member.config.grace));
    if settler.finish_by(deadline) {
        Left::Settled
    } else {
        Left::Unsettled
    }
}

/// Settles the rest, if the consumer goes on, and leaves the group once nothing is left
/// under its name.
fn leave_for_good(
    member: &Member,
    mut settler: Settler,
    mut keeper: Option<&mut Keeper>,
    hand_over: &HandOver,
) -> Left {
    let step = member.config.lease / 3;
    // A read whose answer was lost may run late.
    let watches = member.claiming.take_lost_answer();
    let watched_until = Instant::now() + if watches { 4 * step } else { Duration::ZERO };
    while !is_last(member) && !member.halt.is_set() {
        if settler.finish_by(Instant::now() + step) {
            if member.replies.are_succeeded() {
                // The partition has come back: later finds are the successor's.
                hand_over.free();
                return Left::Gone;
            }
            let is_gone = try_leave(member).unwrap_or(false);
            // Later finds are given back by the consumer that reads the partition.
            hand_over.free();
            if is_gone && watched_until <= Instant::now() {
                return Left::Gone;
            }
            if !is_gone {
                let _ = give_back_unseen(member);
            }
            member.common.stop.sleep(if is_gone { step } else { POLL });
        } else {
            if member.stop_by(member.config.grace) <= Instant::now() {
                hand_over.free();
            }
            if let Some(keeper) = &mut keeper {
                keeper.renew();
            }
        }
    }
    let deadline = member.stop_by(member.config.grace) + SOON;
    settle_by(member, settler, deadline)
}

/// Takes the keeper's task. A request that a silent server doesn't answer must not use up
/// the grace.
fn take_keeper(member: &Member, desk: &Desk<Keeper>, deadline: Instant) -> Option<Keeper> {
    let now = Instant::now();
    let polite = POLITE.min(deadline.saturating_duration_since(now) / 2);
    desk.take(now + polite).or_else(|| {
        member.links.keeper.stop();
        desk.take(Instant::now() + SOON)
    })
}

/// Leaves the group, unless entries are left under the member's name.
pub(super) fn leave(member: &Member) {
    if let Err(e) = try_leave(member) {
        log::info!(
            "the consumer `{}` could not be removed from the group `{}`: {}",
            member.name,
            member.group.name(),
            with_causes(&e)
        );
    }
}

fn try_leave(member: &Member) -> Result<bool> {
    brief(member, |wire| member.group.leave(wire, &member.name))
}

/// Waits for a channel's disconnection. Returns whether it is still connected.
pub(super) fn waits(ended: &Receiver<()>, time: Duration) -> bool {
    ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}
