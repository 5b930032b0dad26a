//! The effect of an answer, or of a lost one, on a process.

use crate::bug::Bug;
use crate::claims::{Claimed, Taken};
use crate::process::{Action, Lane, Process, Stage};
use crate::request::{Answer, Request, Way, What};
use crate::server::Look;
use crate::setup::{ENTRIES, HANDS, LEASE, PROCESSES, Setup};
use crate::world::World;

/// A process receives an answer to what it has asked, and what was carried out, so many
/// ticks ago.
pub(crate) fn accept(
    next: &mut World,
    me: u8,
    way: Way,
    answer: Answer,
    (asked, done): (u8, u8),
    setup: &Setup,
) {
    let is_late = next.late.is_some();
    let process = next.me(me);
    *process.lane(way) = Lane::Idle;
    if matches!(way, Way::Settler) {
        // With the group gone, nobody holds anything.
        if let Some(slot) = process.settling.take() {
            process.let_go(usize::from(slot));
        }
        return;
    }
    let observe = |process: &mut Process| process.observe(answer.shift, asked, done);
    match answer.what {
        What::Looked { signs, look } => {
            process.set_back = 0;
            process.beat = 0;
            observe(process);
            consider(process, me, &signs, &look, setup);
            suspect(process, &look);
        }
        What::Renewed { due, ours } => renewed(process, due, ours, asked, setup),
        What::Read(entries) | What::Recovered(entries) => {
            if matches!(answer.what, What::Recovered(_)) {
                recovered(process, is_late);
            }
            hold(process, entries, asked);
        }
        What::Due(entries, moves) => {
            observe(process);
            process.moves = moves;
            hold(process, entries, asked);
        }
        What::Taken(taken) => {
            observe(process);
            process.end_pass();
            take(process, taken, asked);
        }
        What::NotNow => observe(process),
        What::Pending(pending) => recover(process, pending, asked, is_late, setup),
        What::Gathered => {
            process.is_gathering = false;
            process.takeover = true;
            process.is_looking = true;
        }
        What::Moved(moves) => {
            process.moves = moves;
            process.moving = 0;
        }
        What::Released => process.releases = setup.has(Bug::KeepsLock),
        What::Capped(slot) => {
            if let Some(hand) = &mut process.hands[usize::from(slot)] {
                // It is asked for once.
                hand.is_repeated = hand.is_capped;
            }
        }
        What::NoGroup => process.recovers |= process.watch > 0,
        What::Settled(_) => {}
    }
}

/// A request has failed: nobody knows whether the server has carried it out.
pub(crate) fn fail(next: &mut World, me: u8, request: Request) {
    let process = next.me(me);
    *process.lane(request.way()) = Lane::Idle;
    match request {
        Request::Beat { .. } | Request::Look { .. } | Request::Renew { .. } => {
            process.reconnected();
        }
        Request::Read { .. }
        | Request::ClaimDue { .. }
        | Request::Pending
        | Request::Recover { .. } => process.lost_answer(),
        Request::TakeOver { .. } => {
            process.put_off_takeover(LEASE as u8);
            process.lost_answer();
        }
        // The next look knows.
        Request::Gather => process.is_gathering = false,
        // The lock lapses.
        Request::Release => process.releases = false,
        Request::MoveDue { .. } | Request::Cap { .. } => {}
        Request::Ack { .. }
        | Request::AckHeld { .. }
        | Request::Park(_)
        | Request::Commit { .. }
        | Request::Bury { .. } => {
            if let Some(slot) = process.settling.take()
                && let Some(hand) = &mut process.hands[usize::from(slot)]
            {
                hand.is_repeated = true;
            }
        }
    }
}

/// `consumer::keeper::takeover`, on a look at the group.
fn consider(
    process: &mut Process,
    me: u8,
    signs: &[Option<i8>; PROCESSES],
    look: &Look,
    setup: &Setup,
) {
    process.is_gathering |= look.has_strays;
    if process.put_off > 0 && !setup.has(Bug::TakesOverAfterStep) {
        return;
    }
    if !process.is_looking {
        process.by_signs = !process.by_signs && process.ahead > 0;
    }
    for (at, dead) in process.dead.iter_mut().enumerate() {
        let is_dead = match signs[at] {
            Some(left) => left < 0,
            None => !process.by_signs,
        };
        *dead = look.holders[at] && at != usize::from(me) && is_dead;
    }
    process.takeover = look.takeover_holds && !process.by_signs;
    process.is_looking = process.takeover || process.dead.contains(&true);
    if !process.is_looking {
        process.end_pass();
    }
}

/// `consumer::keeper::unseen`.
fn suspect(process: &mut Process, look: &Look) {
    let mut unknown = [false; ENTRIES];
    for (id, unknown) in (0..).zip(&mut unknown) {
        *unknown = look.mine[usize::from(id)] && !process.knows(id);
    }
    if (0..ENTRIES).any(|at| unknown[at] && process.suspects[at]) {
        process.lost_answer();
    }
    process.suspects = unknown;
}

/// `consumer::keeper::renew`.
fn renewed(
    process: &mut Process,
    due: [bool; ENTRIES],
    ours: [bool; ENTRIES],
    asked: u8,
    setup: &Setup,
) {
    for slot in 0..HANDS {
        let Some(hand) = &mut process.hands[slot] else {
            continue;
        };
        let at = usize::from(hand.entry);
        if !due[at] {
            continue;
        }
        let is_lost = !ours[at];
        match hand.stage {
            Stage::Running if is_lost => hand.stage = Stage::Lost,
            Stage::Buffered | Stage::Done if is_lost => {
                process.releases |= hand.is_alone;
                process.let_go(slot);
                continue;
            }
            // Redis says so once more when it is asked to settle it.
            Stage::Settling(_) if is_lost && !setup.has(Bug::ConfirmsTheLost) => continue,
            _ => {}
        }
        hand.confirmed = hand.confirmed.min(asked);
    }
}

/// `consumer::reader::recovery`.
fn recover(process: &mut Process, pending: Claimed, asked: u8, is_late: bool, setup: &Setup) {
    let mut entries = [false; ENTRIES];
    let mut room = process.room();
    for (id, count) in (0..).zip(pending) {
        let Some(count) = count.filter(|_| !process.knows(id)) else {
            continue;
        };
        if room == 0 {
            return;
        }
        room -= 1;
        if count > 1 && count >= setup.deliveries {
            // A takeover has brought it, with the lock to run it alone.
            let slot = process.hold(id, count, asked, true);
            if let Some(hand) = &mut process.hands[slot] {
                hand.stage = Stage::Settling(Action::GiveBack);
            }
        } else {
            entries[usize::from(id)] = true;
        }
    }
    if entries.contains(&true) {
        process.keeper = Lane::Sent(Request::Recover { entries }, 0);
    } else {
        recovered(process, is_late);
    }
}

/// Nothing is left to be fetched, for now. Where no request is late, nor will the looks
/// that follow find anything.
fn recovered(process: &mut Process, is_late: bool) {
    process.recovers = false;
    if !is_late {
        process.watch = 0;
    }
}

fn hold(process: &mut Process, entries: Claimed, asked: u8) {
    for (id, count) in (0..).zip(entries) {
        if let Some(count) = count {
            process.hold(id, count, asked, false);
        }
    }
}

fn take(process: &mut Process, taken: Taken, asked: u8) {
    hold(process, taken.entries, asked);
    for id in (0..ENTRIES as u8).filter(|id| taken.spent[usize::from(*id)]) {
        let slot = process.hold(id, 0, asked, false);
        if let Some(hand) = &mut process.hands[slot] {
            hand.stage = Stage::Settling(Action::Bury);
        }
    }
    if let Some((id, count)) = taken.alone {
        process.hold(id, count, asked, true);
    }
}
