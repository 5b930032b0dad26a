//! The living members of the group, as one of them sees it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::nodes::link;
use crate::command::{self, Group, Sign};
use crate::config::ConsumerConfig;
use crate::connection::LinkHandle;
use crate::consumer::life::estate::Estate;
use crate::consumer::member::common::Common;
use crate::consumer::member::health::{Health, Role};
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::sign_of_life::{Giver, SignOfLife};
use crate::runtime::jitter;

/// The interval of looks at the other members.
const LOOK: Duration = Duration::from_secs(1);

/// The latest time after which a failed sign is repeated.
const AGAIN: Duration = Duration::from_millis(200);

/// Gives the consumer's sign of life, once for all of its partitions, and looks at the
/// others' now and then. The signs are kept at the stem.
pub(super) struct GroupView {
    common: Arc<Common>,
    /// The group of the whole stream.
    group: Group,
    lease: Duration,
    /// How long lapsed signs are kept.
    keep: Duration,
    sign: SignOfLife,
    link: MemberLink,
    health: Arc<Health>,
    /// The consumer wants no share of the partitions, since it stops or can't read more.
    leaves: bool,
    stops: bool,
    /// When the next sign is to be given.
    beat_at: Instant,
    look_at: Instant,
}

impl GroupView {
    pub(super) fn new(estate: &Estate, handle: &LinkHandle) -> Self {
        let ConsumerConfig {
            lease,
            consumer_expiry,
            ..
        } = estate.identity.config;
        let group = estate.identity.group.clone();
        let (link, health) = link(estate, handle, group.stream(), Role::Keeper);
        Self {
            common: Arc::clone(&estate.common),
            lease,
            keep: consumer_expiry,
            sign: SignOfLife::new(lease),
            link,
            health,
            leaves: false,
            stops: false,
            beat_at: Instant::now(),
            look_at: Instant::now(),
            group,
        }
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// The time of the next work.
    pub(super) fn wake_at(&self) -> Instant {
        let at = self.beat_at.min(self.look_at);
        let event_at = self.common.chronicle.due();
        let at = event_at.map_or(at, |event| event.min(at));
        self.link.rests_until().map_or(at, |end| at.max(end))
    }

    /// Gives the sign of life and looks at the others, whichever is due. After a look,
    /// returns the names of the others that have a share.
    pub(super) fn tend(&mut self) -> Option<Vec<String>> {
        self.keep_alive();
        self.tell_events();
        if self.look_at > Instant::now() || self.link.rests_until().is_some() {
            return None;
        }
        let asked = Instant::now();
        let signs = self.look();
        self.look_at = Instant::now() + jitter(LOOK.min(self.lease / 3), 0.2);
        let (me, now) = (self.common.name.as_bytes(), self.sign.server_ms()?);
        let mut sharing = Vec::new();
        let mut left = HashMap::new();
        for sign in signs? {
            if sign.member == me {
                continue;
            }
            if sign.till > now && !sign.leaves {
                sharing.extend(String::from_utf8(sign.member.clone()));
            }
            left.insert(sign.member, time_left(sign.till, now));
        }
        self.common.signs.note(asked, left);
        Some(sharing)
    }

    /// Writes the due events.
    fn tell_events(&mut self) {
        let Self { common, link, .. } = self;
        let chronicle = &common.chronicle;
        if chronicle.due().is_some_and(|at| at <= Instant::now()) && link.rests_until().is_none() {
            chronicle.write_due(|write| link.run_softly(|wire| write(wire)));
        }
    }

    /// Gives the sign of life, if it is due.
    pub(super) fn keep_alive(&mut self) {
        if self.beat_at <= Instant::now() && self.link.rests_until().is_none() {
            self.beat();
        }
    }

    /// Tells the others that it no longer wants a share.
    pub(super) fn leave(&mut self) {
        self.stops = true;
        self.leaves = true;
        self.beat();
    }

    /// Tells the others whether it wants a share, if that has changed.
    pub(super) fn share(&mut self, wants: bool) {
        let leaves = self.stops || !wants;
        if leaves != self.leaves && self.link.rests_until().is_none() {
            self.leaves = leaves;
            self.beat();
        }
    }

    /// Sets the next look to this time from now.
    pub(super) fn look_in(&mut self, time: Duration) {
        self.look_at = Instant::now() + time;
    }

    fn beat(&mut self) {
        let Self {
            common,
            group,
            sign,
            keep,
            leaves,
            ..
        } = self;
        let facts = common.facts();
        let giver = Giver {
            group,
            name: &common.name,
            keep: *keep,
            facts: &facts,
        };
        let given = self.link.run(|wire| sign.give_alone(wire, &giver, *leaves));
        // The next sign follows a step of the clock.
        let has_step = sign.take_step().is_some();
        let Ok(given) = given else {
            self.beat_at = Instant::now() + AGAIN.min(self.lease / 6);
            return;
        };
        common.hold.notice(given.hold, given.server_ms);
        self.health.passed_checks();
        // No sooner than a third of a lease, so that two more fit into one.
        self.beat_at = Instant::now() + jitter(self.lease * 7 / 20, 0.04);
        if has_step {
            self.beat_at = Instant::now();
        }
    }

    fn look(&mut self) -> Option<Vec<Sign>> {
        let group = &self.group;
        self.link.run(|wire| command::members(wire, group)).ok()
    }
}

/// The milliseconds until a sign lapses, negative once it has.
fn time_left(till: u64, now: u64) -> i64 {
    let ms = |time| i64::try_from(time).unwrap_or(i64::MAX);
    ms(till).saturating_sub(ms(now))
}
