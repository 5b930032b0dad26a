//! The takeover of entries whose consumer has let its lease lapse.

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

/// How many entries of each dead consumer one step looks at: few are cheaper for
/// each entry taken than many.
const LOOK: usize = 16;

/// Of how many dead consumers at a time. Where there are more, they take turns.
const MOST_DEAD: usize = 64;

/// How many entries of `~waiting` one step of a search for strays looks at, which
/// takes Redis 2 ms.
const GATHER: usize = 1_000;

/// For which part of a lease a member has watched the signs of the others before one that
/// has lapsed is that of a dead member: longer than two of them are apart. Where the
/// server's clock was set forward before this member began, those of the living have
/// lapsed until they give the next.
const WATCH: (u32, u32) = (2, 5);

/// Goes through the entries of dead consumers in small steps, oldest first, after
/// each look at the group that has found some.
pub(super) struct Takeover {
    member: Arc<Member>,
    /// When the next step is due; `None` where there is nothing to take over.
    at: Option<Instant>,
    /// Before that, nothing is taken over.
    not_before: Instant,
    dead: Vec<Vec<u8>>,
    /// Where the turn of the dead begins.
    turn: usize,
    /// Where it goes on.
    cursor: Option<EntryId>,
    /// How many were taken over since the beginning of the list.
    swept: usize,
    /// Until when entries may have been delivered at a time that the server's
    /// clock, which was set back, has yet to show: their idle times say nothing.
    ahead_until: Instant,
    /// Signs of life alone decide in this pass.
    by_signs: bool,
    /// Entries of `~waiting` are being searched for whose due times are lost.
    is_gathering: bool,
    /// Where that search goes on.
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

    /// Takes nothing over for a lease, nor before the look that follows.
    pub(super) fn put_off(&mut self) {
        self.not_before = Instant::now() + self.member.config.lease;
        self.end();
    }

    /// Follows a step of the server's clock: others that live have to give signs
    /// of life and renew their leases first.
    pub(super) fn follow(&mut self, step: ClockStep) {
        self.put_off();
        if let ClockStep::Back(by) = step {
            self.ahead_until = Instant::now() + by + self.member.config.lease;
        }
    }

    /// Notes the dead that a look has found, and begins with the oldest entry
    /// where no pass is under way. Returns when to look again, where this look can't tell
    /// yet whether some are dead.
    pub(super) fn consider(&mut self, look: &Look) -> Option<Instant> {
        self.is_gathering |= look.has_strays;
        if self.not_before > Instant::now() {
            // The next look knows better.
            return None;
        }
        if self.at.is_none() {
            // Every other pass, so that neither starves.
            self.by_signs = !self.by_signs && self.ahead_until > Instant::now();
        }
        let mut dead = Dead::of(look, &self.member.name);
        let more = (self.member.config.lease * WATCH.0 / WATCH.1)
            .checked_sub(self.member.watched_signs())
            .filter(|more| !more.is_zero() && !dead.lapsed.is_empty());
        if more.is_some() {
            dead.lapsed.clear();
        }
        self.dead = if self.by_signs {
            dead.lapsed
        } else {
            dead.all()
        };
        if self.dead.len() > MOST_DEAD {
            let turn = self.turn % self.dead.len();
            self.turn = turn + MOST_DEAD - 1;
            self.dead.rotate_left(turn);
            // Its entries wait for nothing but this.
            self.dead.sort_by_key(|name| name != TAKEOVER.as_bytes());
            self.dead.truncate(MOST_DEAD);
        }
        if self.dead.is_empty() {
            self.end();
        } else if self.at.is_none() {
            self.begin_again();
        }
        more.map(|more| Instant::now() + more)
    }

    /// Goes through the list from its beginning, at once.
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

    /// Takes over as many entries as there is room for. Returns one that is to run
    /// alone, if there is one.
    pub(super) fn step(&mut self, link: &mut MemberLink) -> Option<Alone> {
        if self.is_gathering {
            self.gather(link);
            return None;
        }
        let member = &Arc::clone(&self.member);
        let claim = member.claiming.try_begin()?;
        let room = member.room_for_returning();
        // An entry of another member may run alone: one more could not.
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

    /// Searches for entries of `~waiting` whose due times are lost, one step.
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
            // The next look knows whether there are some.
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

    /// Steps are small: one line for all up to the end of the list.
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
