//! Entries whose handlers have run for longer than leases are renewed.

use std::sync::Arc;
use std::time::Duration;

use crate::command::{self, Mark, Parking};
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::link::MemberLink;

/// Gives these entries to other consumers. This process doesn't claim them as long as
/// their handlers run.
pub(super) struct Capped {
    member: Arc<Member>,
    /// The entries that Redis has yet to park.
    entries: Vec<(Arc<Held>, usize)>,
}

impl Capped {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            entries: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, held: &Arc<Held>, index: usize) {
        self.member.claiming.cap(held, index);
        self.entries.push((Arc::clone(held), index));
    }

    /// Parks the entries added since the last call. If that fails, the next renewal tries
    /// again.
    pub(super) fn park(&mut self, link: &mut MemberLink) {
        let member = &self.member;
        let most = member.config.retry.deliveries();
        if self.entries.is_empty() {
            return;
        }
        let parking: Vec<_> = self
            .entries
            .iter()
            .map(|(held, index)| Parking {
                id: held.id(*index),
                attempt: held.attempt(*index),
                // Its last delivery is a takeover's, as after a crash.
                delay: (held.attempt(*index) + 1 < most).then_some(Duration::ZERO),
                deliveries: None,
                mark: Mark::default(),
            })
            .collect();
        if link
            .run(|wire| command::park(wire, &member.group, &member.name, &parking))
            .is_ok()
        {
            self.entries.clear();
        }
    }
}
