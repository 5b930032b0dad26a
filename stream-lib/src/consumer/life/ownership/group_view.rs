//! The members of the group that live, as one of them sees it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::nodes::link;
use crate::command::{self, Group};
use crate::config::ConsumerConfig;
use crate::connection::LinkHandle;
use crate::consumer::life::estate::Estate;
use crate::consumer::member::common::Common;
use crate::consumer::member::health::{Health, Role};
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::sign_of_life::SignOfLife;
use crate::runtime::jitter;

/// How often the others are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// When a sign that failed is given again, at the latest.
const AGAIN: Duration = Duration::from_millis(200);

/// Gives the consumer's sign of life, once for all of its partitions, and looks at the
/// others' now and then. They stand beside the stream itself.
pub(super) struct GroupView {
    common: Arc<Common>,
    /// Of the whole stream.
    group: Group,
    lease: Duration,
    /// How long lapsed signs are kept.
    keep: Duration,
    sign: SignOfLife,
    link: MemberLink,
    health: Arc<Health>,
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
            beat_at: Instant::now(),
            look_at: Instant::now(),
            group,
        }
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// When there is something to do.
    pub(super) fn wake_at(&self) -> Instant {
        let at = self.beat_at.min(self.look_at);
        self.link.rests_until().map_or(at, |end| at.max(end))
    }

    /// Gives the sign of life, or looks, if it is time for that. Returns the names of the
    /// others that live, if they have been looked at; the first time with `true`.
    pub(super) fn tend(&mut self) -> Option<Vec<String>> {
        if self.wake_at() > Instant::now() {
            return None;
        }
        let asked = Instant::now();
        let left = if self.beat_at <= asked {
            self.beat()
        } else {
            self.look()
        };
        self.look_at = Instant::now() + jitter(LOOK.min(self.lease / 3), 0.2);
        let left = left?;
        let living = left.iter().filter(|(_, left)| **left > 0);
        let living = living.filter_map(|(name, _)| String::from_utf8(name.clone()).ok());
        let living = living.collect();
        self.common.signs.note(asked, left);
        Some(living)
    }

    /// Has the next look come after this time.
    pub(super) fn look_in(&mut self, time: Duration) {
        self.look_at = Instant::now() + time;
    }

    fn beat(&mut self) -> Option<HashMap<Vec<u8>, i64>> {
        let Self {
            common,
            group,
            sign,
            keep,
            ..
        } = self;
        let given = self
            .link
            .run(|wire| sign.give_alone(wire, group, &common.name, *keep));
        // A step of the clock is followed by the next sign.
        let has_step = sign.take_step().is_some();
        let Ok(given) = given else {
            self.beat_at = Instant::now() + AGAIN.min(self.lease / 6);
            return None;
        };
        self.health.passed_checks();
        // No sooner than a third of a lease, so that two more fit into one.
        self.beat_at = Instant::now() + jitter(self.lease * 7 / 20, 0.04);
        if has_step {
            self.beat_at = Instant::now();
        }
        Some(given.signs)
    }

    fn look(&mut self) -> Option<HashMap<Vec<u8>, i64>> {
        let group = &self.group;
        let members = self.link.run(|wire| command::members(wire, group)).ok()?;
        let now = self.sign.server_ms()?;
        let left = |till: u64| {
            let (till, now) = (i64::try_from(till).ok()?, i64::try_from(now).ok()?);
            Some(till - now)
        };
        let me = self.common.name.as_bytes();
        let others = members.into_iter().filter(|(name, _)| name != me);
        Some(
            others
                .filter_map(|(name, till)| Some((name, left(till)?)))
                .collect(),
        )
    }
}
