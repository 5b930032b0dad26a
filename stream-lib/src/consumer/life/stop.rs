//! The stop of a consumer, conducted by the keeper.
//!
//! The other threads end in order, within the grace: first nothing new comes in,
//! then entries that have not started go back, so that others can have them while
//! the last handlers still run; when these have ended, and Redis has confirmed how,
//! the consumer leaves its group.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::command;
use crate::connection::{Topology, Wire};
use crate::consumer::keeper::Keeper;
use crate::consumer::member::Member;
use crate::error::{ErrorKind, Result, with_causes};

/// How the other threads of the consumer tell that they have ended, and are
/// told to: each channel carries nothing and is disconnected.
pub(super) struct Ends {
    /// Told once the stop is conducted.
    pub(super) conducted: Sender<()>,
    pub(super) stop_workers: Sender<()>,
    pub(super) reader: Receiver<()>,
    pub(super) workers: Receiver<()>,
    pub(super) settler: Receiver<()>,
}

/// For steps that take a moment and must not be left out.
const SOON: Duration = Duration::from_secs(1);

/// For the same steps while a server is away that they can be left out for.
const BRIEFLY: Duration = Duration::from_millis(100);

/// Ends the other threads, and leaves the group.
pub(super) fn conduct(member: &Member, mut keeper: Keeper<'_>, ends: Ends) {
    let deadline = member.stop_by(member.config.grace);
    // Settling entries that ended in the last moment of the grace takes a while.
    let settled_by = deadline.max(Instant::now()) + SOON;
    member.links.conduct(deadline, settled_by);
    drop(ends.conducted);
    if keeper.drop_alone() {
        let lock = member.group.lock_alone();
        let _ = brief(member, |wire| {
            command::release_lock(wire, lock, &member.name)
        });
    }
    drop(ends.stop_workers);
    end_reader(member, &ends.reader, deadline);
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
        keeper.renew();
    }
    member.acknowledging.leave_to_settler();
    member.acknowledging.finish(deadline);
    let left = settled_by.saturating_duration_since(Instant::now());
    let unsettled = waits(&ends.settler, left);
    member.give_up();
    member.failure_log.tell_rest();
    if unsettled {
        return;
    }
    leave(member);
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

/// Ends the reader's wait for entries, again until it has ended: it may have
/// begun another wait meanwhile. A reader that a silent server holds is let go:
/// entries that were on their way to it are taken over by others.
fn end_reader(member: &Member, reader: &Receiver<()>, deadline: Instant) {
    const POLL: Duration = Duration::from_millis(20);
    const SILENCES: usize = 2;
    let mut silences = 0;
    while waits(reader, Duration::ZERO) && Instant::now() < deadline && silences < SILENCES {
        // Where this isn't allowed, the reader's wait ends by itself.
        // At the server that the reader is on, whichever has the stream now.
        let unblocked = member.links.reader.client().map(|(node, client)| {
            let time = briefly(member);
            let deadline = Instant::now() + time;
            Topology::run_at(&node, time, |wire| {
                wire.answer_by(deadline);
                command::unblock(wire, &member.group, client)
            })
        });
        if let Some(Err(e)) = unblocked
            && matches!(e.kind(), ErrorKind::Unavailable | ErrorKind::OutcomeUnknown)
        {
            silences += 1;
        }
        waits(reader, POLL);
    }
    member.links.reader.stop();
    waits(reader, SOON);
}

/// One operation on a connection of its own, pooled if possible; tried for a
/// moment.
fn brief<T>(member: &Member, mut operation: impl FnMut(&mut Wire) -> Result<T>) -> Result<T> {
    let topology = &member.topology;
    let key = member.group.stream().as_bytes();
    let time = briefly(member);
    let deadline = Instant::now() + time;
    let mut in_time = |wire: &mut Wire| {
        wire.answer_by(deadline);
        operation(wire)
    };
    match topology.run(key, time, &mut in_time) {
        // Where a handler stops its consumer, the manager may be gone first.
        Err(e) if e.kind() == ErrorKind::Closed => {
            in_time(&mut topology.dedicated_within(key, time)?)
        }
        result => result,
    }
}

/// How long a step of the stop is tried for.
fn briefly(member: &Member) -> Duration {
    if member.health.is_held_up() {
        BRIEFLY
    } else {
        SOON
    }
}

/// Waits for a channel's disconnection. Returns whether it is still connected.
pub(super) fn waits(ended: &Receiver<()>, time: Duration) -> bool {
    ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}
