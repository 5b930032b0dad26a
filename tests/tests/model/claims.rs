//! The scripts and commands that deliver entries to a process, or renew their leases.

use crate::bug::Bug;
use crate::rules::{self, Fault};
use crate::server::{Entry, Owner, Place, Server};
use crate::setup::{ENTRIES, LEASE, PROCESSES, Setup};

/// Entries with the numbers of their deliveries.
pub(crate) type Claimed = [Option<u8>; ENTRIES];

/// A step of a takeover, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TakeOver {
    /// Whose entries are taken.
    pub(crate) dead: [bool; PROCESSES],
    pub(crate) takeover: bool,
    /// Signs of life alone decide.
    pub(crate) by_signs: bool,
    pub(crate) leave: [bool; ENTRIES],
}

/// What it brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Taken {
    pub(crate) entries: Claimed,
    pub(crate) spent: [bool; ENTRIES],
    pub(crate) alone: Option<(u8, u8)>,
}

impl Server {
    /// `XREADGROUP … >`; makes the group where there is none.
    pub(crate) fn read(&mut self, me: u8, room: usize) -> Claimed {
        let mut read = Claimed::default();
        if !self.has_group {
            self.has_group = true;
            return read;
        }
        let unread = |entry: &Entry| entry.place == Place::Unread;
        for (id, _) in (0..)
            .zip(&mut self.entries)
            .filter(|(_, entry)| unread(entry))
            .take(room)
        {
            read[id] = Some(1);
        }
        for id in ids(&read) {
            self.claim(id, Owner::Process(me), 1);
        }
        read
    }

    /// `renew.lua`: which of `ids` are still ours.
    pub(crate) fn renew(
        &mut self,
        me: u8,
        entries: [bool; ENTRIES],
        setup: &Setup,
    ) -> Result<[bool; ENTRIES], Fault> {
        let mut ours = [false; ENTRIES];
        for id in (0..ENTRIES as u8).filter(|id| entries[usize::from(*id)]) {
            let mine = self.is_mine(me, id);
            if let Some((_, deliveries)) = self.owner(id)
                && (mine || setup.has(Bug::RenewsForAnyone))
            {
                rules::takes_nothing_back(mine)?;
                self.claim(id, Owner::Process(me), deliveries);
                ours[usize::from(id)] = true;
            }
        }
        Ok(ours)
    }

    /// `claim_due.lua`. `None` where the clock wasn't expected.
    pub(crate) fn claim_due(
        &mut self,
        me: u8,
        room: usize,
        leave: [bool; ENTRIES],
        window: Option<i8>,
        asked: u8,
        setup: &Setup,
    ) -> Option<Claimed> {
        if !self.is_expected(window, asked, setup) {
            return None;
        }
        let mut claimed = Claimed::default();
        for id in 0..ENTRIES as u8 {
            let at = usize::from(id);
            let is_due = self.due[at].is_some_and(|due| due <= 0);
            if leave[at] || !is_due || ids(&claimed).count() == room {
                continue;
            }
            if let Some((Owner::Waiting, deliveries)) = self.owner(id) {
                self.claim(id, Owner::Process(me), deliveries + 1);
                claimed[at] = Some(deliveries + 1);
            }
            self.due[at] = None;
        }
        Some(claimed)
    }

    /// `take_over.lua`. `None` where the clock wasn't expected.
    pub(crate) fn take_over(
        &mut self,
        me: u8,
        room: usize,
        step: TakeOver,
        window: Option<i8>,
        asked: u8,
        setup: &Setup,
    ) -> Result<Option<Taken>, Fault> {
        if !self.is_expected(window, asked, setup) {
            return Ok(None);
        }
        let mut taken = Taken::default();
        let (mut locked, mut count) = (false, 0);
        for id in 0..ENTRIES as u8 {
            let at = usize::from(id);
            let Place::Pending {
                owner,
                deliveries,
                idle,
            } = self.entries[at].place
            else {
                continue;
            };
            let is_dead = match owner {
                Owner::Process(owner) => owner != me && step.dead[usize::from(owner)],
                Owner::Takeover => step.takeover,
                Owner::Waiting => false,
            };
            if !is_dead || count == room || !is_idle(idle, step.by_signs, setup) {
                continue;
            }
            let is_spent = deliveries >= setup.deliveries;
            let is_last = deliveries > 0 && deliveries + 1 >= setup.deliveries && !is_spent;
            let mut mine = !step.leave[at];
            if is_last {
                mine &= taken.alone.is_none();
                if mine && !locked && self.lock.is_none() {
                    self.lock = Some((me, LEASE));
                    locked = true;
                }
                mine &= locked;
            }
            if !mine {
                continue;
            }
            rules::takes_from_the_dead(owner, self.entries[at].real)?;
            count += 1;
            if is_spent && !setup.has(Bug::CountsSpent) {
                self.claim(id, Owner::Process(me), deliveries);
                taken.spent[at] = true;
                continue;
            }
            self.claim(id, Owner::Process(me), deliveries + 1);
            if is_last {
                taken.alone = Some((id, deliveries + 1));
            } else {
                taken.entries[at] = Some(deliveries + 1);
            }
        }
        if locked && taken.alone.is_none() {
            self.lock = None;
        }
        Ok(Some(taken))
    }

    /// `XPENDING`, of one consumer.
    pub(crate) fn pending_of(&self, me: u8) -> Claimed {
        let mut pending = Claimed::default();
        for (id, count) in (0..).zip(&mut pending) {
            let owner = self.owner(id);
            *count = owner
                .filter(|(owner, _)| *owner == Owner::Process(me))
                .map(|(_, count)| count);
        }
        pending
    }

    /// `recover.lua`.
    pub(crate) fn recover(&mut self, me: u8, entries: [bool; ENTRIES]) -> Claimed {
        let mut recovered = Claimed::default();
        for id in (0..ENTRIES as u8).filter(|id| entries[usize::from(*id)]) {
            if let Some((owner, deliveries)) = self.owner(id)
                && owner == Owner::Process(me)
            {
                self.claim(id, owner, deliveries);
                recovered[usize::from(id)] = Some(deliveries);
            }
        }
        recovered
    }
}

/// Whether an entry's idle time lets it be taken over. In a pass by signs alone, an idle
/// time that counts from a time yet to come shows as 0, and says nothing; another one is
/// to be believed. (The script can't tell it from one of the same millisecond.)
fn is_idle(idle: i8, by_signs: bool, setup: &Setup) -> bool {
    if setup.has(Bug::IgnoresIdle) {
        return true;
    }
    idle >= LEASE || by_signs && (idle < 0 || setup.has(Bug::SignsAloneDecide))
}

/// The entries of a claim.
pub(crate) fn ids(claimed: &Claimed) -> impl Iterator<Item = u8> + use<> {
    let claimed = *claimed;
    (0..)
        .zip(claimed)
        .filter_map(|(id, count)| count.map(|_| id))
}
