//! Claims of due entries, by the reader and the keeper.

use std::time::{Duration, Instant};

use super::member::Member;
use super::member::claiming::Claim;
use super::member::rate::KeyRates;
use super::member::stage::Company;
use crate::command::{ClaimDue, ClockWindow, Due, Timed};
use crate::message::EntryId;

/// A claim of due entries that is about to be sent, or is under way.
pub(crate) struct DueClaim<'a> {
    member: &'a Member,
    claim: Claim<'a>,
    most: usize,
    window: Option<ClockWindow>,
    leave: Vec<EntryId>,
    asked: Instant,
}

impl<'a> DueClaim<'a> {
    /// Begins a claim of as many entries as the workers can start. `None` if nothing may
    /// be claimed: another claim is under way, an entry runs alone, the server's clock
    /// was set and the step has yet to be followed, or there is no room.
    pub(crate) fn begin(member: &'a Member) -> Option<Self> {
        let claim = member.claiming.try_begin()?;
        let may_claim = member.room_for_returning() > 0
            && !member.common.buffer.pause.is_paused()
            && !member.claiming.is_moving()
            && !member.common.hold.lasts()
            && !member.sign_of_life.has_step();
        may_claim.then(|| Self {
            member,
            claim,
            most: member.room_for_due(),
            window: member.sign_of_life.window(),
            leave: member.claiming.capped(),
            asked: Instant::now(),
        })
    }

    /// The request to Redis.
    pub(crate) fn request(&self) -> ClaimDue<'_> {
        let rates = self.member.common.key_rates.as_ref();
        ClaimDue {
            group: &self.member.group,
            consumer: &self.member.name,
            most: self.most,
            window: self.window,
            late: rates.map_or(Duration::ZERO, KeyRates::late),
            leave: &self.leave,
        }
    }

    /// Hands the entries to the workers. If the server's clock was outside of the
    /// expected bounds, the keeper follows the step and looks again.
    pub(crate) fn accept(self, due: Timed<Due>) {
        let (member, asked) = (self.member, self.asked);
        member.sign_of_life.observe(due.server_ms, asked);
        let Some(due) = due.answer else {
            member.claiming.leave_to_keeper();
            return;
        };
        let next = due.next.map(|wait| asked + wait);
        member.claiming.looked(asked, next, due.moves);
        if member.sign_of_life.has_step() {
            member.bells.keeper.ring();
        }
        member.accept(due.claimed, Company::Any, asked, self.claim);
    }
}
