//! The thread that keeps the entries that the consumer holds, and fetches those
//! that come back.
//!
//! It has one job for each part, with a timer of its own: it *renews* leases,
//! gives *beats* as signs of life, *claims* entries of `~waiting` that are due,
//! and *takes over* those whose consumer has let its lease lapse. One of these
//! may have to run *alone*; until that has ended, nothing else is claimed.

mod alone;
mod beat;
mod claim;
mod renew;
mod takeover;

use std::time::Instant;

use self::alone::{Alone, Step};
use self::beat::Beats;
use self::claim::DueClaims;
use self::renew::Renewal;
use self::takeover::Takeover;
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;

/// Keeps the leases until the consumer stops. Returns the keeper, since leases
/// are to be renewed while the last handlers run.
pub(crate) fn run(member: &Member) -> Keeper<'_> {
    let mut keeper = Keeper::new(member);
    while !member.stop.is_set() {
        keeper.tick();
        let wake = keeper.next_wake();
        member.stop.wait_until(wake, || keeper.next_wake() < wake);
    }
    keeper
}

/// The jobs of the thread, and the connection that they share.
pub(crate) struct Keeper<'a> {
    member: &'a Member,
    link: MemberLink<'a>,
    /// Of the connection that was last noticed.
    epoch: u64,
    renewal: Renewal<'a>,
    beats: Beats<'a>,
    due: DueClaims<'a>,
    takeover: Takeover<'a>,
    alone: Option<Alone<'a>>,
}

impl<'a> Keeper<'a> {
    fn new(member: &'a Member) -> Self {
        Self {
            member,
            // Past the stop, the one who conducts it says when to try.
            link: member.link(Role::Keeper, &member.stop),
            epoch: 1,
            renewal: Renewal::new(member),
            beats: Beats::new(member),
            due: DueClaims::new(member),
            takeover: Takeover::new(member),
            alone: None,
        }
    }

    /// When there is something to do. Entries are claimed only when a worker
    /// is free for them.
    fn next_wake(&self) -> Instant {
        let keep_at = self.renewal.at().min(self.beats.at());
        let tell_at = self.member.failure_log.due();
        let keep_at = tell_at.map_or(keep_at, |at| at.min(keep_at));
        if let Some(alone) = &self.alone {
            return alone.wake_at().map_or(keep_at, |at| at.min(keep_at));
        }
        if self.member.buffer.room_for_returning() == 0 {
            return keep_at;
        }
        let claim_at = keep_at.min(self.due.at());
        self.takeover_at().map_or(claim_at, |at| at.min(claim_at))
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.member.failure_log.tell_due(now);
        if self.renewal.at() <= now {
            self.renew();
        }
        if self.beats.at() <= now {
            self.beats.beat(now, &mut self.link);
        }
        if self.alone.is_some() {
            self.tend_alone();
        } else {
            self.claim(now);
        }
        if self.link.epoch() > self.epoch {
            // Others may be as late as we are: let them renew first.
            self.epoch = self.link.epoch();
            self.renewal.hasten();
            let lease = self.member.sign_of_life.takeover_after();
            self.takeover.put_off(lease);
        }
    }

    /// Renews the leases, and the lock of the entry that runs alone.
    pub(crate) fn renew(&mut self) {
        self.renewal.renew(&mut self.link);
        if let Some(alone) = &self.alone {
            alone.hold_lock(&mut self.link);
        }
    }

    fn claim(&mut self, now: Instant) {
        let buffer = &self.member.buffer;
        if buffer.room_for_returning() > 0 && self.due.at() <= now {
            self.due.claim(&mut self.link);
        }
        let room = buffer.room_for_returning();
        if room > 0 && self.takeover_at().is_some_and(|at| at <= Instant::now()) {
            self.alone = self.takeover.step(&mut self.link, room);
        }
    }

    /// When to take over; `None` before a sign of life was answered, with the
    /// longest lease in the group.
    fn takeover_at(&self) -> Option<Instant> {
        let is_known = self.member.sign_of_life.server_ms().is_some();
        is_known.then(|| self.takeover.at())
    }

    /// Runs an entry alone, as soon as no handler runs; gives it back where one
    /// takes too long.
    fn tend_alone(&mut self) {
        let Some(mut alone) = self.alone.take() else {
            return;
        };
        match alone.step() {
            Step::Wait => self.alone = Some(alone),
            Step::Start => {
                alone.start();
                self.alone = Some(alone);
            }
            Step::GiveUp => {
                alone.end(&mut self.link);
                self.takeover.try_later();
            }
            Step::Done => {
                alone.end(&mut self.link);
                // There may be more of them, further up.
                self.takeover.begin_again();
            }
        }
    }

    /// Gives back an entry that was to run alone and has not started, and lets
    /// the workers go on. Returns whether there was one: its lock is still held.
    pub(crate) fn drop_alone(&mut self) -> bool {
        self.alone.take().is_some()
    }
}
