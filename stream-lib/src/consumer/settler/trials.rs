//! The failed streams in other slots, and the deliveries that wait for them.
//!
//! A server that doesn't answer costs all consumers of a manager time, so each trial of
//! it is short. Until the next *trial*, outputs to a stream that has failed fail at once,
//! and their deliveries wait here, while the others go on.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use super::unwritten::passes;
use crate::consumer::member::outputs::Target;
use crate::consumer::member::settle::Unsettled;
use crate::error::{Error, Result};
use crate::runtime::Backoff;

/// How long failing streams are waited for in one trial.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// How long a stream that has worked until now is waited for.
const LEAST: Duration = Duration::from_millis(100);

/// The most streams to remember; programs have a few.
const MOST: usize = 1_000;

/// The trials of one consumer's far outputs.
pub(super) struct Trials {
    waiting: VecDeque<Unsettled>,
    /// When the next trial begins; set while deliveries wait.
    again_at: Option<Instant>,
    backoff: Backoff,
    /// The targets that have failed in this trial, with their errors.
    failed: Vec<(Target, Error)>,
    /// The targets that failed before and have not worked since: they come last.
    before: Vec<Target>,
    /// The rest of [`PATIENCE`].
    patience: Duration,
}

impl Trials {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            again_at: None,
            backoff: Backoff::for_connections(),
            failed: Vec::new(),
            before: Vec::new(),
            patience: PATIENCE,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When the next trial begins, while deliveries wait.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.again_at
    }

    /// Keeps deliveries for the next trial.
    pub(super) fn wait(&mut self, left: Vec<Unsettled>) {
        if left.is_empty() {
            return;
        }
        self.waiting.extend(left);
        if self.again_at.is_none() {
            self.again_at = Some(Instant::now() + self.backoff.next());
        }
    }

    /// Begins the next trial if it is due, and returns the deliveries that wait for it.
    pub(super) fn take_due(&mut self) -> VecDeque<Unsettled> {
        if self.again_at.is_some_and(|at| at <= Instant::now()) {
            self.take_all()
        } else {
            VecDeque::new()
        }
    }

    /// Begins the next trial, and returns the waiting deliveries.
    pub(super) fn take_all(&mut self) -> VecDeque<Unsettled> {
        self.again_at = None;
        self.patience = PATIENCE;
        for (target, _) in mem::take(&mut self.failed) {
            if self.before.iter().all(|known| !known.is(&target)) {
                self.before.push(target);
            }
        }
        self.before.truncate(MOST);
        if !self.before.is_empty() {
            // Each is the first once.
            self.before.rotate_left(1);
        }
        mem::take(&mut self.waiting)
    }

    /// Notes that nothing fails.
    pub(super) fn work(&mut self) {
        self.backoff.reset();
    }

    /// Sorts targets that may fail to the end.
    pub(super) fn sort(&self, targets: &mut [Target]) {
        targets.sort_by_key(|target| {
            let place = self.before.iter().position(|known| known.is(target));
            place.map_or(0, |place| place + 1)
        });
    }

    /// Runs a request to a stream, with the time by which it has to end, `deadline` at
    /// the latest. If the stream has failed in this trial, it fails at once.
    pub(super) fn run<T>(
        &mut self,
        target: &Target,
        deadline: Instant,
        request: impl FnOnce(Instant) -> Result<T>,
    ) -> Result<T> {
        let failed = self.failed.iter().find(|(known, _)| known.is(target));
        if let Some((_, error)) = failed {
            return Err(error.clone());
        }
        let time = if self.before.iter().any(|known| known.is(target)) {
            // The others get a chance as well.
            self.patience / 2
        } else {
            self.patience.max(LEAST)
        };
        let began = Instant::now();
        let result = request(deadline.min(began + time));
        match &result {
            Ok(_) => self.before.retain(|known| !known.is(target)),
            // Past the deadline it was not tried.
            Err(error) if passes(error) && began < deadline => {
                self.patience = self.patience.saturating_sub(began.elapsed());
                self.failed.push((target.clone(), error.clone()));
            }
            Err(_) => {}
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn away() -> Result<()> {
        Err(Error::new(ErrorKind::Unavailable, "it is away"))
    }

    #[test]
    fn stream_that_has_failed_is_tried_once_in_a_trial() {
        let (dead, other) = (Target::named("dead"), Target::named("other"));
        let mut trials = Trials::new();
        let deadline = Instant::now() + 10 * PATIENCE;
        let mut tries = 0;
        let mut try_dead = |trials: &mut Trials| {
            let result = trials.run(&dead, deadline, |_| {
                tries += 1;
                away()
            });
            assert!(result.is_err());
            tries
        };
        assert_eq!([(); 3].map(|()| try_dead(&mut trials)), [1, 1, 1]);
        trials.run(&other, deadline, |_| Ok(())).unwrap();
        assert!(trials.take_all().is_empty());
        let mut targets = [dead.clone(), other.clone()];
        trials.sort(&mut targets);
        assert!(targets[0].is(&other) && targets[1].is(&dead), "it is last");
        assert_eq!([(); 2].map(|()| try_dead(&mut trials)), [2, 2]);
        trials.take_all();
        trials.run(&dead, deadline, |_| Ok(())).unwrap();
        let mut targets = [dead.clone(), other];
        trials.sort(&mut targets);
        assert!(targets[0].is(&dead), "it works again");
    }

    #[test]
    fn stream_that_is_known_to_fail_gets_a_share_of_the_time() {
        let dead = Target::named("dead");
        let mut trials = Trials::new();
        let deadline = Instant::now() + 10 * PATIENCE;
        // The least and the most.
        let time = |trials: &mut Trials| {
            let (before, mut times) = (Instant::now(), (Duration::ZERO, Duration::MAX));
            let result = trials.run(&dead, deadline, |by| {
                times = (by - before, by.saturating_duration_since(Instant::now()));
                away()
            });
            assert!(result.is_err());
            times
        };
        assert!(time(&mut trials).0 >= PATIENCE);
        trials.take_all();
        assert!(time(&mut trials).1 <= PATIENCE / 2);
    }

    #[test]
    fn what_was_not_tried_for_lack_of_time_has_not_failed() {
        let late = Target::named("late");
        let mut trials = Trials::new();
        let past = Instant::now();
        assert!(trials.run(&late, past, |_| away()).is_err());
        let deadline = Instant::now() + PATIENCE;
        trials.run(&late, deadline, |_| Ok(())).unwrap();
    }
}
