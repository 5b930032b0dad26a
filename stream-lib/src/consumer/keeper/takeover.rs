//! The takeover of entries whose consumer's lease has lapsed.

use std::error::Error as StdError;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::alone::Alone;
use super::dead::Dead;
use crate::command::reserved::TAKEOVER;
use crate::command::{self, Entries, Look, StreamEventKind, TakeOver};
use crate::config::event::TakenOver;
use crate::consumer::cause::Cause;
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::settle::Action;
use crate::consumer::member::sign_of_life::ClockStep;
use crate::consumer::member::stage::{Company, Stage};
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;
use crate::runtime::counted;

/// The entries of each dead consumer that one step looks at: a few cost less per taken
/// entry than many.
const LOOK: usize = 16;

/// The dead consumers of one step. If there are more, they take turns.
const MOST_DEAD: usize = 64;

/// The entries of `~waiting` that one step of a search for strays looks at, which takes
/// Redis 2 ms.
const GATHER: usize = 1_000;

/// Goes through the entries of dead consumers in small steps, oldest first, after each
/// look at the group that has found some.
pub(super) struct Takeover {
    member: Arc<Member>,
    /// When the next step is due; `None` if there is nothing to take over.
    at: Option<Instant>,
    /// The time before which nothing is taken over.
    not_before: Instant,
    dead: Vec<Vec<u8>>,
    /// The rotation of `dead` at the next pass, so that its consumers take turns.
    turn: usize,
    /// The id from which the pass goes on.
    cursor: Option<EntryId>,
    /// Entries taken over since the beginning of the list.
    swept: usize,
    /// Until this time, entries may bear delivery times that the server's clock, which
    /// was set back, has yet to reach, so their idle times say nothing.
    ahead_until: Instant,
    /// Whether only signs of life decide in this pass.
    by_signs: bool,
    /// Whether a search for entries of `~waiting` without due times is going on.
    is_gathering: bool,
    /// The id from which that search goes on.
    gathered: Option<EntryId>,
}

impl Takeover {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            at: None,
            not_before: Instant::now(),
            dead: Vec::new(),
            turn: 0,
            cursor: None,
            swept: 0,
            ahead_until: Instant::now(),
            by_signs: false,
            is_gathering: false,
            gathered: None,
        }
    }

    pub(super) fn at(&self) -> Option<Instant> {
        let at = if self.is_gathering {
            Some(self.not_before)
        } else {
            self.at
        };
        at.map(|at| at.max(self.not_before))
    }

    /// Takes nothing over for a lease, nor before the look after it.
    pub(super) fn put_off(&mut self) {
        self.not_before = Instant::now() + self.member.config.lease;
        self.end();
    }

    /// Follows a step of the server's clock: living members have to give signs of life
    /// and renew their leases first.
    pub(super) fn follow(&mut self, step: ClockStep) {
        self.put_off();
        if let ClockStep::Back(by) = step {
            self.ahead_until = Instant::now() + by + self.member.config.lease;
        }
    }

    /// Records the dead consumers that a look has found, and begins with the oldest entry
    /// unless a pass is under way.
    pub(super) fn consider(&mut self, look: &Look) {
        self.is_gathering |= look.has_strays;
        if self.not_before > Instant::now() {
            // The next look has newer facts.
            return;
        }
        if self.at.is_none() {
            // Every other pass goes by signs alone, so that neither kind starves.
            self.by_signs = !self.by_signs && self.ahead_until > Instant::now();
        }
        let dead = Dead::of(look, &self.member.name);
        self.dead = if self.by_signs {
            dead.lapsed
        } else {
            dead.all()
        };
        if self.dead.len() > MOST_DEAD {
            let turn = self.turn % self.dead.len();
            self.turn = turn + MOST_DEAD - 1;
            self.dead.rotate_left(turn);
            // The entries of `~takeover` go first: they wait for nothing but this.
            self.dead.sort_by_key(|name| name != TAKEOVER.as_bytes());
            self.dead.truncate(MOST_DEAD);
        }
        if self.dead.is_empty() {
            self.end();
        } else if self.at.is_none() {
            self.begin_again();
        }
    }

    /// Starts again at the beginning of the list, at once.
    pub(super) fn begin_again(&mut self) {
        self.at = (!self.dead.is_empty()).then(Instant::now);
        self.cursor = None;
    }

    /// Leaves the rest to the next look.
    pub(super) fn end(&mut self) {
        self.at = None;
        self.cursor = None;
        self.tell_swept();
    }

    /// Takes over as many entries as there is room for. Returns one that is to run alone,
    /// if any.
    pub(super) fn step(&mut self, link: &mut MemberLink) -> Option<Alone> {
        if self.is_gathering {
            self.gather(link);
            return None;
        }
        let member = &Arc::clone(&self.member);
        let claim = member.claiming.try_begin()?;
        let room = member.room_for_returning();
        // While an entry of another member runs alone, no second one could.
        if room == 0 || member.common.buffer.pause.is_paused() {
            return None;
        }
        let leave = member.claiming.capped();
        let step = TakeOver {
            dead: &self.dead,
            lease: member.config.lease,
            idle: if self.by_signs {
                Duration::ZERO
            } else {
                member.config.lease
            },
            after: self.cursor,
            look: LOOK,
            take: room,
            max_deliveries: member.config.retry.deliveries(),
            window: member.sign_of_life.window(),
            leave: &leave,
        };
        let asked = Instant::now();
        let taken = link.run_pooled(Role::Claims, |wire| {
            command::take_over(wire, &member.group, &member.name, &step)
        });
        let Ok(taken) = taken else {
            self.put_off();
            member.claiming.lost_answer();
            return None;
        };
        member.sign_of_life.observe(taken.server_ms, asked);
        let Some(taken) = taken.answer else {
            self.at = Some(Instant::now());
            return None;
        };
        self.cursor = taken.next;
        self.count(taken.claimed.entries.len() + taken.spent.len() + taken.alone.len());
        if self.cursor.is_none() {
            self.end();
        } else {
            self.at = Some(Instant::now());
        }
        let alone = (!taken.alone.is_empty()).then(|| {
            let held = member.hold(taken.alone, Company::Alone, asked);
            Alone::new(member, held, member.config.lease)
        });
        bury_spent(member, taken.spent, asked);
        member.accept(taken.claimed, Company::OwnBatch, asked, claim);
        alone
    }

    /// Takes one step of the search for entries of `~waiting` without due times.
    fn gather(&mut self, link: &mut MemberLink) {
        let (group, from) = (&self.member.group, self.gathered.take());
        match link.run_pooled(Role::Claims, |wire| {
            command::gather(wire, group, from, GATHER)
        }) {
            Ok(None) => {
                self.is_gathering = false;
                let takeover = TAKEOVER.as_bytes();
                if !self.dead.iter().any(|name| name == takeover) {
                    self.dead.push(takeover.to_vec());
                }
                if self.at.is_none() {
                    self.begin_again();
                }
            }
            Ok(next) => self.gathered = next,
            // The next look shows whether there are any.
            Err(_) => self.is_gathering = false,
        }
    }

    fn count(&mut self, count: usize) {
        let member = &self.member;
        member
            .counters
            .taken_over
            .fetch_add(count as u64, Ordering::Relaxed);
        member.note(StreamEventKind::TakenOver, count as u64, "");
        if count > 0 {
            member.config.events.tell(|e| {
                e.taken_over(&TakenOver {
                    stream: member.declared_stream(),
                    group: member.group.name(),
                    consumer: &member.name,
                    entries: count,
                });
            });
        }
        self.swept += count;
    }

    /// One line for all steps up to the end of the list, since steps are small.
    fn tell_swept(&mut self) {
        if self.swept > 0 {
            log::info!(
                "took over {} of `{}` whose consumer let its lease lapse",
                counted(mem::take(&mut self.swept), "entry", "entries"),
                self.member.group.stream()
            );
        }
    }
}

/// Buries entries that have no delivery left.
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

/// The error of an entry that was delivered but never answered.
#[derive(Debug)]
struct Crashed;

impl fmt::Display for Crashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("each delivery ended with the death of its process, or of the connection")
    }
}

impl StdError for Crashed {}
