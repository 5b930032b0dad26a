//! Entries whose handlers have run for longer than leases are renewed.

use std::sync::Arc;
use std::time::Duration;

use crate::command::{self, Parking};
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::stage::Stage;
use crate::message::EntryId;

/// Gives these entries to others. This process leaves them alone as long as its
/// handler runs.
pub(super) struct Capped<'a> {
    member: &'a Member,
    entries: Vec<Entry>,
}

struct Entry {
    held: Arc<Held>,
    index: usize,
    /// Redis has taken it from us.
    is_parked: bool,
}

impl<'a> Capped<'a> {
    pub(super) fn new(member: &'a Member) -> Self {
        Self {
            member,
            entries: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, held: &Arc<Held>, index: usize) {
        self.entries.push(Entry {
            held: Arc::clone(held),
            index,
            is_parked: false,
        });
    }

    /// Parks those that were added since. Where that fails, the next renewal
    /// tries again.
    pub(super) fn park(&mut self, link: &mut MemberLink<'_>) {
        let member = self.member;
        let most = member.config.retry.deliveries();
        let added: Vec<_> = self.entries.iter_mut().filter(|e| !e.is_parked).collect();
        if added.is_empty() {
            return;
        }
        let parking: Vec<_> = added
            .iter()
            .map(|entry| Parking {
                id: entry.id(),
                attempt: entry.held.attempt(entry.index),
                // Its last delivery is a takeover's, as after a crash.
                delay: (entry.held.attempt(entry.index) + 1 < most).then_some(Duration::ZERO),
                deliveries: None,
            })
            .collect();
        if link
            .run(|wire| command::park(wire, &member.group, &member.name, &parking))
            .is_ok()
        {
            for entry in added {
                entry.is_parked = true;
            }
        }
    }

    /// The entries that this process must not claim.
    pub(super) fn ids(&mut self) -> Vec<EntryId> {
        let runs = |entry: &Entry| entry.held.stage(entry.index) != Stage::Gone;
        self.entries.retain(runs);
        self.entries.iter().map(Entry::id).collect()
    }
}

impl Entry {
    fn id(&self) -> EntryId {
        self.held.id(self.index)
    }
}
