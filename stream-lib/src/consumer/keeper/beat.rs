//! When to give a sign of life, and to look for dead consumers.

use std::time::{Duration, Instant};

use crate::consumer::member::Member;
use crate::consumer::member::link::MemberLink;
use crate::runtime::jitter;

/// How often dead consumers are looked for.
const REAP: Duration = Duration::from_secs(60);

/// When the first sign of life is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// The member's signs of life, one each third of a lease.
pub(super) struct Beats<'a> {
    member: &'a Member,
    beat_at: Instant,
    reap_at: Instant,
}

impl<'a> Beats<'a> {
    pub(super) fn new(member: &'a Member) -> Self {
        let now = Instant::now();
        Self {
            member,
            // The first one was given at the start, if Redis was there.
            beat_at: if member.health.group_stood() {
                now + member.config.lease / 3
            } else {
                now
            },
            reap_at: now + jitter(REAP, 0.5),
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.beat_at
    }

    /// Gives a sign of life. Where that fails, the next one is soon enough, but
    /// for the first, which the takeover waits for.
    pub(super) fn beat(&mut self, now: Instant, link: &mut MemberLink<'_>) {
        let third = self.member.config.lease / 3;
        self.beat_at = now + third;
        let reap = self.reap_at <= now;
        if reap {
            self.reap_at = now + jitter(REAP, 0.5);
        }
        let given = link.run(|wire| self.member.beat(wire, reap));
        if given.is_err() && self.member.sign_of_life.server_ms().is_none() {
            self.beat_at = now + third.min(AGAIN);
        }
    }
}
