//! Where the master is, and whether that is to be found out again.
//!
//! Rounds are numbered. A caller that wants one asks for the next that has not begun,
//! since one under way may have gathered its answers before; the seeker begins one
//! where more are wanted than have begun. All changes are made under one lock, and
//! wake both sides.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use parking_lot::{Condvar, Mutex, RwLock};

use crate::connection::deadline::Deadline;
use crate::connection::node::Node;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Interrupt;

/// The least time between two rounds.
const BETWEEN: Duration = Duration::from_millis(100);

/// The longest, once there was one.
const BACKSTOP: Duration = Duration::from_secs(10);

/// What callers and the seeker tell each other.
#[derive(Debug, Default)]
pub(super) struct Board {
    master: RwLock<Option<Arc<Node>>>,
    rounds: Mutex<Rounds>,
    change: Condvar,
    /// Ends what the seeker waits for outside of this.
    end: Interrupt,
}

#[derive(Debug, Default)]
struct Rounds {
    wanted: u64,
    begun: u64,
    ended: u64,
    /// When the last one has begun.
    begun_at: Option<Instant>,
    /// That of the last one.
    failure: Option<Error>,
    over: bool,
}

/// What the seeker is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Ask,
    /// The time has come that it has set itself.
    Alarm,
    End,
}

impl Board {
    /// The node of the master, as far as known.
    pub(super) fn master(&self) -> Option<Arc<Node>> {
        self.master.read().clone()
    }

    /// As [`master`](Self::master); where it is unknown, waits for a round.
    ///
    /// # Errors
    ///
    /// That of the round; `Unavailable` where it has not ended by the deadline;
    /// `Closed`.
    pub(super) fn locate(self: &Arc<Self>, deadline: &mut Deadline) -> Result<Arc<Node>> {
        if let Some(node) = self.master() {
            return Ok(node);
        }
        let wanted = self.want_round();
        if let Some(interrupt) = deadline.interrupt() {
            let board: Weak<Self> = Arc::downgrade(self);
            interrupt.on_end(move || {
                if let Some(board) = board.upgrade() {
                    let _rounds = board.rounds.lock();
                    board.change.notify_all();
                }
            });
        }
        let mut rounds = self.rounds.lock();
        loop {
            if let Some(node) = self.master() {
                return Ok(node);
            }
            if rounds.over {
                let text = "the sentinels are not asked any more: the connections are shut down";
                return Err(Error::new(ErrorKind::Closed, text));
            }
            if rounds.ended >= wanted
                && let Some(failure) = &rounds.failure
            {
                return Err(failure.clone());
            }
            let Some(left) = deadline.remaining() else {
                let text = format!(
                    "the sentinels have not said where the master is within {:?}",
                    deadline.total()
                );
                return Err(Error::new(ErrorKind::Unavailable, text));
            };
            self.change.wait_for(&mut rounds, left);
        }
    }

    /// Disconnects when it is closed.
    pub(super) fn closed(&self) -> &Receiver<()> {
        self.end.over()
    }

    /// Asks for a round; returns its number.
    pub(super) fn want_round(&self) -> u64 {
        let mut rounds = self.rounds.lock();
        if rounds.wanted <= rounds.begun {
            rounds.wanted = rounds.begun + 1;
            self.change.notify_all();
        }
        rounds.wanted
    }

    /// Waits until a round is to begin, or until `alarm`.
    pub(super) fn next(&self, alarm: Option<Instant>) -> Task {
        let mut rounds = self.rounds.lock();
        loop {
            let now = Instant::now();
            let round_at = rounds.due(now);
            if rounds.over {
                return Task::End;
            }
            if round_at.is_some_and(|at| at <= now) {
                rounds.begun += 1;
                rounds.begun_at = Some(now);
                return Task::Ask;
            }
            if alarm.is_some_and(|at| at <= now) {
                return Task::Alarm;
            }
            match round_at.into_iter().chain(alarm).min() {
                Some(at) => {
                    self.change.wait_until(&mut rounds, at);
                }
                None => self.change.wait(&mut rounds),
            }
        }
    }

    /// Ends the round that has begun, and tells those who wait for it.
    pub(super) fn round_ended(&self, failure: Option<Error>) {
        let mut rounds = self.rounds.lock();
        rounds.ended = rounds.begun;
        rounds.failure = failure;
        self.change.notify_all();
    }

    /// Another server is the master. Returns the one before.
    pub(super) fn put(&self, node: &Arc<Node>) -> Option<Arc<Node>> {
        let before = self.master.write().replace(Arc::clone(node));
        let rounds = self.rounds.lock();
        if rounds.over {
            node.close();
        }
        before
    }

    /// Ends all waits, now and later.
    pub(super) fn close(&self) {
        let mut rounds = self.rounds.lock();
        rounds.over = true;
        self.change.notify_all();
        drop(rounds);
        self.end.end();
        if let Some(node) = self.master() {
            node.close();
        }
    }
}

impl Rounds {
    /// When the next round begins.
    fn due(&self, now: Instant) -> Option<Instant> {
        match (self.wanted > self.begun, self.begun_at) {
            (true, Some(last)) => Some(last + BETWEEN),
            (true, None) => Some(now),
            (false, last) => last.map(|last| last + BACKSTOP),
        }
    }
}
