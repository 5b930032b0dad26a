//! Deliveries whose answer was lost with a connection.

use std::collections::HashSet;
use std::time::Instant;

use crate::command;
use crate::connection::Wire;
use crate::consumer::member::Member;
use crate::consumer::member::stage::Company;
use crate::error::Result;
use crate::runtime::counted;

/// When to look for unseen deliveries: after a failure of this thread's or
/// another's, and for a lease after that, since a stalled server may run a
/// read after its connection was closed.
pub(crate) struct Recovery<'a> {
    member: &'a Member,
    next: Option<Instant>,
    until: Instant,
}

impl<'a> Recovery<'a> {
    pub(crate) fn new(member: &'a Member) -> Self {
        Self {
            member,
            next: None,
            until: Instant::now(),
        }
    }

    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        if self.member.claiming.take_lost_answer() {
            self.next = Some(now);
            self.until = now + self.member.config.lease * 4 / 3;
        }
        self.next.is_some_and(|at| at <= now)
    }

    /// Fetches the entries that Redis has as delivered to us and nobody here
    /// knows. No read is under way meanwhile.
    pub(crate) fn run(&mut self, wire: &mut Wire) -> Result<()> {
        recover(self.member, wire)?;
        let next = Instant::now() + self.member.config.lease / 3;
        self.next = (next < self.until).then_some(next);
        Ok(())
    }
}

fn recover(member: &Member, wire: &mut Wire) -> Result<()> {
    let mut after = None;
    loop {
        let claim = member.claiming.begin();
        let asked = Instant::now();
        let pending = command::pending_of(wire, &member.group, &member.name, after)?;
        let Some(&last) = pending.last() else {
            return Ok(());
        };
        after = Some(last);
        // Asked after Redis was: entries that have come in since are known.
        let known: HashSet<_> = member.replies.ids().into_iter().collect();
        let unseen: Vec<_> = pending
            .into_iter()
            .filter(|id| !known.contains(id))
            .collect();
        let mut fetched = Vec::new();
        for ids in unseen.chunks(member.config.read_count) {
            let entries = command::recover(wire, &member.group, &member.name, ids)?;
            if !entries.is_empty() {
                fetched.push(member.hold(entries, Company::Any, asked));
            }
        }
        drop(claim);
        for held in fetched {
            log::info!(
                "fetched {} of `{}` whose delivery was lost with a connection",
                counted(held.len(), "entry", "entries"),
                member.group.stream()
            );
            member.enqueue(&held, || {});
        }
    }
}
