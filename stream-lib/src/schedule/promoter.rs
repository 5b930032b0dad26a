//! The task that moves one stream's scheduled messages when they are due.
//!
//! # Who wakes whom
//!
//! A thread on its rounds runs the task when its bell has rung, or at `Hints::wake_at`.
//! An alarm writes under the lock of the hints when the task is wanted, and rings if that
//! is earlier than `wake_at`. The task takes this wish before it looks, and writes down
//! `wake_at` afterwards. A wish written in between is still there then, and the task
//! wakes for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::outage::Outage;
use super::pace::{LONG, Pace};
use crate::command::{Promoted, Promotion};
use crate::connection::{LinkHandle, Loans, Topology};
use crate::error::{Error, with_causes};
use crate::keys::StreamKeys;
use crate::runtime::{Backoff, Bell, Task, Trouble, counted};

/// The wishes of alarms.
#[derive(Debug)]
pub(super) struct Hints(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When an alarm wants the promoter to look.
    wanted: Option<Instant>,
    /// The latest due time of a message of this process since the last look.
    own: Option<Instant>,
    wake_at: Instant,
    max_backup: Option<u64>,
}

impl Default for Hints {
    fn default() -> Self {
        Self(Mutex::new(State {
            wanted: None,
            own: None,
            wake_at: Instant::now(),
            max_backup: None,
        }))
    }
}

impl State {
    /// Sets the time to wake: `at`, or earlier if an alarm asked for that during the
    /// look. Such an alarm rings no bell, since `wake_at` had passed.
    fn sleep_until(&mut self, at: Instant) -> Instant {
        self.wake_at = self.wanted.map_or(at, |wanted| wanted.min(at));
        self.wake_at
    }
}

impl Hints {
    /// Records that something is scheduled, due after `wait` if this process has
    /// scheduled it. Rings if the promoter would sleep for too long.
    pub(super) fn note(&self, wait: Option<Duration>, max_backup: Option<u64>, bell: &Bell) {
        let now = Instant::now();
        let mut state = self.0.lock();
        let at = match wait {
            Some(wait) => {
                let at = now.checked_add(wait).unwrap_or(now + LONG);
                state.own = state.own.max(Some(at));
                at
            }
            None => now,
        };
        state.max_backup = max_backup.or(state.max_backup);
        state.wanted = Some(state.wanted.map_or(at, |wanted| wanted.min(at)));
        let is_sooner = at < state.wake_at;
        drop(state);
        if is_sooner {
            bell.ring();
        }
    }
}

/// The task for one stream.
pub(super) struct Promoter {
    promotion: Promotion,
    hints: Arc<Hints>,
    loans: Loans,
    /// The time of the next look.
    at: Instant,
    pace: Pace,
    /// The last look found due messages.
    is_due: bool,
    backoff: Backoff,
    outage: Outage,
    trouble: Trouble,
}

impl Promoter {
    pub(super) fn new(
        topology: &Arc<Topology>,
        keys: StreamKeys,
        hints: Arc<Hints>,
        handle: LinkHandle,
    ) -> Self {
        Self {
            loans: Loans::new(Arc::clone(topology), keys.stream(), handle),
            promotion: Promotion::new(keys),
            hints,
            at: Instant::now(),
            pace: Pace::default(),
            is_due: false,
            backoff: Backoff::for_connections(),
            outage: Outage::default(),
            trouble: Trouble::default(),
        }
    }

    /// Looks, and moves due messages. Returns the wait before the next look.
    fn step(&mut self) -> Duration {
        let Self {
            promotion, loans, ..
        } = self;
        let is_due = self.is_due;
        let looked = loans.run_pooled(|wire| {
            if !is_due {
                let next = promotion.look(wire)?;
                if next != Some(Duration::ZERO) {
                    return Ok(Promoted {
                        next,
                        ..Promoted::default()
                    });
                }
            }
            promotion.step(wire)
        });
        match looked {
            Ok(promoted) => self.after(&promoted),
            Err(e) => {
                self.is_due = false;
                self.loans.failed();
                self.failed(&e)
            }
        }
    }

    fn after(&mut self, promoted: &Promoted) -> Duration {
        self.tell(promoted);
        if let Some(refused) = &promoted.refused {
            self.is_due = false;
            return self.failed(refused);
        }
        self.backoff.reset();
        self.outage.ends();
        if self.trouble.ends() {
            log::info!(
                "scheduled messages of `{}` move to the stream again when they are due",
                self.promotion.stream()
            );
        }
        let has_moved = promoted.moved > 0 || !promoted.missing.is_empty();
        self.is_due = promoted.next == Some(Duration::ZERO);
        if self.is_due && has_moved {
            // More messages were due than one step moves.
            return Duration::ZERO;
        }
        self.pace.after(promoted.next, Instant::now())
    }

    fn tell(&self, promoted: &Promoted) {
        let stream = self.promotion.stream();
        if promoted.moved > 0 {
            log::debug!(
                "{} moved to `{stream}`, {} of them to its backup stream",
                messages(promoted.moved),
                promoted.to_backup
            );
        }
        if !promoted.broken.is_empty() {
            log::error!(
                "the body of {} of `{stream}` can't be read, and was set aside: {}; another program \
                 must have written it; `StreamManager::scheduled` lists and cancels it",
                messages(promoted.broken.len()),
                promoted.broken.join(", ")
            );
        }
        if !promoted.missing.is_empty() {
            log::error!(
                "the body of {} of `{stream}` is gone, so nothing was added for it: {}; it was \
                 deleted by hand, or evicted: set `maxmemory-policy noeviction`",
                messages(promoted.missing.len()),
                promoted.missing.join(", ")
            );
        }
    }

    /// Logs a failure, unless it is an outage that has only begun.
    fn failed(&mut self, error: &Error) -> Duration {
        if self.outage.tells(error, Instant::now()) && self.trouble.begins(error) {
            log::warn!(
                "scheduled messages of `{}` wait beyond their time; moving them is retried until \
                 it works: {}",
                self.promotion.stream(),
                with_causes(error)
            );
        }
        self.backoff.next()
    }
}

impl Task for Promoter {
    fn tend(&mut self) {
        {
            let mut state = self.hints.0.lock();
            if let Some(wanted) = state.wanted.take() {
                self.at = self.at.min(wanted);
            }
            if let Some(own) = state.own.take() {
                self.pace.own(own);
            }
            self.promotion.max_backup = state.max_backup;
        }
        if self.at <= Instant::now() {
            let wait = self.step();
            self.at = Instant::now() + wait;
        }
        self.at = self.hints.0.lock().sleep_until(self.at);
    }

    fn wake_at(&self) -> Option<Instant> {
        Some(self.at)
    }
}

fn messages(count: impl TryInto<u64>) -> String {
    counted(count, "scheduled message", "scheduled messages").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_that_comes_during_a_look_is_kept() {
        let hints = Hints::default();
        let bell = Bell::default();
        // While the promoter looks, its time to wake lies in the past.
        hints.note(Some(Duration::from_secs(5)), None, &bell);
        let late = Instant::now() + LONG;
        let at = hints.0.lock().sleep_until(late);
        assert!(at < late);
        assert_eq!(hints.0.lock().wake_at, at);
    }

    #[test]
    fn a_promoter_without_a_wish_sleeps_until_its_time() {
        let at = Instant::now() + LONG;
        assert_eq!(Hints::default().0.lock().sleep_until(at), at);
    }
}
