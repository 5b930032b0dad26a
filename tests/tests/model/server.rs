//! The Redis server: what it keeps of a stream and its group, and one method for each
//! script or command, in which it does all of it in one step, with the checks that the
//! script makes. Those that bring entries are in `claims`, those that end a delivery in
//! `ends`.
//!
//! Times are relative, in ticks, so that states that differ by nothing but the date
//! are one state: a tick passes by adding one to all ages. The server's clock may be
//! set; ages by its clock move then, and those named `real` don't. These are the
//! model's own, no process can see them, and the rules ask for them.

use crate::bug::Bug;
use crate::setup::{ENTRIES, LEASE, PROCESSES, Setup, TOLERANCE};

/// Since 1970, as far as this model goes: the idle time of what was parked.
const EVER: i8 = i8::MAX;

/// The server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) entries: [Entry; ENTRIES],
    /// `{s}:waiting:<group>`: ticks until the entry is due.
    pub(crate) due: [Option<i8>; ENTRIES],
    /// `{s}:members:<group>`: ticks until each sign of life lapses.
    pub(crate) signs: [Option<i8>; PROCESSES],
    /// The lock of entries that run alone, and until when it is held.
    pub(crate) lock: Option<(u8, i8)>,
    /// By how much the clock was set, all in all.
    pub(crate) shift: i8,
    /// How often due times were moved with the clock (`clock:<group>` in meta).
    pub(crate) moves: u8,
    /// Whether the group stands.
    pub(crate) has_group: bool,
    /// Whether the scripts are loaded.
    pub(crate) is_loaded: bool,
}

/// An entry of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    /// Ticks since its owner read it, claimed it, or renewed its lease.
    pub(crate) real: u8,
    /// A handler has returned `Ok` for it.
    pub(crate) is_completed: bool,
    /// How many outputs were written for it, and copies to the dead letters.
    pub(crate) outputs: u8,
    pub(crate) dead: u8,
    /// A request of long ago has given it back that had come again under the same number,
    /// which may happen.
    pub(crate) is_excused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Not yet added, or flushed.
    Nowhere,
    Unread,
    Pending {
        owner: Owner,
        deliveries: u8,
        /// By the server's clock: below zero where that was set back since.
        idle: i8,
    },
    Acked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Process(u8),
    Waiting,
    Takeover,
}

/// What `look.lua` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Look {
    /// Whether each process holds something, and whether `~takeover` does.
    pub(crate) holders: [bool; PROCESSES],
    pub(crate) takeover_holds: bool,
    /// `~waiting` holds more than the set knows.
    pub(crate) has_strays: bool,
    /// What the process holds that asks.
    pub(crate) mine: [bool; ENTRIES],
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            entries: [Entry::NOWHERE; ENTRIES],
            due: [None; ENTRIES],
            signs: [None; PROCESSES],
            lock: None,
            shift: 0,
            moves: 0,
            has_group: true,
            is_loaded: true,
        }
    }

    /// A tick passes. Ages end at `longest`, beyond which they make no difference.
    pub(crate) fn tick(&mut self, longest: i8) {
        for entry in &mut self.entries {
            entry.real = (entry.real + 1).min(LEASE as u8);
        }
        self.pass(1, longest);
    }

    /// The clock is set.
    pub(crate) fn set_clock(&mut self, by: i8, longest: i8) {
        self.shift += by;
        self.pass(by, longest);
    }

    fn pass(&mut self, by: i8, longest: i8) {
        for entry in &mut self.entries {
            if let Place::Pending { idle, .. } = &mut entry.place
                && *idle != EVER
            {
                *idle = (*idle + by).min(longest);
            }
        }
        for left in self.signs.iter_mut().chain(&mut self.due).flatten() {
            *left = (*left - by).max(-longest);
        }
        if let Some((_, left)) = &mut self.lock {
            *left -= by;
            if *left <= 0 {
                self.lock = None;
            }
        }
    }

    /// `FLUSHALL`.
    pub(crate) fn flush(&mut self) {
        *self = Self {
            shift: self.shift,
            has_group: false,
            is_loaded: self.is_loaded,
            ..Self::new()
        };
    }

    pub(crate) fn owner(&self, entry: u8) -> Option<(Owner, u8)> {
        match self.entries[usize::from(entry)].place {
            Place::Pending {
                owner, deliveries, ..
            } => Some((owner, deliveries)),
            _ => None,
        }
    }

    pub(crate) fn is_mine(&self, me: u8, entry: u8) -> bool {
        matches!(self.owner(entry), Some((Owner::Process(owner), _)) if owner == me)
    }

    /// `XCLAIM`, of an entry that is pending.
    pub(crate) fn claim(&mut self, entry: u8, owner: Owner, deliveries: u8) {
        let idle = match owner {
            Owner::Process(_) => 0,
            // TIME 1.
            Owner::Waiting | Owner::Takeover => EVER,
        };
        let entry = &mut self.entries[usize::from(entry)];
        entry.real = if matches!(owner, Owner::Process(_)) {
            0
        } else {
            LEASE as u8
        };
        entry.place = Place::Pending {
            owner,
            deliveries,
            idle,
        };
    }

    /// Whether the clock is where a process expects it that believes it to be set by
    /// `window`, and has asked so many ticks ago.
    pub(crate) fn is_expected(&self, window: Option<i8>, asked: u8, setup: &Setup) -> bool {
        setup.has(Bug::IgnoresClock)
            || window
                .is_none_or(|believed| (self.shift + asked as i8 - believed).abs() <= TOLERANCE)
    }

    /// `beat.lua`.
    pub(crate) fn beat(&mut self, me: u8, set_back: i8) -> [Option<i8>; PROCESSES] {
        for left in self.signs.iter_mut().flatten() {
            if set_back > 0 && *left > (set_back / 2).max(LEASE) {
                *left -= set_back;
            }
        }
        self.signs[usize::from(me)] = Some(LEASE);
        self.signs
    }

    /// `look.lua`.
    pub(crate) fn look(&self, me: u8) -> Look {
        let mut look = Look {
            holders: [false; PROCESSES],
            takeover_holds: false,
            has_strays: false,
            mine: [false; ENTRIES],
        };
        let mut waiting = 0;
        for id in 0..ENTRIES {
            match self.owner(id as u8) {
                Some((Owner::Process(owner), _)) => {
                    look.holders[usize::from(owner)] = true;
                    look.mine[id] = owner == me;
                }
                Some((Owner::Takeover, _)) => look.takeover_holds = true,
                Some((Owner::Waiting, _)) => waiting += 1,
                None => {}
            }
        }
        look.has_strays = waiting > self.due.iter().flatten().count();
        look
    }

    /// `gather.lua`.
    pub(crate) fn gather(&mut self) {
        for id in 0..ENTRIES as u8 {
            if let Some((Owner::Waiting, deliveries)) = self.owner(id)
                && self.due[usize::from(id)].is_none()
            {
                self.claim(id, Owner::Takeover, deliveries);
            }
        }
    }

    /// `move_due.lua`. Returns how often due times were moved.
    pub(crate) fn move_due(&mut self, back: i8, known: u8) -> u8 {
        if self.moves == known {
            self.moves += 1;
            for due in self.due.iter_mut().flatten() {
                *due -= back;
            }
        }
        self.moves
    }

    /// `lock.lua`: keeps the lock, or takes it where nobody has it.
    pub(crate) fn keep_lock(&mut self, me: u8) {
        if self.lock.is_none_or(|(holder, _)| holder == me) {
            self.lock = Some((me, LEASE));
        }
    }

    /// `lock.lua`: releases it.
    pub(crate) fn release_lock(&mut self, me: u8) {
        if self.lock.is_some_and(|(holder, _)| holder == me) {
            self.lock = None;
        }
    }

    /// The entry is pending no more.
    pub(crate) fn end(&mut self, entry: u8) {
        let entry = &mut self.entries[usize::from(entry)];
        entry.place = Place::Acked;
        entry.real = LEASE as u8;
    }
}

impl Entry {
    const NOWHERE: Self = Self {
        place: Place::Nowhere,
        real: LEASE as u8,
        is_completed: false,
        outputs: 0,
        dead: 0,
        is_excused: false,
    };

    pub(crate) const ADDED: Self = Self {
        place: Place::Unread,
        ..Self::NOWHERE
    };
}
