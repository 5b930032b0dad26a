//! Entries that Redis counts under the member's name, and that this process doesn't know.

use std::collections::HashSet;
use std::sync::Arc;

use crate::command::{self, Look};
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::error::Result;
use crate::message::EntryId;

/// Has the reader fetch entries that were unknown at two looks in a row: their answer was
/// lost without a failure. One look is not enough, since answers may be under way.
pub(super) struct Unseen {
    member: Arc<Member>,
    suspects: HashSet<EntryId>,
}

impl Unseen {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            suspects: HashSet::new(),
        }
    }

    pub(super) fn check(&mut self, look: &Look, link: &mut MemberLink) {
        let member = &self.member;
        let counted = look
            .holdings
            .iter()
            .find(|holding| holding.consumer == member.name.as_bytes())
            .map_or(0, |holding| holding.pending);
        let suspects = if counted <= member.replies.count_ours() as u64 {
            HashSet::new()
        } else {
            match self.unknown(link) {
                Ok(unknown) => unknown,
                Err(_) => return,
            }
        };
        if !self.suspects.is_disjoint(&suspects) {
            member.claiming.lost_answer();
        }
        self.suspects = suspects;
    }

    fn unknown(&self, link: &mut MemberLink) -> Result<HashSet<EntryId>> {
        let member = &self.member;
        let (mut unknown, mut after) = (HashSet::new(), None);
        loop {
            let page = link.run_pooled(Role::Claims, |wire| {
                command::pending_of(wire, &member.group, &member.name, after)
            })?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.id);
            unknown.extend(page.iter().map(|entry| entry.id));
        }
        // Read after the request to Redis, so that entries which have come in since are
        // known.
        for id in member.replies.ids() {
            unknown.remove(&id);
        }
        Ok(unknown)
    }
}
