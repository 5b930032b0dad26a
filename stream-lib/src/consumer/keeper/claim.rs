//! The claims of entries that are due for another delivery.

use std::time::{Duration, Instant};

use crate::command;
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::stage::Company;

/// How long after another process has put something into `~waiting` it is
/// noticed at the latest.
const NOTICE: Duration = Duration::from_secs(1);

/// Claims entries of `~waiting`: at the next due time that is known, and every
/// second.
pub(super) struct DueClaims<'a> {
    member: &'a Member,
    look_at: Instant,
}

impl<'a> DueClaims<'a> {
    pub(super) fn new(member: &'a Member) -> Self {
        Self {
            member,
            look_at: Instant::now(),
        }
    }

    pub(super) fn at(&self) -> Instant {
        let due = self.member.claiming.next_due();
        due.map_or(self.look_at, |due| due.min(self.look_at))
    }

    pub(super) fn claim(&mut self, link: &mut MemberLink<'_>) {
        let member = self.member;
        let most = member.buffer.room_for_due();
        let claim = member.claiming.begin();
        let asked = Instant::now();
        let due = link.run_as(Role::Claims, |wire| {
            command::claim_due(wire, &member.group, &member.name, most)
        });
        self.look_at = Instant::now() + NOTICE;
        match due {
            Ok(due) => {
                let next = due.next.map(|wait| asked + wait);
                member.claiming.set_next_due(next);
                member.accept(due.claimed, Company::Any, asked, claim);
            }
            Err(_) => member.claiming.lost_answer(),
        }
    }
}
