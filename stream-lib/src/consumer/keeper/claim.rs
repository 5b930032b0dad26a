//! The keeper's own claims of due entries, and the moves of due times.

use std::time::Instant;

use crate::consumer::due::DueClaim;
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;

/// The number of due times that move in one step, which takes Redis a few milliseconds.
const MOVE: usize = 2_000;

/// Claims due entries, unless the reader has done so by now.
pub(super) fn claim_due(member: &Member, link: &mut MemberLink) {
    let Some(claim) = DueClaim::begin(member) else {
        return;
    };
    if member.claiming.keeper_looks_at() > Instant::now() {
        return;
    }
    if let Ok(due) = link.run_pooled(Role::Claims, |wire| claim.request().run(wire)) {
        claim.accept(due);
    } else {
        member.claiming.look_failed();
        member.claiming.lost_answer();
    }
}

/// Moves some due times after a step of the server's clock.
pub(super) fn move_some(member: &Member, link: &mut MemberLink) {
    let Some(mut step) = member.claiming.next_move() else {
        return;
    };
    if let Ok(more) = link.run_pooled(Role::Claims, |wire| step.step(wire, &member.group, MOVE)) {
        member.claiming.moved(step, !more);
    }
}
