//! The member's signs of life, and its looks at the other members.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dead::forgotten;
use crate::command::{Look, StreamEventKind};
use crate::consumer::member::Member;
use crate::consumer::member::link::MemberLink;
use crate::runtime::jitter;

/// The interval of looks for consumers that are no longer needed.
const REAP: Duration = Duration::from_secs(60);

/// The latest time after which a failed sign is repeated.
const AGAIN: Duration = Duration::from_millis(200);

/// The member's signs of life, one each third of a lease and the first at once.
pub(super) struct Beats {
    member: Arc<Member>,
    at: Instant,
    reap_at: Instant,
    /// The address of the server that received the last sign.
    server: Option<String>,
}

impl Beats {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        let now = Instant::now();
        Self {
            member: Arc::clone(member),
            at: now,
            reap_at: now + Self::reap(member),
            server: None,
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// Makes the next sign come at once.
    pub(super) fn hasten(&mut self) {
        self.at = Instant::now();
    }

    /// Gives a sign of life. Returns the answer.
    pub(super) fn beat(&mut self, link: &mut MemberLink) -> Option<Look> {
        let member = &self.member;
        let lease = member.config.lease;
        let reap = self.reap_at <= Instant::now();
        let beat = link.run(|wire| {
            let look = member.beat(wire, reap)?;
            Ok((look, wire.endpoint().address().to_string()))
        });
        let Ok((look, server)) = beat else {
            self.at = Instant::now() + AGAIN.min(lease / 6);
            return None;
        };
        // No sooner than a third of a lease, so that two more fit into one.
        self.at = Instant::now() + jitter(lease * 7 / 20, 0.04);
        if reap {
            self.reap_at = Instant::now() + Self::reap(member);
            self.remove(&look, link);
        }
        if let Some(last) = self.server.replace(server)
            && let Some(now) = &self.server
            && last != *now
        {
            let text = format!("from {last} to {now}");
            member.note(StreamEventKind::FailedOver, 1, &text);
        }
        Some(look)
    }

    fn remove(&self, look: &Look, link: &mut MemberLink) {
        let member = &self.member;
        let names = forgotten(look, &member.name);
        if names.is_empty() {
            return;
        }
        // If that fails, the next look finds them again.
        let removed = link.run(|wire| member.group.remove(wire, &names));
        for name in removed.unwrap_or_default() {
            member.note_about(Some(&name), StreamEventKind::ConsumerRemoved, 1, "");
            log::info!(
                "removed the dead consumer `{name}` from `{}`",
                member.group.name()
            );
        }
    }

    fn reap(member: &Member) -> Duration {
        jitter(REAP.min(member.config.consumer_expiry), 0.5)
    }
}
