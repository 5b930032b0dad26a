//! Requests of processes to the server, and its answers.

use crate::claims::{Claimed, TakeOver, Taken};
use crate::ends::{Found, Parking};
use crate::process::{Action, Delivery, Stage};
use crate::rules::{self, Fault};
use crate::server::{Look, Owner};
use crate::setup::{ENTRIES, PROCESSES, Setup};
use crate::world::World;

/// The connection that a request goes by: two of a process don't wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Keeper,
    Settler,
}

/// One script or command, or two that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    /// `beat.lua`, and `look.lua` behind it.
    Beat { set_back: i8 },
    /// The second of these, with what the first has said.
    Look { signs: [Option<i8>; PROCESSES] },
    /// `renew.lua`, and `lock.lua` for an entry that runs alone.
    Renew { due: [bool; ENTRIES], alone: bool },
    /// `XREADGROUP`.
    Read { room: u8 },
    /// `claim_due.lua`.
    ClaimDue {
        room: u8,
        leave: [bool; ENTRIES],
        window: Option<i8>,
    },
    /// `take_over.lua`.
    TakeOver {
        room: u8,
        window: Option<i8>,
        step: TakeOver,
    },
    /// `XPENDING`, of what is ours.
    Pending,
    /// `recover.lua`, of what of that is unknown.
    Recover { entries: [bool; ENTRIES] },
    /// `gather.lua`.
    Gather,
    /// `move_due.lua`.
    MoveDue { back: i8, moves: u8 },
    /// `lock.lua`, to release.
    Release,
    /// `park.lua`, of a delivery whose handler runs for too long.
    Cap { slot: u8, parking: Parking },
    /// `XACK`.
    Ack { entry: u8 },
    /// `settle.lua`.
    AckHeld { entry: u8 },
    /// `park.lua`.
    Park(Parking),
    /// `commit.lua`.
    Commit { entry: u8 },
    /// `bury.lua`.
    Bury { entry: u8 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Answer {
    pub(crate) what: What,
    /// By how much the server's clock was set by then.
    pub(crate) shift: i8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Looked {
        signs: [Option<i8>; PROCESSES],
        look: Look,
    },
    Renewed {
        due: [bool; ENTRIES],
        ours: [bool; ENTRIES],
    },
    Read(Claimed),
    /// With how often due times were moved.
    Due(Claimed, u8),
    Taken(Taken),
    Pending(Claimed),
    Recovered(Claimed),
    Gathered,
    Moved(u8),
    Released,
    Capped(u8),
    Settled(Found),
    /// The clock wasn't expected: nothing was done.
    NotNow,
    NoGroup,
}

/// When a request was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    /// Ticks ago.
    pub(crate) asked: u8,
    /// Nothing has happened since.
    pub(crate) is_prompt: bool,
}

/// What comes of a request at the server.
pub(crate) enum Step {
    Answer(What),
    /// The server has something else to do first: load the script, or carry out the
    /// second of two.
    Next(Request),
}

impl Request {
    /// The connection that it goes by.
    pub(crate) fn way(self) -> Way {
        match self {
            Self::Ack { .. }
            | Self::AckHeld { .. }
            | Self::Park(_)
            | Self::Commit { .. }
            | Self::Bury { .. } => Way::Settler,
            _ => Way::Keeper,
        }
    }

    pub(crate) fn is_claim(self) -> bool {
        matches!(
            self,
            Self::Read { .. } | Self::ClaimDue { .. } | Self::TakeOver { .. } | Self::Pending
        )
    }

    /// Whether it is a script, which the server may have forgotten.
    fn is_script(self) -> bool {
        !matches!(self, Self::Read { .. } | Self::Pending | Self::Ack { .. })
    }

    fn needs_group(self) -> bool {
        !matches!(
            self,
            Self::Beat { .. }
                | Self::Look { .. }
                | Self::Read { .. }
                | Self::MoveDue { .. }
                | Self::Release
                | Self::Ack { .. }
                | Self::ClaimDue { .. }
        )
    }

    /// The server carries it out, for the process `me`, which asked so many ticks ago.
    pub(crate) fn carry_out(
        self,
        world: &mut World,
        me: u8,
        since: Since,
        setup: &Setup,
    ) -> Result<Step, Fault> {
        let Since { asked, is_prompt } = since;
        let before = *world;
        let server = &mut world.server;
        if self.is_script() && !server.is_loaded {
            // NOSCRIPT: it comes again, with the script in front.
            server.is_loaded = true;
            return Ok(Step::Next(self));
        }
        if self.needs_group() && !server.has_group {
            return Ok(Step::Answer(What::NoGroup));
        }
        Ok(Step::Answer(match self {
            Self::Beat { set_back } => {
                let signs = server.beat(me, set_back);
                return Ok(Step::Next(Self::Look { signs }));
            }
            Self::Look { signs } => What::Looked {
                signs,
                look: server.look(me),
            },
            Self::Renew { due, alone } => {
                let ours = server.renew(me, due, setup)?;
                if alone {
                    server.keep_lock(me);
                }
                What::Renewed { due, ours }
            }
            Self::Read { room } => What::Read(server.read(me, room.into())),
            Self::ClaimDue {
                room,
                leave,
                window,
            } => {
                let due = server.claim_due(me, room.into(), leave, window, asked, setup);
                due.map_or(What::NotNow, |due| What::Due(due, server.moves))
            }
            Self::TakeOver { room, window, step } => {
                let taken = server.take_over(me, room.into(), step, window, asked, setup)?;
                taken.map_or(What::NotNow, What::Taken)
            }
            Self::Pending => What::Pending(server.pending_of(me)),
            Self::Recover { entries } => What::Recovered(server.recover(me, entries)),
            Self::Gather => {
                server.gather();
                What::Gathered
            }
            Self::MoveDue { back, moves } => What::Moved(server.move_due(back, moves)),
            Self::Release => {
                server.release_lock(me);
                What::Released
            }
            Self::Cap { slot, parking } => {
                let (_, owner) = server.park(me, parking, setup);
                check_parked(&before, world, me, parking, owner)?;
                What::Capped(slot)
            }
            Self::Ack { entry } => {
                server.ack(me, entry, is_prompt)?;
                What::Settled(Found::Ours)
            }
            Self::AckHeld { entry } => What::Settled(server.settle(me, entry)),
            Self::Park(parking) => {
                let (found, owner) = server.park(me, parking, setup);
                check_parked(&before, world, me, parking, owner)?;
                What::Settled(found)
            }
            Self::Commit { entry } => What::Settled(server.commit(me, entry, setup)?),
            Self::Bury { entry } => What::Settled(server.bury(me, entry, setup)?),
        }))
    }
}

/// Judges a park that took an entry from `owner`.
fn check_parked(
    before: &World,
    world: &mut World,
    me: u8,
    parking: Parking,
    owner: Option<Owner>,
) -> Result<(), Fault> {
    let Some(owner) = owner else {
        return Ok(());
    };
    let Parking { entry, attempt, .. } = parking;
    // Repeated, or late, it may be about what has come again under the same number:
    // anything but the delivery that asks for it.
    let asks = |stage| matches!(stage, Stage::Settling(Action::GiveBack | Action::Retry));
    let same = |one: &Delivery| (one.entry, one.attempt) == (entry, attempt) && !one.is_capped;
    let hands = || {
        before.processes[usize::from(me)]
            .hands()
            .filter(|(_, one)| same(one))
    };
    let has_again = hands().count() > 1 || hands().any(|(_, one)| !asks(one.stage));
    world.server.entries[usize::from(entry)].is_excused |= has_again;
    rules::parks_what_has_ended(before, me, (entry, attempt), owner)
}
