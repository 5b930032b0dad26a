//! The order of claims, and the time of the next one.
//!
//! # The looks
//!
//! Two threads look for due entries of `~waiting`. The *reader* sends a look in front of
//! a read that waits for entries, so that an idle consumer sends one request for both.
//! The *keeper* looks by itself when an entry is known to be due, and when the reader
//! doesn't look: while it waits for room, its answers come back full, its connection
//! fails, or Redis has refused its look. Only one claim is under way at a time; neither
//! thread waits for the other's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::held::Held;
use super::stage::Stage;
use crate::command::DueMove;
use crate::message::EntryId;
use crate::runtime::Bell;

/// The longest time until an entry that another process has put into `~waiting` is
/// noticed, if the reader doesn't wait for longer.
const NOTICE: Duration = Duration::from_secs(1);

/// The time after which the reader looks again, if it reads.
const SOON: Duration = Duration::from_millis(500);

/// How far the reader's wait may be overrun before the keeper looks instead.
const SLACK: Duration = Duration::from_millis(500);

/// Orders the claims of returning entries: an entry on its way to this process must not
/// look like a delivery whose answer was lost. Knows the time of the next claim.
#[derive(Debug)]
pub(crate) struct Claiming {
    under_way: Mutex<()>,
    /// Whether the keeper is to be told of the end of the claim under way.
    is_awaited: AtomicBool,
    answer_lost: AtomicBool,
    looks: Mutex<Looks>,
    moving: Mutex<Moving>,
    /// Entries whose handlers have run for too long, which are for other consumers.
    capped: Mutex<Vec<(Arc<Held>, usize)>>,
    /// Wakes the keeper.
    wake: Bell,
}

/// The times of looks for due entries.
#[derive(Debug)]
struct Looks {
    /// When an entry of `~waiting` is due, as far as known.
    next_due: Option<Instant>,
    /// When the last look was sent.
    last: Option<Instant>,
    /// The end of the wait of the read that carries the last look.
    waits_until: Option<Instant>,
    /// The latest time of the keeper's look.
    keeper: Instant,
    /// Whether the reader leaves the next look to the keeper.
    is_keepers: bool,
}

/// The moves of due times after a step of the server's clock.
#[derive(Debug, Default)]
struct Moving {
    /// The number of moves so far, as of the last answer.
    moves: Option<u64>,
    /// The move under way.
    step: Option<DueMove>,
}

/// Held from a claim until its entries are known here, and while unseen
/// deliveries are looked for.
pub(crate) struct Claim<'a> {
    guard: Option<MutexGuard<'a, ()>>,
    claiming: &'a Claiming,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.guard = None;
        if self.claiming.is_awaited.swap(false, Ordering::SeqCst) {
            self.claiming.wake.ring();
        }
    }
}

impl Claiming {
    pub(crate) fn new(wake: &Bell) -> Self {
        Self {
            under_way: Mutex::new(()),
            is_awaited: AtomicBool::new(false),
            answer_lost: AtomicBool::new(false),
            looks: Mutex::new(Looks {
                next_due: None,
                last: None,
                waits_until: None,
                keeper: Instant::now() + NOTICE,
                is_keepers: false,
            }),
            moving: Mutex::default(),
            capped: Mutex::default(),
            wake: wake.clone(),
        }
    }

    /// Waits for the claim under way, if there is one.
    pub(crate) fn begin(&self) -> Claim<'_> {
        self.claim(self.under_way.lock())
    }

    /// Begins a claim, unless one is under way.
    pub(crate) fn try_begin(&self) -> Option<Claim<'_>> {
        Some(self.claim(self.under_way.try_lock()?))
    }

    fn claim<'a>(&'a self, guard: MutexGuard<'a, ()>) -> Claim<'a> {
        Claim {
            guard: Some(guard),
            claiming: self,
        }
    }

    /// Whether a claim is under way. The keeper is woken at its end.
    pub(crate) fn is_under_way(&self) -> bool {
        // Stored before the look: a claim that the look doesn't see has ended.
        self.is_awaited.store(true, Ordering::SeqCst);
        let is_under_way = self.under_way.is_locked();
        if !is_under_way {
            self.is_awaited.store(false, Ordering::SeqCst);
        }
        is_under_way
    }

    /// Notes that an answer may have been lost: entries that Redis counts as ours, and
    /// this process doesn't know, must be fetched.
    pub(crate) fn lost_answer(&self) {
        self.answer_lost.store(true, Ordering::SeqCst);
    }

    /// Whether an answer was lost since the last call.
    pub(crate) fn take_lost_answer(&self) -> bool {
        self.answer_lost.swap(false, Ordering::SeqCst)
    }

    /// Notes when an entry of `~waiting` is due, and wakes the keeper if
    /// that is earlier than known.
    pub(crate) fn expect_due(&self, at: Instant) {
        let mut looks = self.looks.lock();
        if looks.next_due.is_none_or(|known| at < known) {
            looks.next_due = Some(at);
            drop(looks);
            self.wake.ring();
        }
    }

    /// The time of the keeper's next look.
    pub(crate) fn keeper_looks_at(&self) -> Instant {
        let looks = self.looks.lock();
        let at = match looks.waits_until {
            Some(end) if !looks.is_keepers => looks.keeper.max(end + SLACK),
            _ => looks.keeper,
        };
        looks.next_due.map_or(at, |due| due.min(at))
    }

    /// Whether a read that waits for entries is to look, too.
    pub(crate) fn reader_looks(&self) -> bool {
        let looks = self.looks.lock();
        !looks.is_keepers && looks.last.is_none_or(|last| last.elapsed() >= SOON)
    }

    /// Notes that a read carries a look and waits for `wait`.
    pub(crate) fn rides_for(&self, wait: Duration) {
        self.looks.lock().waits_until = Some(Instant::now() + wait);
    }

    /// Notes that the reader no longer waits. It has a moment to look again.
    pub(crate) fn rides_no_more(&self) {
        let mut looks = self.looks.lock();
        if looks.waits_until.take().is_some() && !looks.is_keepers {
            looks.keeper = looks.keeper.max(Instant::now() + SLACK);
        }
    }

    /// Makes the keeper look at once, and the reader leave looks to the keeper until that
    /// has succeeded.
    pub(crate) fn leave_to_keeper(&self) {
        let mut looks = self.looks.lock();
        looks.keeper = Instant::now();
        looks.is_keepers = true;
        drop(looks);
        self.wake.ring();
    }

    /// Notes that the keeper's look has failed.
    pub(crate) fn look_failed(&self) {
        let mut looks = self.looks.lock();
        looks.keeper = Instant::now() + NOTICE;
        looks.is_keepers = true;
    }

    /// Notes the answer to a look sent at `asked`: when the next entry is due, and how
    /// often due times were moved.
    pub(crate) fn looked(&self, asked: Instant, next_due: Option<Instant>, moves: u64) {
        let mut looks = self.looks.lock();
        looks.last = Some(asked);
        looks.next_due = next_due;
        looks.keeper = asked + NOTICE;
        looks.is_keepers = false;
        drop(looks);
        self.moving.lock().moves = Some(moves);
    }

    /// Whether due times are to be moved before anything is claimed.
    pub(crate) fn is_moving(&self) -> bool {
        self.moving.lock().step.is_some()
    }

    /// Starts a move of due times, after the server's clock was set back. Before the
    /// first look, nothing known here was parked.
    pub(crate) fn follow(&self, back: Duration) {
        let mut moving = self.moving.lock();
        moving.step = moving.moves.map(|moves| DueMove {
            back,
            moves,
            from: String::new(),
        });
    }

    /// The next step of the move under way.
    pub(crate) fn next_move(&self) -> Option<DueMove> {
        self.moving.lock().step.clone()
    }

    /// Notes that a step was made, and whether it was the last.
    pub(crate) fn moved(&self, step: DueMove, is_last: bool) {
        let mut moving = self.moving.lock();
        if is_last {
            moving.moves = Some(step.moves);
            moving.step = None;
            drop(moving);
            self.leave_to_keeper();
        } else {
            moving.step = Some(step);
        }
    }

    /// Leaves an entry to other consumers as long as its handler runs here.
    pub(crate) fn cap(&self, held: &Arc<Held>, index: usize) {
        self.capped.lock().push((Arc::clone(held), index));
    }

    /// The entries that this process must not claim.
    pub(crate) fn capped(&self) -> Vec<EntryId> {
        let mut capped = self.capped.lock();
        capped.retain(|(held, index)| held.stage(*index) != Stage::Gone);
        let ids = capped.iter().map(|(held, index)| held.id(*index));
        ids.collect()
    }
}
