//! An entry's last delivery after crashes: it runs while nothing else does, so that, if
//! it kills its process again, no other delivery dies with it.
//!
//! Within this process the workers are paused for it: see
//! [`Pause`](crate::consumer::member). Within the group a lock lets one process at a time
//! do so; the takeover's script takes the lock together with the entry.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command;
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::stage::Stage;

/// How long the confirmation of its end is waited for. The next entry that runs alone may
/// kill the process, and an end that Redis doesn't know of by then counts as one more
/// death. An end that takes longer to settle, because Redis has no memory for example,
/// holds up nothing.
const SETTLES: Duration = Duration::from_secs(1);

/// The interval of looks for that confirmation.
const LOOK: Duration = Duration::from_millis(5);

/// One entry that is to run alone. The workers are paused as long as this value lives.
pub(super) struct Alone {
    member: Arc<Member>,
    held: Arc<Held>,
    since: Instant,
    /// How long running handlers are waited for.
    patience: Duration,
    started: bool,
    /// When its delivery was first seen to have ended.
    ended: Cell<Option<Instant>>,
}

/// The next step for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Wait,
    Start,
    GiveUp,
    Done,
}

impl Alone {
    pub(super) fn new(member: &Arc<Member>, held: Arc<Held>, patience: Duration) -> Self {
        let buffer = &member.common.buffer;
        buffer.pause.begin(&member.bells.keeper);
        buffer.room.expect(&held);
        Self {
            member: Arc::clone(member),
            held,
            since: Instant::now(),
            patience,
            started: false,
            ended: Cell::new(None),
        }
    }

    pub(super) fn step(&self) -> Step {
        if self.started {
            return match self.held.stage(0) {
                Stage::Buffered | Stage::Running | Stage::Lost => Step::Wait,
                Stage::Done | Stage::Settling if self.may_settle() => Step::Wait,
                Stage::Done | Stage::Settling | Stage::Gone => Step::Done,
            };
        }
        if self.member.common.buffer.pause.running() == 0 {
            Step::Start
        } else if self.patience_ends() <= Instant::now() {
            Step::GiveUp
        } else {
            Step::Wait
        }
    }

    /// The latest time of the next look; `None` while it runs, since its end wakes this
    /// thread.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        match self.step() {
            Step::Wait if self.started => self.ended.get().map(|_| Instant::now() + LOOK),
            Step::Wait => Some(self.patience_ends()),
            // A time in the past: at once.
            Step::Start | Step::GiveUp | Step::Done => Some(self.since),
        }
    }

    pub(super) fn start(&mut self) {
        self.started = true;
        let Member { common, stop, .. } = &*self.member;
        if !common.buffer.push_alone(&self.held, stop) {
            self.member.give_back_rest(&self.held);
        }
    }

    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// Renews the lock. After a failure, the next renewal is soon enough.
    pub(super) fn hold_lock(&self, link: &mut MemberLink) {
        let member = &self.member;
        let (lock, token) = (member.group.lock_alone(), &member.name);
        let lease = member.config.lease;
        let _ = link.run(|wire| command::hold_lock(wire, lock, token, lease));
    }

    /// Resumes the workers, and then releases the lock for another process. If that
    /// fails, the lock lapses.
    pub(super) fn end(self, link: &mut MemberLink) {
        let member = Arc::clone(&self.member);
        drop(self);
        let lock = member.group.lock_alone();
        let _ = link.run(|wire| command::release_lock(wire, lock, &member.name));
    }

    /// Whether its end may still be settled in Redis.
    fn may_settle(&self) -> bool {
        let ended = self.ended.get().unwrap_or_else(Instant::now);
        self.ended.set(Some(ended));
        ended.elapsed() < SETTLES
    }

    fn patience_ends(&self) -> Instant {
        self.since + self.patience
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if !self.started {
            self.member.give_back_rest(&self.held);
        }
        self.member.common.buffer.pause.end();
    }
}
