//! The steps of a process: it starts, its handlers begin and end, requests are sent.

use crate::accept::accept;
use crate::process::{Action as End, Lane, Life, Outcome, Stage};
use crate::request::{Answer, Request, Since, Step, What};
use crate::rules::{self, Fault};
use crate::server::Place;
use crate::setup::{LEASE, Setup};
use crate::world::World;

/// `consumer::life::prepare`: it has given a sign of life, and knows the server's clock.
pub(crate) fn start(next: &mut World, me: u8) {
    let shift = next.server.shift;
    let process = next.me(me);
    process.life = Life::Up;
    process.clock = Some(shift);
    next.server.beat(me, 0);
}

pub(crate) fn begin(next: &mut World, me: u8, slot: usize) -> Result<(), Fault> {
    let Some(hand) = &mut next.me(me).hands[slot] else {
        return Ok(());
    };
    hand.age = 0;
    if hand.confirmed >= LEASE as u8 {
        // The process, or the server, stood still.
        hand.stage = Stage::Settling(End::GiveBack);
        next.me(me).releases |=
            next.processes[usize::from(me)].hands[slot].is_some_and(|hand| hand.is_alone);
        return Ok(());
    }
    rules::begins_by_itself(next, me, slot)?;
    if let Some(hand) = &mut next.me(me).hands[slot] {
        hand.stage = Stage::Running;
    }
    Ok(())
}

/// `consumer::worker::ending`.
pub(crate) fn end(next: &mut World, me: u8, slot: usize, outcome: Outcome, setup: &Setup) {
    let process = next.me(me);
    let Some(hand) = &mut process.hands[slot] else {
        return;
    };
    let entry = usize::from(hand.entry);
    let is_done = matches!(outcome, Outcome::Ok | Outcome::Produces);
    let is_last = hand.attempt >= setup.deliveries;
    hand.is_repeated = false;
    hand.stage = match outcome {
        Outcome::Ok if hand.stage == Stage::Running => Stage::Done,
        Outcome::Ok => Stage::Settling(End::AckHeld),
        Outcome::Produces => Stage::Settling(End::Produce),
        Outcome::Fails if !is_last => Stage::Settling(End::Retry),
        Outcome::Fails | Outcome::FailsForGood => Stage::Settling(End::Bury),
    };
    process.releases |= hand.is_alone;
    let entry = &mut next.server.entries[entry];
    // Of one that was flushed there is nothing left to say.
    entry.is_completed |= is_done && entry.place != Place::Nowhere;
}

/// A request goes out.
pub(crate) fn send(next: &mut World, me: u8, slot: Option<usize>, request: Request) {
    let process = next.me(me);
    if let Some(slot) = slot {
        process.settling = Some(slot as u8);
        if let Some(hand) = &mut process.hands[slot]
            && hand.stage == Stage::Done
        {
            hand.stage = Stage::Settling(End::Ack);
        }
        process.settler = Lane::Sent(request, 0);
        return;
    }
    process.keeper = Lane::Sent(request, 0);
    if let Request::Renew { .. } = request {
        process.is_hasty = false;
        for hand in process
            .hands
            .iter_mut()
            .flatten()
            .filter(|hand| hand.has_waited())
        {
            hand.stage = Stage::Settling(End::GiveBack);
            hand.age = 0;
            process.releases |= hand.is_alone;
        }
    }
}

/// A request that was sent is carried out and answered at once.
pub(crate) fn ask(next: &mut World, me: u8, request: Request, setup: &Setup) -> Result<(), Fault> {
    let what = carry_out_all(next, me, request, setup)?;
    let shift = next.server.shift;
    let way = request.way();
    accept(next, me, way, Answer { what, shift }, (0, 0), setup);
    Ok(())
}

pub(crate) fn carry_out_all(
    next: &mut World,
    me: u8,
    mut request: Request,
    setup: &Setup,
) -> Result<What, Fault> {
    let since = Since {
        asked: 0,
        is_prompt: true,
    };
    loop {
        match request.carry_out(next, me, since, setup)? {
            Step::Next(next) => request = next,
            Step::Answer(what) => return Ok(what),
        }
    }
}
