//! When to give a sign of life, and to look for dead consumers.

use std::time::{Duration, Instant};

use crate::consumer::member::Member;
use crate::consumer::member::link::MemberLink;
use crate::runtime::jitter;

/// How often dead consumers are looked for.
const REAP: Duration = Duration::from_secs(60);

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
            beat_at: now + member.config.lease / 3,
            reap_at: now + jitter(REAP, 0.5),
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.beat_at
    }

    /// Gives a sign of life. Where that fails, the next one is soon enough.
    pub(super) fn beat(&mut self, now: Instant, link: &mut MemberLink<'_>) {
        self.beat_at = now + self.member.config.lease / 3;
        let reap = self.reap_at <= now;
        if reap {
            self.reap_at = now + jitter(REAP, 0.5);
        }
        let _ = link.run(|wire| self.member.beat(wire, reap));
    }
}
