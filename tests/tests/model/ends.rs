//! The scripts and commands that end a delivery.

use crate::bug::Bug;
use crate::rules::{self, Fault};
use crate::server::{Owner, Server};
use crate::setup::Setup;

/// As `command::settle::Found`: how a script found an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    Ours,
    NotOurs,
}

/// How an entry is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Parking {
    pub(crate) entry: u8,
    /// The delivery that has ended; 0 for any.
    pub(crate) attempt: u8,
    /// `None` leaves it to the takeover.
    pub(crate) delay: Option<i8>,
    pub(crate) deliveries: Option<u8>,
}

impl Server {
    /// `XACK`, which asks for no owner. `is_prompt`: it comes as soon as the process has
    /// found that the entry must be its own.
    pub(crate) fn ack(&mut self, me: u8, entry: u8, is_prompt: bool) -> Result<(), Fault> {
        if let Some((owner, _)) = self.owner(entry) {
            let is_excused = self.entries[usize::from(entry)].is_excused;
            rules::acks_its_own(me, owner, is_prompt && !is_excused)?;
            self.end(entry);
        }
        Ok(())
    }

    /// `settle.lua`.
    pub(crate) fn settle(&mut self, me: u8, entry: u8) -> Found {
        if !self.is_mine(me, entry) {
            return Found::NotOurs;
        }
        self.end(entry);
        Found::Ours
    }

    /// `park.lua`.
    pub(crate) fn park(
        &mut self,
        me: u8,
        parking: Parking,
        setup: &Setup,
    ) -> (Found, Option<Owner>) {
        let Parking {
            entry,
            attempt,
            delay,
            deliveries,
        } = parking;
        let Some((owner, count)) = self.owner(entry) else {
            return (Found::NotOurs, None);
        };
        let mine = owner == Owner::Process(me) || setup.has(Bug::ParksForAnyone);
        let is_ended = attempt == 0 || count == attempt || setup.has(Bug::ParksAnyDelivery);
        if mine && is_ended {
            let target = delay.map_or(Owner::Takeover, |_| Owner::Waiting);
            self.claim(entry, target, deliveries.unwrap_or(count));
            if delay.is_some() {
                self.due[usize::from(entry)] = delay;
            }
            return (Found::Ours, Some(owner));
        }
        let was_moved = mine || matches!(owner, Owner::Waiting | Owner::Takeover);
        (
            if was_moved {
                Found::Ours
            } else {
                Found::NotOurs
            },
            None,
        )
    }

    /// `commit.lua`, of one delivery with one output.
    pub(crate) fn commit(&mut self, me: u8, entry: u8, setup: &Setup) -> Result<Found, Fault> {
        let mine = self.is_mine(me, entry);
        if !mine && !setup.has(Bug::CommitsForAnyone) {
            return Ok(Found::NotOurs);
        }
        self.entries[usize::from(entry)].outputs += 1;
        rules::commits_its_own(mine)?;
        self.end(entry);
        Ok(Found::Ours)
    }

    /// `bury.lua`.
    pub(crate) fn bury(&mut self, me: u8, entry: u8, setup: &Setup) -> Result<Found, Fault> {
        let mine = self.is_mine(me, entry);
        if !mine && !setup.has(Bug::BuriesForAnyone) {
            return Ok(Found::NotOurs);
        }
        self.entries[usize::from(entry)].dead += 1;
        rules::buries_its_own(mine)?;
        self.end(entry);
        self.due[usize::from(entry)] = None;
        Ok(Found::Ours)
    }
}
