//! A member's sign of life, and its knowledge of the server's clock.
//!
//! # The clock
//!
//! Redis judges idle times, due times and signs of life by its clock, which may be set.
//! So a member tracks the time that it expects the server to show: each answer that
//! carries the server's time bounds it, since that time was read between the request and
//! the answer, and from then on this process's monotonic clock counts. A server that
//! shows a time more than a third of a lease outside of these bounds had its clock set: a
//! *step*. Scripts that judge by the clock are told the bounds, and do nothing outside of
//! them; the answer to any of them shows the step, which the keeper then follows.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{self, Beat, ClockWindow, Group, Look, SignGiven};
use crate::connection::Wire;
use crate::error::Result;
use crate::runtime::{Moment, ServerClock};

/// Gives this member's sign of life, and remembers the server's time from the answers.
#[derive(Debug)]
pub(crate) struct SignOfLife {
    /// This member's lease.
    lease: Duration,
    clock: ServerClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By how much the server may be ahead of `clock`.
    ahead: Duration,
    /// A step that has not been followed yet.
    step: Option<ClockStep>,
    /// The setback that the other signs have not been told yet.
    set_back: Duration,
    /// Whether a sign was given.
    has_given: bool,
}

/// The giver of a sign of life.
#[derive(Debug)]
pub(crate) struct Giver<'a> {
    pub(crate) group: &'a Group,
    pub(crate) name: &'a str,
    /// How long lapsed signs of others are kept.
    pub(crate) keep: Duration,
    /// The facts that it reports of itself.
    pub(crate) facts: &'a str,
}

/// A step of the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockStep {
    Back(Duration),
    Forward(Duration),
}

impl SignOfLife {
    pub(crate) fn new(lease: Duration) -> Self {
        Self {
            lease,
            clock: ServerClock::new(),
            state: Mutex::default(),
        }
    }

    /// Gives a sign, and looks at the group and at the others. `name_idle` is that of
    /// [`Beat`].
    pub(crate) fn give(&self, wire: &mut Wire, giver: &Giver<'_>, name_idle: bool) -> Result<Look> {
        let beat = Beat {
            name_idle,
            ..self.beat(giver, name_idle)
        };
        let asked = Instant::now();
        let look = beat.give(wire)?;
        self.given(beat.set_back);
        self.observe(look.server_ms, asked);
        Ok(look)
    }

    /// As [`give`](Self::give), and looks at the other signs only. `leaves` is that of
    /// [`Beat`].
    pub(crate) fn give_alone(
        &self,
        wire: &mut Wire,
        giver: &Giver<'_>,
        leaves: bool,
    ) -> Result<SignGiven> {
        let beat = Beat {
            leaves,
            ..self.beat(giver, false)
        };
        let asked = Instant::now();
        let signs = beat.give_sign(wire)?;
        self.given(beat.set_back);
        self.observe(signs.server_ms, asked);
        Ok(signs)
    }

    /// Looks at the group without giving a sign; `idle` is that of [`command::look`].
    pub(crate) fn look(
        &self,
        wire: &mut Wire,
        group: &Group,
        idle: Option<Duration>,
    ) -> Result<Look> {
        let asked = Instant::now();
        let look = command::look(wire, group, idle)?;
        self.observe(look.server_ms, asked);
        Ok(look)
    }

    fn beat<'a>(&self, giver: &Giver<'a>, sweeps: bool) -> Beat<'a> {
        let state = self.state.lock();
        Beat {
            group: giver.group,
            member: giver.name,
            lease: self.lease,
            keep: giver.keep,
            facts: giver.facts,
            // The first sign of a life sweeps, and then one now and then.
            sweeps: sweeps || !state.has_given,
            set_back: state.set_back,
            name_idle: false,
            leaves: false,
        }
    }

    /// The others know by how much the clock was set back.
    fn given(&self, set_back: Duration) {
        let mut state = self.state.lock();
        state.has_given = true;
        state.set_back = state.set_back.saturating_sub(set_back);
    }

    /// Notes the server's time, from the answer to a request that was sent at `asked`.
    pub(crate) fn observe(&self, server_ms: u64, asked: Instant) {
        self.observe_at(server_ms, asked, Instant::now());
    }

    fn observe_at(&self, server_ms: u64, asked: Instant, answered: Instant) {
        let mut state = self.state.lock();
        let took = answered.saturating_duration_since(asked);
        let bounds = (self.clock.at_ms(asked), self.clock.at_ms(answered));
        if let (Some(earliest), Some(latest)) = bounds {
            let (earliest, latest) = (millis(earliest), millis(latest) + state.ahead);
            let shown = millis(server_ms);
            let (least, most) = (
                earliest.saturating_sub(self.tolerance()),
                latest + self.tolerance(),
            );
            if shown < least {
                let back = earliest.saturating_sub(shown);
                state.step = Some(ClockStep::Back(back));
                state.set_back += back;
            } else if shown > most {
                state.step = Some(ClockStep::Forward(shown.saturating_sub(latest)));
            } else if took > self.tolerance() {
                // The answer narrows nothing.
                return;
            }
        }
        self.clock.set(server_ms, answered);
        state.ahead = took;
    }

    /// Takes the step that was noticed since the last call.
    pub(crate) fn take_step(&self) -> Option<ClockStep> {
        self.state.lock().step.take()
    }

    /// Whether a step was noticed and not taken yet.
    pub(crate) fn has_step(&self) -> bool {
        self.state.lock().step.is_some()
    }

    /// The bounds of the server's clock for a request that is about to be sent; `None`
    /// before the first sign of life, and while the keeper has yet to take a step, which
    /// any thread may have noticed.
    pub(crate) fn window(&self) -> Option<ClockWindow> {
        let state = self.state.lock();
        if state.step.is_some() {
            return Some(ClockWindow::NEVER);
        }
        let ahead = state.ahead;
        let now = millis(self.clock.now_ms()?);
        let window = ClockWindow {
            earliest: as_millis(now.saturating_sub(self.tolerance())),
            latest: as_millis(now + ahead + self.tolerance()),
        };
        drop(state);
        Some(window)
    }

    /// Sets the server's time, if there is no server to ask.
    #[cfg(feature = "test-util")]
    pub(crate) fn set_server_ms(&self, server_ms: u64) {
        self.clock.set(server_ms, Instant::now());
    }

    /// The server's time, in milliseconds since 1970; `None` before the first
    /// sign of life.
    pub(crate) fn server_ms(&self) -> Option<u64> {
        self.clock.now_ms()
    }

    /// As [`server_ms`](Self::server_ms), at a time that is known.
    pub(crate) fn server_ms_at(&self, at: Moment) -> Option<u64> {
        self.clock.at_ms(at)
    }

    /// The tolerated deviation of the server's clock from the expected time.
    fn tolerance(&self) -> Duration {
        self.lease / 3
    }
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn as_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_700_000_000_000;
    const SECOND: Duration = Duration::from_secs(1);

    /// A member with a lease of 30 s that has asked at `start`, and was answered at once.
    fn member(start: Instant) -> SignOfLife {
        let member = SignOfLife::new(30 * SECOND);
        member.observe_at(NOON, start, start);
        member
    }

    #[test]
    fn a_clock_that_goes_on_takes_no_step() {
        let start = Instant::now();
        let member = member(start);
        for seconds in [0, 10, 20, 3_600] {
            let at = start + seconds * SECOND;
            member.observe_at(NOON + u64::from(seconds) * 1_000 + 900, at, at);
            assert_eq!(member.take_step(), None, "after {seconds} s");
        }
    }

    #[test]
    fn a_clock_that_was_set_takes_one_step() {
        let start = Instant::now();
        let hour = 3_600_000;
        let later = start + 10 * SECOND;
        for (server_ms, step) in [
            (NOON + 10_000 + hour, ClockStep::Forward(3_600 * SECOND)),
            (NOON + 10_000 - hour, ClockStep::Back(3_600 * SECOND)),
        ] {
            let member = member(start);
            member.observe_at(server_ms, later, later);
            assert_eq!(
                member.window(),
                Some(ClockWindow::NEVER),
                "until it is taken"
            );
            assert!(member.has_step());
            assert_eq!(member.take_step(), Some(step));
            assert_ne!(member.window(), Some(ClockWindow::NEVER));
            member.observe_at(server_ms + 1_000, later + SECOND, later + SECOND);
            assert_eq!(member.take_step(), None);
        }
    }

    #[test]
    fn a_slow_answer_is_no_step_and_teaches_nothing() {
        let start = Instant::now();
        let member = member(start);
        // Asked at 10 s, read by the server at 70 s, answered at 130 s.
        let (asked, answered) = (start + 10 * SECOND, start + 130 * SECOND);
        member.observe_at(NOON + 70_000, asked, answered);
        assert_eq!(member.take_step(), None);
        let next = start + 131 * SECOND;
        member.observe_at(NOON + 131_000, next, next);
        assert_eq!(member.take_step(), None);
    }

    #[test]
    fn the_window_holds_the_servers_time_as_it_goes_on() {
        let member = SignOfLife::new(30 * SECOND);
        assert_eq!(member.window(), None);
        member.observe(NOON, Instant::now());
        let window = member.window().unwrap();
        assert!(window.earliest >= NOON - 10_000 && window.earliest < NOON);
        assert!(window.latest >= NOON + 10_000);
    }
}
