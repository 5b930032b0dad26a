//! The invariants.

use crate::process::{Life, Process, Stage};
use crate::server::{Owner, Place};
use crate::setup::{LEASE, PROCESSES, Setup, TOLERANCE};
use crate::world::World;

/// A rule that was broken.
pub(crate) type Fault = &'static str;

/// For how long after a confirmation nobody else has an entry, though the server's
/// clock be set by as much as nobody notices.
const SAFE: u8 = (LEASE - TOLERANCE) as u8;

/// A lease that was lost is never taken back by a renewal.
pub(crate) fn takes_nothing_back(is_mine: bool) -> Result<(), Fault> {
    rule(is_mine, "a renewal took an entry from somebody else")
}

/// What is taken over is idle: its owner hasn't confirmed it for a lease.
pub(crate) fn takes_from_the_dead(owner: Owner, confirmed: u8) -> Result<(), Fault> {
    rule(
        !matches!(owner, Owner::Process(_)) || confirmed >= SAFE,
        "an entry was taken over within the lease of its holder",
    )
}

/// A plain `XACK` goes out only where nobody else can have the entry. One that was on
/// its way for longer acknowledges what was completed, all the same.
pub(crate) fn acks_its_own(me: u8, owner: Owner, is_prompt: bool) -> Result<(), Fault> {
    rule(
        owner == Owner::Process(me) || !is_prompt,
        "a process has acknowledged an entry that it had lost",
    )
}

pub(crate) fn commits_its_own(is_mine: bool) -> Result<(), Fault> {
    rule(is_mine, "outputs were written for an entry that was lost")
}

pub(crate) fn buries_its_own(is_mine: bool) -> Result<(), Fault> {
    rule(is_mine, "an entry was buried that somebody else held")
}

/// A delivery is parked once it has ended. A request that is repeated, or comes late,
/// may give back what has come again under the same number.
pub(crate) fn parks_what_has_ended(
    world: &World,
    me: u8,
    (entry, attempt): (u8, u8),
    owner: Owner,
) -> Result<(), Fault> {
    if owner != Owner::Process(me) {
        return Err("an entry was parked that somebody else held");
    }
    let process = &world.processes[usize::from(me)];
    let is_later = process.hands().any(|(_, delivery)| {
        delivery.entry == entry && delivery.stage == Stage::Running && delivery.attempt > attempt
    });
    rule(
        attempt == 0 || !is_later,
        "a delivery was parked while its handler ran",
    )
}

/// A handler begins where nobody else that lives runs one for the same entry. One that
/// runs alone is the only one of its kind.
pub(crate) fn begins_by_itself(world: &World, me: u8, slot: usize) -> Result<(), Fault> {
    let Some(mine) = world.processes[usize::from(me)].hand(slot) else {
        return Ok(());
    };
    let others = (0..PROCESSES).filter(|p| *p != usize::from(me));
    for other in others.map(|p| &world.processes[p]) {
        for (_, theirs) in running_within_lease(other) {
            let is_same = theirs.entry == mine.entry;
            if is_same
                && mine.confirmed < SAFE
                && !world.server.entries[usize::from(mine.entry)].is_excused
            {
                return Err("an entry runs at two living processes at once");
            }
            if theirs.is_alone && mine.is_alone && !is_same {
                return Err("two entries run alone at once");
            }
        }
    }
    Ok(())
}

fn running_within_lease(
    process: &Process,
) -> impl Iterator<Item = (usize, &crate::process::Delivery)> {
    let lives = matches!(process.life, Life::Up | Life::Frozen);
    process.hands().filter(move |(_, delivery)| {
        lives && delivery.stage == Stage::Running && delivery.confirmed < SAFE
    })
}

/// What must hold of each state.
pub(crate) fn hold(world: &World, setup: &Setup) -> Result<(), Fault> {
    for entry in &world.server.entries {
        let is_acked = entry.place == Place::Acked;
        rule(
            !is_acked || entry.is_completed || entry.dead > 0,
            "an entry is gone that was neither completed nor buried",
        )?;
        rule(entry.outputs <= 1, "an output was written twice")?;
        rule(
            entry.outputs == 0 || is_acked,
            "an output was written for an entry that isn't acknowledged",
        )?;
        rule(entry.dead <= 1, "an entry was buried twice")?;
        rule(
            entry.dead == 0 || is_acked,
            "an entry was buried and is still there",
        )?;
        if let Place::Pending { deliveries, .. } = entry.place {
            rule(
                deliveries <= setup.deliveries,
                "an entry was delivered too often",
            )?;
        }
    }
    Ok(())
}

fn rule(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}
