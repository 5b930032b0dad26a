//! Rounds of questions: whether one is wanted, one begins, and callers wait for its end.
//!
//! Rounds are numbered. A caller that wants one asks for the next that has not begun,
//! since one under way may have gathered its answers before; the seeker begins one
//! where more are wanted than have begun. All changes are made under one lock, and
//! wake both sides.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::connection::deadline::Deadline;
use crate::error::Error;

/// The least time between two rounds.
const BETWEEN: Duration = Duration::from_millis(100);

/// How long rounds follow each other without a pause after a failure: the servers may not
/// have agreed yet.
const EAGERLY: Duration = Duration::from_secs(1);

/// The rounds of one seeker.
#[derive(Debug)]
pub(super) struct Search {
    rounds: Mutex<Rounds>,
    change: Condvar,
}

#[derive(Debug)]
struct Rounds {
    wanted: u64,
    failed_at: Option<Instant>,
    begun: u64,
    ended: u64,
    /// When the last round began.
    begun_at: Option<Instant>,
    /// The failure of the last round.
    failure: Option<Error>,
    /// The longest time between two rounds, once there was one.
    tick: Duration,
    over: bool,
}

/// The next step of the seeker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A round that a caller waits for, or that follows a failure.
    AskNow,
    /// A round, since it is time again.
    AskAgain,
    /// The alarm of the seeker is due.
    Alarm,
    End,
}

/// How a wait has ended.
#[derive(Debug)]
pub(super) enum Waited<T> {
    Found(T),
    /// The round has not found it.
    Ended(Option<Error>),
    /// Nothing is sought any more.
    Over,
    /// The deadline has come first.
    Late,
}

impl Search {
    pub(super) fn new(tick: Duration) -> Self {
        let rounds = Rounds {
            wanted: 0,
            failed_at: None,
            begun: 0,
            ended: 0,
            begun_at: None,
            failure: None,
            tick,
            over: false,
        };
        Self {
            rounds: Mutex::new(rounds),
            change: Condvar::new(),
        }
    }

    /// Asks for a round, and waits until it has ended, or `found` has something.
    pub(super) fn wait<T>(
        self: &Arc<Self>,
        deadline: &mut Deadline,
        found: impl Fn() -> Option<T>,
    ) -> Waited<T> {
        let wanted = self.want_round();
        if let Some(interrupt) = deadline.interrupt() {
            let search: Weak<Self> = Arc::downgrade(self);
            interrupt.on_end(move || {
                if let Some(search) = search.upgrade() {
                    let _rounds = search.rounds.lock();
                    search.change.notify_all();
                }
            });
        }
        let mut rounds = self.rounds.lock();
        loop {
            if let Some(found) = found() {
                return Waited::Found(found);
            }
            if rounds.over {
                return Waited::Over;
            }
            if rounds.ended >= wanted {
                return Waited::Ended(rounds.failure.clone());
            }
            let Some(left) = deadline.remaining() else {
                return Waited::Late;
            };
            self.change.wait_for(&mut rounds, left);
        }
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

    /// Asks for a round, and for more of them soon: something has failed.
    pub(super) fn want_rounds(&self) {
        self.rounds.lock().failed_at = Some(Instant::now());
        self.want_round();
    }

    /// Waits until a round is to begin, or until `alarm`.
    pub(super) fn next(&self, alarm: Option<Instant>) -> Step {
        let mut rounds = self.rounds.lock();
        loop {
            let now = Instant::now();
            let round_at = rounds.due(now);
            if rounds.over {
                return Step::End;
            }
            if round_at.is_some_and(|at| at <= now) {
                let is_eager = rounds.is_eager(now);
                rounds.begun += 1;
                rounds.begun_at = Some(now);
                return if is_eager {
                    Step::AskNow
                } else {
                    Step::AskAgain
                };
            }
            if alarm.is_some_and(|at| at <= now) {
                return Step::Alarm;
            }
            match round_at.into_iter().chain(alarm).min() {
                Some(at) => {
                    self.change.wait_until(&mut rounds, at);
                }
                None => self.change.wait(&mut rounds),
            }
        }
    }

    /// From now on, the longest time between two rounds.
    pub(super) fn set_tick(&self, tick: Duration) {
        self.rounds.lock().tick = tick;
    }

    /// Ends the round that has begun, and tells those who wait for it.
    pub(super) fn round_ended(&self, failure: Option<Error>) {
        let mut rounds = self.rounds.lock();
        rounds.ended = rounds.begun;
        rounds.failure = failure;
        self.change.notify_all();
    }

    pub(super) fn is_over(&self) -> bool {
        self.rounds.lock().over
    }

    /// Ends all waits, now and later.
    pub(super) fn close(&self) {
        self.rounds.lock().over = true;
        self.change.notify_all();
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
        } else {
            self.tick
        };
        Some(last + pause)
    }

    fn is_eager(&self, now: Instant) -> bool {
        self.wanted > self.begun || self.failed_at.is_some_and(|at| now < at + EAGERLY)
    }
}
