//! The claims of entries that are due for another delivery.

use std::time::{Duration, Instant};

use crate::command::{self, DueMove};
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::stage::Company;
use crate::message::EntryId;

/// How long after another process has put something into `~waiting` it is
/// noticed at the latest.
const NOTICE: Duration = Duration::from_secs(1);

/// How many due times move in one step, which takes Redis a few milliseconds.
const MOVE: usize = 2_000;

/// Claims entries of `~waiting`: at the next due time that is known, and every
/// second.
pub(super) struct DueClaims<'a> {
    member: &'a Member,
    look_at: Instant,
    /// How often due times were moved along with the server's clock, as of the
    /// last answer.
    moves: Option<u64>,
    /// The move under way.
    moving: Option<DueMove>,
}

impl<'a> DueClaims<'a> {
    pub(super) fn new(member: &'a Member) -> Self {
        Self {
            member,
            look_at: Instant::now(),
            moves: None,
            moving: None,
        }
    }

    pub(super) fn at(&self) -> Instant {
        let due = self.member.claiming.next_due();
        due.map_or(self.look_at, |due| due.min(self.look_at))
    }

    /// Whether due times are to be moved before anything is claimed.
    pub(super) fn is_moving(&self) -> bool {
        self.moving.is_some()
    }

    /// Has due times moved, after the server's clock was set back. Nothing was
    /// parked that is known here before the first claim.
    pub(super) fn follow(&mut self, back: Duration) {
        self.moving = self.moves.map(|moves| DueMove {
            back,
            moves,
            from: String::new(),
        });
    }

    /// Moves some due times.
    pub(super) fn move_some(&mut self, link: &mut MemberLink<'_>) {
        let member = self.member;
        let Some(moving) = &mut self.moving else {
            return;
        };
        match link.run(|wire| moving.step(wire, &member.group, MOVE)) {
            Ok(true) | Err(_) => {}
            Ok(false) => {
                self.moves = Some(moving.moves);
                self.moving = None;
                self.look_at = Instant::now();
            }
        }
    }

    /// Claims what is due, but for `leave`.
    pub(super) fn claim(&mut self, link: &mut MemberLink<'_>, leave: &[EntryId]) {
        let member = self.member;
        let most = member.buffer.room_for_due();
        let claim = member.claiming.begin();
        let window = member.sign_of_life.window();
        let asked = Instant::now();
        let due = link.run_as(Role::Claims, |wire| {
            command::claim_due(wire, &member.group, &member.name, most, window, leave)
        });
        self.look_at = Instant::now() + NOTICE;
        let Ok(due) = due else {
            member.claiming.lost_answer();
            return;
        };
        member.sign_of_life.observe(due.server_ms, asked);
        let Some(due) = due.answer else {
            self.look_at = Instant::now();
            return;
        };
        self.moves = Some(due.moves);
        let next = due.next.map(|wait| asked + wait);
        member.claiming.set_next_due(next);
        member.accept(due.claimed, Company::Any, asked, claim);
    }
}
