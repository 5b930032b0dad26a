//! The rate of a whole group.
//!
//! # Protocol
//!
//! A worker that is about to begin an entry wants a turn. If turns are in stock, it takes
//! the next and waits for its time. Else one worker asks Redis for as many as the workers
//! can use in the next 50 ms, and the others wait for the answer: one request is under
//! way at a time. A turn that was taken and not used within 50 ms of its time, or within
//! one interval, is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use parking_lot::{Condvar, Mutex};

use super::bounds::{AHEAD, HELD, PATIENCE};
use super::turns::{TurnQueue, lasts};
use crate::command::{Group, TakeTurns, Turns};
use crate::config::RateLimit;
use crate::connection::Topology;
use crate::error::{Result, with_causes};
use crate::runtime::{Backoff, Trouble};

/// The time for which turns are taken at once.
pub(crate) const PORTION: Duration = Duration::from_millis(50);

/// How long a worker sleeps before it checks whether the consumer stops.
const LOOK: Duration = Duration::from_millis(50);

/// Turns for the workers of one consumer.
#[derive(Debug)]
pub(crate) struct GroupRate {
    topology: Arc<Topology>,
    group: Group,
    interval: Duration,
    burst: u32,
    state: Mutex<State>,
    /// Notified when a request was answered.
    answered: Condvar,
    trouble: Trouble,
}

#[derive(Debug)]
struct State {
    turns: TurnQueue,
    /// A request is under way.
    is_asking: bool,
    /// No turns are to be had before this time.
    none_before: Instant,
    backoff: Backoff,
}

/// A turn that a worker has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(Instant);

/// The state of a worker that has asked for a turn.
enum Found {
    Turn(Instant),
    /// It has to send the request.
    Ask,
    Again,
}

impl GroupRate {
    /// The rate of the whole group; `None` for a group without one, and with one per key.
    pub(crate) fn new(
        topology: &Arc<Topology>,
        group: &Group,
        limit: Option<&RateLimit>,
    ) -> Option<Self> {
        let limit = limit.filter(|limit| limit.key().is_none())?;
        let interval = limit.interval();
        Some(Self {
            topology: Arc::clone(topology),
            group: group.clone(),
            interval,
            burst: limit.burst_size(),
            state: Mutex::new(State {
                turns: TurnQueue::new(interval),
                is_asking: false,
                none_before: Instant::now(),
                backoff: Backoff::for_connections(),
            }),
            answered: Condvar::new(),
            trouble: Trouble::default(),
        })
    }

    /// Takes a turn in stock that may be used now.
    pub(crate) fn try_take(&self) -> Option<Turn> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let turn = state.turns.next(now)?;
        if turn > now {
            state.turns.put_back(turn);
            return None;
        }
        Some(Turn(turn))
    }

    /// Waits for a turn, and for its time; `None` once `ended` disconnects. `wants`
    /// returns how many the workers could use within [`PORTION`], up to its argument;
    /// `heed` is called with each answer.
    pub(crate) fn take(
        &self,
        ended: &Receiver<()>,
        wants: impl Fn(u32) -> u32,
        heed: impl Fn(&Turns),
    ) -> Option<Turn> {
        loop {
            if ended.recv_timeout(Duration::ZERO) == Err(RecvTimeoutError::Disconnected) {
                return None;
            }
            match self.find() {
                Found::Again => {}
                Found::Ask => self.ask(wants(self.portion()), &heed),
                Found::Turn(turn) => {
                    let wait = turn.saturating_duration_since(Instant::now());
                    if !wait.is_zero()
                        && ended.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
                    {
                        return None;
                    }
                    return Some(Turn(turn));
                }
            }
        }
    }

    /// Whether a turn may still be used.
    pub(crate) fn lasts(&self, turn: Turn) -> bool {
        lasts(turn.0, self.interval, Instant::now())
    }

    /// Puts back an unused turn.
    pub(crate) fn put_back(&self, turn: Turn) {
        self.state.lock().turns.put_back(turn.0);
    }

    /// How many entries to have in the buffer: as many as turns are in stock, and as will
    /// be asked for next.
    pub(crate) fn room(&self) -> usize {
        self.state.lock().turns.len() + self.portion() as usize
    }

    /// The number of turns in [`PORTION`], at least one.
    fn portion(&self) -> u32 {
        let count = PORTION.as_micros() / self.interval.as_micros().max(1);
        u32::try_from(count).unwrap_or(u32::MAX).max(1)
    }

    fn find(&self) -> Found {
        let mut state = self.state.lock();
        let now = Instant::now();
        if let Some(turn) = state.turns.next(now) {
            return Found::Turn(turn);
        }
        if !state.is_asking && state.none_before <= now {
            state.is_asking = true;
            return Found::Ask;
        }
        let until = if state.is_asking {
            now + LOOK
        } else {
            state.none_before.min(now + LOOK)
        };
        self.answered.wait_until(&mut state, until);
        Found::Again
    }

    fn ask(&self, want: u32, heed: &impl Fn(&Turns)) {
        let answer = self.request(want);
        let now = Instant::now();
        let mut state = self.state.lock();
        state.is_asking = false;
        match &answer {
            Ok(turns) => {
                state.backoff.reset();
                // Counted from the time of the answer, so that none is early.
                state.turns.add(turns.count, turns.first_us, now);
                if turns.count == 0 {
                    let is_held = turns.hold.is_some();
                    let longest = if is_held { HELD } else { Duration::MAX };
                    state.none_before = now + turns.wait.min(longest);
                }
            }
            Err(_) => state.none_before = now + state.backoff.next(),
        }
        drop(state);
        self.answered.notify_all();
        match answer {
            Ok(turns) => {
                heed(&turns);
                if self.trouble.ends() {
                    log::warn!(
                        "the rate of the group `{}` can be asked for again",
                        self.group.name()
                    );
                }
            }
            Err(e) => {
                if self.trouble.begins(&e) {
                    log::warn!(
                        "the rate of the group `{}` of `{}` can't be asked for, and no entry \
                         begins until it can: {}",
                        self.group.name(),
                        self.group.stream(),
                        with_causes(&e)
                    );
                }
            }
        }
    }

    fn request(&self, want: u32) -> Result<Turns> {
        let deadline = Instant::now() + PATIENCE;
        let take = TakeTurns {
            group: &self.group,
            key: None,
            interval: self.interval,
            burst: self.burst,
            want: want.max(1),
            ahead: AHEAD,
        };
        let key = self.group.stream().as_bytes();
        self.topology.run(key, PATIENCE, |wire| {
            wire.answer_by(deadline);
            take.run(wire)
        })
    }
}
