//! The task that keeps the entries of a consumer, and fetches those that come back. One
//! thread does it for all consumers of a manager.
//!
//! It has one job for each part, with a timer of its own: it *renews* leases, gives
//! *beats* as signs of life, with a look at the group that shows the *dead* consumers and
//! *unseen* deliveries, *claims* due entries of `~waiting`, and *takes over* those of
//! dead consumers. One of these may have to run *alone*; until that has ended, nothing
//! else is claimed. Entries whose handlers run for too long are *capped*: other consumers
//! get them. While the group is held, nothing is claimed: *holding* follows that.

mod alone;
mod beat;
mod capped;
mod claim;
mod dead;
mod holding;
mod renew;
mod takeover;
mod unseen;

use std::sync::Arc;
use std::time::Instant;

use self::alone::{Alone, Step};
use self::beat::Beats;
use self::claim::{claim_due, move_some};
use self::holding::Holding;
use self::renew::Renewal;
use self::takeover::Takeover;
use self::unseen::Unseen;
use crate::consumer::brief::{POLL, Unblocking};
use crate::consumer::member::Member;
use crate::consumer::member::chronicle::Chronicle;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::sign_of_life::ClockStep;
use crate::runtime::Task;

/// The jobs for one consumer, and the connections that they share. After the stop the
/// thread that conducts it takes them over, since leases are to be renewed while the last
/// handlers run.
pub(crate) struct Keeper {
    member: Arc<Member>,
    link: MemberLink,
    /// The epoch of the connection that was last noticed.
    epoch: u64,
    renewal: Renewal,
    beats: Beats,
    takeover: Takeover,
    unseen: Unseen,
    holding: Holding,
    alone: Option<Alone>,
    /// Ends the reader's wait at the stop.
    unblocking: Unblocking,
}

impl Task for Keeper {
    fn tend(&mut self) {
        if self.member.stop.is_set() {
            self.unblocking.step(&self.member);
            if self.renewal.at() <= Instant::now() {
                self.renew();
            }
        } else {
            self.tick();
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let member = &self.member;
        if member.halt.is_set() {
            return None;
        }
        if member.stop.is_set() {
            return Some(Instant::now() + POLL);
        }
        let wake = self.next_wake();
        Some(self.link.rests_until().map_or(wake, |end| wake.max(end)))
    }

    fn broke(&self) {
        self.member.broke();
    }
}

impl Keeper {
    pub(crate) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            // After the stop, the thread that conducts it decides when to try.
            link: member.link(Role::Keeper, &member.stop),
            // If Redis was away at the start, other members were without it, too.
            epoch: u64::from(member.health.group_stood()),
            renewal: Renewal::new(member),
            beats: Beats::new(member),
            takeover: Takeover::new(member),
            unseen: Unseen::new(member),
            holding: Holding::new(member),
            alone: None,
            unblocking: Unblocking::default(),
        }
    }

    /// The time of the next work. Entries are claimed for workers that are free, and one
    /// more if none is.
    fn next_wake(&self) -> Instant {
        if self.member.claiming.is_moving() || self.member.sign_of_life.has_step() {
            return Instant::now();
        }
        let keep_at = self.renewal.at().min(self.beats.at());
        let event_at = self.member.own_chronicle().and_then(Chronicle::due);
        let keep_at = event_at.map_or(keep_at, |at| at.min(keep_at));
        let tell_at = self.member.failure_log.due();
        let keep_at = tell_at.map_or(keep_at, |at| at.min(keep_at));
        let keep_at = self.holding.wake_at().map_or(keep_at, |at| at.min(keep_at));
        if let Some(alone) = &self.alone {
            return alone.wake_at().map_or(keep_at, |at| at.min(keep_at));
        }
        let claiming = &self.member.claiming;
        let is_held = self.member.common.hold.lasts();
        let is_full = is_held || self.member.room_for_returning() == 0;
        // The pause may be another member's.
        let pause = &self.member.common.buffer.pause;
        if is_full || claiming.is_under_way() || !pause.is_over(&self.member.bells.keeper) {
            return keep_at;
        }
        let claim_at = keep_at.min(claiming.keeper_looks_at());
        self.takeover.at().map_or(claim_at, |at| at.min(claim_at))
    }

    fn tick(&mut self) {
        self.member.failure_log.tell_due(Instant::now());
        self.tell_events();
        self.holding.follow();
        // The reader may have noticed a step of the server's clock.
        self.notice();
        if self.link.rests_until().is_some() {
            return;
        }
        if self.renewal.at() <= Instant::now() {
            self.renew_leases();
        }
        if self.beats.at() <= Instant::now() {
            self.beat();
        }
        if self.member.claiming.is_moving() {
            move_some(&self.member, &mut self.link);
        }
        // The sign of life may have brought a hold.
        let is_held = self.holding.follow();
        if self.alone.is_some() {
            self.tend_alone();
        } else if !is_held {
            self.claim();
        }
    }

    /// Writes the due events, if the member is the whole consumer.
    fn tell_events(&mut self) {
        let Self { member, link, .. } = self;
        if let Some(chronicle) = member.own_chronicle() {
            chronicle.write_due(|write| link.run_softly(|wire| write(wire)));
        }
    }

    /// Renews the leases, and the lock of the entry that runs alone, and gives the sign
    /// of life that is due.
    pub(crate) fn renew(&mut self) {
        self.renew_leases();
        if self.beats.at() <= Instant::now() {
            self.beat();
        }
    }

    fn renew_leases(&mut self) {
        self.renewal.renew(&mut self.link);
        if let Some(alone) = &self.alone {
            alone.hold_lock(&mut self.link);
        }
        self.notice();
    }

    fn beat(&mut self) {
        let look = self.beats.beat(&mut self.link);
        self.notice();
        if let Some(look) = look {
            if look.has_scheduled {
                self.member.alarm.look(self.member.partition);
            }
            if let Some(partitions) = look.partitions {
                self.member.divide(partitions);
            }
            self.takeover.consider(&look);
            self.unseen.check(&look, &mut self.link);
        }
    }

    fn claim(&mut self) {
        if self.member.claiming.keeper_looks_at() <= Instant::now() {
            claim_due(&self.member, &mut self.link);
            self.notice();
        }
        let takes = |at| at <= Instant::now();
        if self.takeover.at().is_some_and(takes) {
            self.alone = self.takeover.step(&mut self.link);
            self.notice();
        }
    }

    /// Follows changes that the last request has shown: another connection, or a step of
    /// the server's clock.
    fn notice(&mut self) {
        let lease = self.member.config.lease;
        if self.link.epoch() > self.epoch {
            // Other members may be as late as this one: they get time to renew first.
            self.epoch = self.link.epoch();
            self.renewal.hasten();
            self.beats.hasten();
            self.takeover.put_off();
        }
        if let Some(step) = self.member.sign_of_life.take_step() {
            let (by, way) = match step {
                ClockStep::Back(by) => (by, "back"),
                ClockStep::Forward(by) => (by, "forward"),
            };
            log::warn!(
                "the server's clock was set {way} by {by:?}: nothing of `{}` is taken over from \
                 other consumers for {lease:?}",
                self.member.group.stream()
            );
            self.renewal.hasten();
            self.beats.hasten();
            self.takeover.follow(step);
            if let ClockStep::Back(by) = step {
                self.member.claiming.follow(by);
            }
        }
    }

    /// Runs an entry alone as soon as no handler runs; gives it back if a handler takes
    /// too long.
    fn tend_alone(&mut self) {
        let Some(mut alone) = self.alone.take() else {
            return;
        };
        match alone.step() {
            // It comes again after the hold.
            Step::Wait | Step::Start if self.member.common.hold.lasts() && !alone.has_started() => {
                alone.end(&mut self.link);
                self.takeover.end();
            }
            Step::Wait => self.alone = Some(alone),
            Step::Start => {
                alone.start();
                self.alone = Some(alone);
            }
            Step::GiveUp => {
                alone.end(&mut self.link);
                self.takeover.end();
            }
            Step::Done => {
                alone.end(&mut self.link);
                // Further such entries may have larger ids.
                self.takeover.begin_again();
            }
        }
    }

    /// Gives back an entry that was to run alone and has not started, and resumes the
    /// workers. Returns whether there was one: its lock is still held then. The lock of
    /// an entry that has started lapses.
    pub(crate) fn drop_alone(&mut self) -> bool {
        self.alone.take().is_some_and(|alone| !alone.has_started())
    }
}
