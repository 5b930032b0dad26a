//! What is known of the cluster, and whether it is to be found out again.
//!
//! Rounds are numbered. A caller that wants one asks for the next that has not begun,
//! since one under way may have gathered its answers before; the seeker begins one
//! where more are wanted than have begun. All changes of the rounds are made under
//! one lock, and wake both sides.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};

use super::table::Table;
use crate::connection::deadline::Deadline;
use crate::connection::node::Node;
use crate::error::{Error, ErrorKind, Result};

/// The least time between two rounds.
const BETWEEN: Duration = Duration::from_millis(100);

/// For so long after something has failed, one round follows the other: the nodes may not
/// have agreed yet.
const EAGERLY: Duration = Duration::from_secs(1);

/// The longest time between two rounds, once there was one.
const TICK: Duration = Duration::from_secs(2);

/// The same for a map with so many ranges, which costs the server more.
const SLOW_TICK: Duration = Duration::from_secs(20);
const MANY: usize = 1_000;

/// What callers and the seeker tell each other.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) table: RwLock<Table>,
    /// Whose turn it is where any node will do.
    turn: AtomicUsize,
    rounds: Mutex<Rounds>,
    change: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    wanted: u64,
    failed_at: Option<Instant>,
    begun: u64,
    ended: u64,
    /// When the last one has begun.
    begun_at: Option<Instant>,
    /// That of the last one.
    failure: Option<Error>,
    /// How many ranges there are.
    ranges: usize,
    over: bool,
}

/// What the seeker is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Some nodes at the same time.
    AskSome,
    /// One, since it is time again.
    AskOne,
    /// The time has come that it has set itself.
    Alarm,
    End,
}

impl Board {
    /// The node of a slot, as far as known. Without a slot, any node.
    pub(super) fn owner(&self, slot: Option<u16>) -> Option<Arc<Node>> {
        let table = self.table.read();
        let node = match slot {
            Some(slot) => table.owner(slot),
            None => table.any(self.turn.fetch_add(1, Ordering::Relaxed)),
        };
        node.cloned()
    }

    /// As [`owner`](Self::owner); where it is unknown, waits for a round.
    ///
    /// # Errors
    ///
    /// That of the round; `Unavailable` where no node has the slot, or the round has
    /// not ended by the deadline; `Closed`.
    pub(super) fn locate(
        self: &Arc<Self>,
        slot: Option<u16>,
        deadline: &mut Deadline,
    ) -> Result<Arc<Node>> {
        if let Some(node) = self.owner(slot) {
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
            if let Some(node) = self.owner(slot) {
                return Ok(node);
            }
            if rounds.over {
                let text = "the cluster is not asked any more: the connections are shut down";
                return Err(Error::new(ErrorKind::Closed, text));
            }
            if rounds.ended >= wanted {
                return Err(rounds.failure.clone().unwrap_or_else(|| unserved(slot)));
            }
            let Some(left) = deadline.remaining() else {
                let text = format!(
                    "no node of the cluster has said where the slots are within {:?}",
                    deadline.total()
                );
                return Err(Error::new(ErrorKind::Unavailable, text));
            };
            self.change.wait_for(&mut rounds, left);
        }
    }

    /// Asks for a round, and for more of them soon: something has failed.
    pub(super) fn want_rounds(&self) {
        self.rounds.lock().failed_at = Some(Instant::now());
        self.want_round();
    }

    /// Asks for a round; returns its number.
    fn want_round(&self) -> u64 {
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
                let is_eager = rounds.is_eager(now);
                rounds.begun += 1;
                rounds.begun_at = Some(now);
                return if is_eager {
                    Task::AskSome
                } else {
                    Task::AskOne
                };
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
    pub(super) fn round_ended(&self, outcome: Result<usize>) {
        let mut rounds = self.rounds.lock();
        rounds.ended = rounds.begun;
        match outcome {
            Ok(ranges) => (rounds.ranges, rounds.failure) = (ranges, None),
            Err(failure) => rounds.failure = Some(failure),
        }
        self.change.notify_all();
    }

    pub(super) fn is_over(&self) -> bool {
        self.rounds.lock().over
    }

    /// Ends all waits, now and later.
    pub(super) fn close(&self) {
        let mut rounds = self.rounds.lock();
        rounds.over = true;
        self.change.notify_all();
        drop(rounds);
        for node in self.table.read().nodes() {
            node.pool().close();
        }
    }
}

impl Rounds {
    /// When the next round begins.
    fn due(&self, now: Instant) -> Option<Instant> {
        let Some(last) = self.begun_at else {
            return (self.wanted > self.begun).then_some(now);
        };
        let pause = if self.is_eager(now) {
            BETWEEN
        } else if self.ranges >= MANY {
            SLOW_TICK
        } else {
            TICK
        };
        Some(last + pause)
    }

    fn is_eager(&self, now: Instant) -> bool {
        self.wanted > self.begun || self.failed_at.is_some_and(|at| now < at + EAGERLY)
    }
}

fn unserved(slot: Option<u16>) -> Error {
    let text = match slot {
        Some(slot) => format!(
            "no node of the cluster serves slot {slot} under a name that it tells: the slot is \
             free, or the nodes know no host name of theirs (`cluster-announce-hostname`)"
        ),
        None => "no node of the cluster serves slots under a name that it tells".to_owned(),
    };
    Error::new(ErrorKind::Unavailable, text)
}
