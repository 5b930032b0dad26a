//! An entry's last delivery after crashes: it runs while nothing else does, so
//! that, if it kills its process again, it takes no neighbour with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::consumer::member::Member;
use crate::consumer::member::held::{Held, Stage};

/// One entry that is to run alone. The workers are paused as long as this
/// lives.
pub(crate) struct Alone<'a> {
    member: &'a Member,
    held: Arc<Held>,
    /// How long running handlers are waited for.
    patience: Instant,
    started: bool,
}

/// What there is to do for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Wait,
    Start,
    GiveUp,
    Done,
}

impl<'a> Alone<'a> {
    pub(crate) fn new(member: &'a Member, held: Arc<Held>, patience: Duration) -> Self {
        member.queue.pause();
        Self {
            member,
            held,
            patience: Instant::now() + patience,
            started: false,
        }
    }

    pub(crate) fn step(&self) -> Step {
        let settled = self.held.stage(0) == Stage::Gone;
        if self.started {
            return if settled { Step::Done } else { Step::Wait };
        }
        if self.member.queue.running() == 0 {
            Step::Start
        } else if self.patience <= Instant::now() {
            Step::GiveUp
        } else {
            Step::Wait
        }
    }

    /// When to look again at the latest.
    pub(crate) fn patience(&self) -> Option<Instant> {
        (!self.started).then_some(self.patience)
    }

    pub(crate) fn start(&mut self) {
        self.started = true;
        if !self.member.queue.push_alone(&self.held, &self.member.stop) {
            self.member.give_back_rest(&self.held);
        }
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        if !self.started {
            self.member.queue.expect(&self.held);
            self.member.give_back_rest(&self.held);
        }
        self.member.queue.resume();
    }
}
