//! The takeover of entries whose consumer has let its lease lapse.

use std::error::Error as StdError;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::alone::Alone;
use crate::command::{self, Entries, TakeOver};
use crate::config::event::TakenOver;
use crate::consumer::cause::Cause;
use crate::consumer::member::Member;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::settle::Action;
use crate::consumer::member::stage::{Company, Stage};
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;
use crate::runtime::{counted, jitter};

/// How many abandoned entries one step looks at.
const LOOK: usize = 100;

/// Goes through the pending entries of the group in small steps, oldest first,
/// and from the beginning each third of a lease.
pub(super) struct Takeover<'a> {
    member: &'a Member,
    at: Instant,
    /// Where it goes on.
    cursor: Option<EntryId>,
    /// How many were taken over since the beginning of the list.
    swept: usize,
}

impl<'a> Takeover<'a> {
    pub(super) fn new(member: &'a Member) -> Self {
        Self {
            member,
            at: Instant::now(),
            cursor: None,
            swept: 0,
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// Takes nothing over for `time`.
    pub(super) fn put_off(&mut self, time: Duration) {
        self.at = Instant::now() + time;
    }

    /// Goes on where it is, with the next round.
    pub(super) fn try_later(&mut self) {
        self.put_off(jitter(self.member.config.lease / 3, 0.3));
    }

    /// Goes through the list from its beginning, at once.
    pub(super) fn begin_again(&mut self) {
        self.at = Instant::now();
        self.cursor = None;
    }

    /// Takes over at most `room` entries. Returns one that is to run alone, if
    /// there is one.
    pub(super) fn step(&mut self, link: &mut MemberLink<'_>, room: usize) -> Option<Alone<'a>> {
        let member = self.member;
        let step = TakeOver {
            lease: member.sign_of_life.takeover_after(),
            after: self.cursor,
            look: LOOK,
            take: room,
            max_deliveries: member.config.retry.deliveries(),
            alone: true,
        };
        let claim = member.claiming.begin();
        let asked = Instant::now();
        let taken = link.run(|wire| command::take_over(wire, &member.group, &member.name, &step));
        let Ok(taken) = taken else {
            self.put_off(member.config.lease);
            member.claiming.lost_answer();
            return None;
        };
        self.cursor = taken.next;
        if self.cursor.is_none() {
            self.try_later();
        } else {
            self.at = Instant::now();
        }
        self.count(taken.claimed.entries.len() + taken.spent.len() + taken.alone.len());
        let alone = (!taken.alone.is_empty()).then(|| {
            let held = member.hold(taken.alone, Company::Alone, asked);
            Alone::new(member, held, member.config.lease)
        });
        bury_spent(member, taken.spent, asked);
        member.accept(taken.claimed, Company::OwnBatch, asked, claim);
        alone
    }

    fn count(&mut self, count: usize) {
        let member = self.member;
        member
            .counters
            .taken_over
            .fetch_add(count as u64, Ordering::Relaxed);
        if count > 0 {
            member.config.events.tell(|e| {
                e.taken_over(&TakenOver {
                    stream: member.group.stream(),
                    group: member.group.name(),
                    consumer: &member.name,
                    entries: count,
                });
            });
        }
        // Steps are small: one line for all up to the end of the list.
        self.swept += count;
        if self.cursor.is_none() && self.swept > 0 {
            log::info!(
                "took over {} of `{}` whose consumer let its lease lapse",
                counted(mem::take(&mut self.swept), "entry", "entries"),
                member.group.stream()
            );
        }
    }
}

/// Has entries buried that have no delivery left.
fn bury_spent(member: &Member, spent: Entries, asked: Instant) {
    let spent = member.hold(spent, Company::Any, asked);
    for index in 0..spent.len() {
        spent.set_stage(index, Stage::Settling);
        let cause = Cause::new(Arc::new(Crashed));
        let text = cause.error().to_string();
        let action = Action::bury(DeadReason::Crashed, cause, text);
        member.settle(&spent, index, action);
    }
}

/// The error of an entry that no handler has answered for.
#[derive(Debug)]
struct Crashed;

impl fmt::Display for Crashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("each delivery ended with the death of its process, or of the connection")
    }
}

impl StdError for Crashed {}
