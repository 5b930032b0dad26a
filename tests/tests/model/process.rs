//! A process with one consumer: its knowledge and its entries.

use crate::bug::Bug;
use crate::request::{Answer, Request, Way};
use crate::setup::{ENTRIES, HANDS, LEASE, PROCESSES, Setup, TOLERANCE};

/// How long after a lost answer entries may still come up: four thirds of a lease.
const WATCH: u8 = (LEASE * 4 / 3) as u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Life {
    /// It has yet to begin.
    Fresh,
    Up,
    /// Stopped (`SIGSTOP`), or on a machine that stands still.
    Frozen,
    Dead,
}

/// As `consumer::member::stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Buffered,
    Running,
    Lost,
    Done,
    Settling(Action),
}

/// As `consumer::member::settle::Action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// It was done, and is acknowledged.
    Ack,
    AckHeld,
    Produce,
    GiveBack,
    Retry,
    Bury,
}

/// How a handler ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Ok,
    /// With an output.
    Produces,
    Fails,
    FailsForGood,
}

impl Outcome {
    pub(crate) const ALL: [Self; 4] = [Self::Ok, Self::Produces, Self::Fails, Self::FailsForGood];
}

/// A delivery that the process has in hand: a reply of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Delivery {
    pub(crate) entry: u8,
    pub(crate) attempt: u8,
    pub(crate) stage: Stage,
    /// Ticks since the request that last confirmed that the entry is ours.
    pub(crate) confirmed: u8,
    /// Ticks in the buffer.
    pub(crate) age: u8,
    pub(crate) is_alone: bool,
    /// The answer to an earlier request was lost.
    pub(crate) is_repeated: bool,
    /// How many of those in hand came before.
    pub(crate) order: u8,
    /// It was given to others, since its handler ran for too long.
    pub(crate) is_capped: bool,
}

impl Delivery {
    /// It has waited in the buffer for a lease, and is given back.
    pub(crate) fn has_waited(&self) -> bool {
        self.stage == Stage::Buffered && self.age >= LEASE as u8
    }
}

/// What is under way on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    Idle,
    /// Asked so many ticks ago.
    Sent(Request, u8),
    /// Asked, and carried out, so many ticks ago.
    Answered(Answer, u8, u8),
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) life: Life,
    pub(crate) hands: [Option<Delivery>; HANDS],
    /// Of the keeper and the reader, which wait for each other.
    pub(crate) keeper: Lane,
    pub(crate) settler: Lane,
    /// Ticks since the last sign of life.
    pub(crate) beat: u8,
    /// By how much it believes the server's clock to be set; `None` before the first
    /// answer.
    pub(crate) clock: Option<i8>,
    /// By how much it was set back, as the other signs have yet to be told.
    pub(crate) set_back: i8,
    /// By how much due times are to be moved back, and how often they were moved.
    pub(crate) moving: i8,
    pub(crate) moves: u8,
    /// For so many ticks nothing is taken over.
    pub(crate) put_off: u8,
    /// For so many ticks idle times may lie in the future.
    pub(crate) ahead: u8,
    pub(crate) by_signs: bool,
    /// A pass of the takeover is under way, over these.
    pub(crate) is_looking: bool,
    pub(crate) dead: [bool; PROCESSES],
    pub(crate) takeover: bool,
    pub(crate) is_gathering: bool,
    /// An answer was lost; ticks left to look for what it brought; the next such look is
    /// due.
    pub(crate) watch: u8,
    pub(crate) recovers: bool,
    /// Entries that Redis had under our name, and nobody here knew.
    pub(crate) suspects: [bool; ENTRIES],
    /// Leases are to be renewed at once.
    pub(crate) is_hasty: bool,
    /// The lock of entries that run alone is to be released.
    pub(crate) releases: bool,
    /// The delivery that the settler has asked for.
    pub(crate) settling: Option<u8>,
}

impl Process {
    pub(crate) const FRESH: Self = Self {
        life: Life::Fresh,
        hands: [None; HANDS],
        keeper: Lane::Idle,
        settler: Lane::Idle,
        beat: 0,
        clock: None,
        set_back: 0,
        moving: 0,
        moves: 0,
        put_off: 0,
        ahead: 0,
        by_signs: false,
        is_looking: false,
        dead: [false; PROCESSES],
        takeover: false,
        is_gathering: false,
        watch: 0,
        recovers: false,
        suspects: [false; ENTRIES],
        is_hasty: false,
        releases: false,
        settling: None,
    };

    /// What is left of a process that has died.
    pub(crate) const DEAD: Self = Self {
        life: Life::Dead,
        ..Self::FRESH
    };

    pub(crate) fn hands(&self) -> impl Iterator<Item = (usize, &Delivery)> {
        let hands = self.hands.iter().enumerate();
        hands.filter_map(|(slot, hand)| Some((slot, hand.as_ref()?)))
    }

    pub(crate) fn hand(&self, slot: usize) -> Option<&Delivery> {
        self.hands[slot].as_ref()
    }

    pub(crate) fn knows(&self, entry: u8) -> bool {
        self.hands().any(|(_, delivery)| delivery.entry == entry)
    }

    /// How many more entries it may claim.
    pub(crate) fn room(&self) -> usize {
        self.hands.iter().filter(|hand| hand.is_none()).count()
    }

    /// An entry is to run alone, or does: nothing else is claimed, nor started.
    pub(crate) fn is_paused(&self) -> bool {
        let in_hand = |stage| matches!(stage, Stage::Buffered | Stage::Running | Stage::Lost);
        self.hands()
            .any(|(_, one)| one.is_alone && in_hand(one.stage))
    }

    pub(crate) fn is_capped(&self) -> [bool; ENTRIES] {
        self.picked(|one| one.is_capped)
    }

    /// The entries of some deliveries.
    pub(crate) fn picked(&self, pick: impl Fn(&Delivery) -> bool) -> [bool; ENTRIES] {
        let mut picked = [false; ENTRIES];
        for (_, one) in self.hands().filter(|(_, one)| pick(one)) {
            picked[usize::from(one.entry)] = true;
        }
        picked
    }

    /// A tick passes.
    pub(crate) fn tick(&mut self) {
        const LONG: u8 = LEASE as u8;
        if matches!(self.life, Life::Fresh | Life::Dead) {
            return;
        }
        for hand in self.hands.iter_mut().flatten() {
            hand.confirmed = (hand.confirmed + 1).min(LONG);
            if hand.stage == Stage::Buffered {
                hand.age = (hand.age + 1).min(LONG);
            }
        }
        for lane in [&mut self.keeper, &mut self.settler] {
            match lane {
                Lane::Idle => {}
                Lane::Sent(_, asked) => *asked = (*asked + 1).min(LONG),
                Lane::Answered(_, asked, done) => {
                    *asked = (*asked + 1).min(LONG);
                    *done = (*done + 1).min(LONG);
                }
            }
        }
        self.beat = (self.beat + 1).min(LONG);
        self.put_off = self.put_off.saturating_sub(1);
        self.ahead = self.ahead.saturating_sub(1);
        self.watch = self.watch.saturating_sub(1);
        // Each third of a lease.
        self.recovers |= self.watch > 0;
    }

    /// Whether it does something before the next tick: it lives, and a lease or its sign
    /// of life is due. It is as busy as it likes with everything else.
    pub(crate) fn is_urgent(&self, has_group: bool) -> bool {
        self.life == Life::Up
            && self.keeper == Lane::Idle
            && (self.beat >= TOLERANCE as u8
                || has_group && self.renewable().any(|one| one.confirmed > LEASE as u8 / 2))
    }

    /// Those whose leases are renewed.
    pub(crate) fn renewable(&self) -> impl Iterator<Item = &Delivery> {
        self.hands()
            .map(|(_, one)| one)
            .filter(|one| one.stage != Stage::Lost)
    }

    /// Whether a request is left out, since the entry has come once more.
    pub(crate) fn has_come_again(&self, slot: usize, setup: &Setup) -> bool {
        self.hand(slot).is_some_and(|one| {
            let again = |(other, two): (usize, &Delivery)| {
                let is_later = two.order > one.order || setup.has(Bug::LeavesOutTheLast);
                other != slot && two.entry == one.entry && is_later
            };
            one.is_repeated
                && matches!(one.stage, Stage::Settling(Action::GiveBack | Action::Retry))
                && self.hands().any(again)
        })
    }

    /// Takes an entry in hand that came by a request of `asked` ticks ago.
    pub(crate) fn hold(&mut self, entry: u8, attempt: u8, asked: u8, is_alone: bool) -> usize {
        let slot = self.hands.iter().position(Option::is_none);
        // Claims ask for no more than there is room for, and wait for each other.
        let slot = slot.unwrap_or(HANDS - 1);
        let order = self.hands().count() as u8;
        self.hands[slot] = Some(Delivery {
            entry,
            attempt,
            stage: Stage::Buffered,
            confirmed: asked,
            age: asked,
            is_alone,
            order,
            is_repeated: false,
            is_capped: false,
        });
        slot
    }

    /// A delivery is over.
    pub(crate) fn let_go(&mut self, slot: usize) {
        if let Some(gone) = self.hands[slot].take() {
            for one in self.hands.iter_mut().flatten() {
                one.order -= u8::from(one.order > gone.order);
            }
        }
    }

    /// Whether the handler of a delivery may begin.
    pub(crate) fn may_begin(&self, slot: usize) -> bool {
        let runs = |one: &Delivery| matches!(one.stage, Stage::Running | Stage::Lost);
        let Some(one) = self.hand(slot) else {
            return false;
        };
        self.life == Life::Up
            && one.stage == Stage::Buffered
            && (!self.is_paused() || one.is_alone && !self.hands().any(|(_, one)| runs(one)))
    }

    /// An answer may be lost that has brought entries.
    pub(crate) fn lost_answer(&mut self) {
        self.watch = WATCH;
        self.recovers = true;
    }

    /// The keeper's connection is another one.
    pub(crate) fn reconnected(&mut self) {
        self.is_hasty = true;
        self.beat = LEASE as u8;
        self.put_off_takeover(LEASE as u8);
    }

    pub(crate) fn put_off_takeover(&mut self, ticks: u8) {
        self.put_off = ticks;
        self.end_pass();
    }

    /// Leaves the rest to the next look.
    pub(crate) fn end_pass(&mut self) {
        self.is_looking = false;
        self.dead = [false; PROCESSES];
        self.takeover = false;
        self.by_signs &= self.ahead > 0;
    }

    /// Notes the server's clock, from a request that was asked and carried out so many
    /// ticks ago: `consumer::member::sign_of_life`.
    pub(crate) fn observe(&mut self, shift: i8, asked: u8, done: u8) {
        let (asked, done) = (asked as i8, done as i8);
        if let Some(believed) = self.clock {
            let earliest = (asked - done) + shift - believed;
            let latest = shift - believed - done;
            if earliest < -TOLERANCE {
                self.follow(earliest);
            } else if latest > TOLERANCE {
                self.follow(latest);
            } else if asked > TOLERANCE {
                return;
            }
        }
        self.clock = Some(shift - done);
    }

    /// Follows a step of the server's clock.
    fn follow(&mut self, by: i8) {
        self.reconnected();
        if by < 0 {
            self.set_back += -by;
            self.ahead = (-by + LEASE) as u8;
            self.moving = -by;
        }
    }

    /// Which of the two connections a request goes by.
    pub(crate) fn lane(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Keeper => &mut self.keeper,
            Way::Settler => &mut self.settler,
        }
    }
}
