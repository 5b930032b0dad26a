//! The thread that keeps what the consumer holds: renews it, claims what is
//! due, takes over what others abandoned, and gives everything back at the end.

mod alone;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::command::{self, Found, TakeOver};
use crate::connection::Wire;
use crate::consumer::keeper::alone::{Alone, Step};
use crate::consumer::member::Member;
use crate::consumer::member::done;
use crate::consumer::member::held::{Company, Held, Stage};
use crate::consumer::member::link::{MemberLink, Role};
use crate::consumer::member::settle::Reason;
use crate::consumer::member::settle::{Action, Settle};
use crate::error::{ErrorKind, Result};
use crate::message::EntryId;
use crate::runtime::jitter;

/// Most ids in one renewal.
const CHUNK: usize = 500;
/// How many abandoned entries one step of a takeover looks at.
const LOOK: usize = 100;
/// How often dead consumers are looked for.
const REAP: Duration = Duration::from_mins(1);
/// How long after another process has put something into `~waiting` it is
/// noticed at the latest.
const NOTICE_DUE: Duration = Duration::from_secs(1);

/// How the other threads of the consumer tell that they have ended, and are
/// told to: each channel carries nothing and is disconnected.
pub(crate) struct Ends {
    pub(crate) stop_workers: Sender<()>,
    pub(crate) reader: Receiver<()>,
    pub(crate) workers: Receiver<()>,
    pub(crate) ack: Receiver<()>,
}

/// Keeps the leases until the consumer stops, and conducts the stop.
pub(crate) fn run(member: &Member, ends: Ends) {
    let mut keeper = Keeper::new(member);
    while !member.stop.is_set() {
        keeper.tick();
        let wake = keeper.next_wake();
        member.stop.wait_until(wake, || keeper.next_wake() < wake);
    }
    keeper.close(ends);
}

struct Keeper<'a> {
    member: &'a Member,
    /// Long past: for what is to be done at once.
    began: Instant,
    link: MemberLink<'a>,
    epoch: u64,
    renew_at: Instant,
    claim_at: Instant,
    take_over_at: Instant,
    /// Where the takeover goes on.
    cursor: Option<EntryId>,
    /// How many were taken over since the beginning of the list.
    swept: usize,
    beat_at: Instant,
    reap_at: Instant,
    alone: Option<Alone<'a>>,
}

impl<'a> Keeper<'a> {
    fn new(member: &'a Member) -> Self {
        let now = Instant::now();
        Self {
            member,
            began: now,
            link: MemberLink::new(member, Role::Lease, &member.halt),
            epoch: 1,
            renew_at: now + member.config.lease / 6,
            claim_at: now,
            take_over_at: now,
            cursor: None,
            swept: 0,
            beat_at: now + member.config.lease / 3,
            reap_at: now + jitter(REAP, 0.5),
            alone: None,
        }
    }

    /// When there is something to do. Entries are claimed only when a worker
    /// is free for them.
    fn next_wake(&self) -> Instant {
        let renew_at = self.renew_at.min(self.beat_at);
        if let Some(alone) = &self.alone {
            return match alone.step() {
                Step::Wait => alone.patience().map_or(renew_at, |at| at.min(renew_at)),
                _ => self.began,
            };
        }
        if self.member.queue.room_for_returning() == 0 {
            return renew_at;
        }
        let due = self.member.next_due.lock().unwrap_or(self.claim_at);
        renew_at.min(self.take_over_at).min(self.claim_at).min(due)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.renew_at <= now {
            self.renew_at = now + self.member.config.lease / 6;
            self.renew();
        }
        if self.beat_at <= now {
            self.beat(now);
        }
        if self.alone.is_some() {
            self.tend_alone();
        } else {
            self.claim(now);
        }
        if self.link.epoch() > self.epoch {
            // Others may be as late as we are: let them renew first.
            self.epoch = self.link.epoch();
            self.renew_at = Instant::now();
            self.take_over_at = Instant::now() + self.member.takeover_after();
        }
    }

    fn claim(&mut self, now: Instant) {
        if self.member.queue.room_for_returning() > 0 {
            let due = self.member.next_due.lock().is_some_and(|at| at <= now);
            if due || self.claim_at <= now {
                self.claim_due();
            }
        }
        let room = self.member.queue.room_for_returning();
        if room > 0 && self.take_over_at <= Instant::now() {
            self.take_over(room);
        }
    }

    fn beat(&mut self, now: Instant) {
        let member = self.member;
        self.beat_at = now + member.config.lease / 3;
        let reap = self.reap_at <= now;
        if reap {
            self.reap_at = now + jitter(REAP, 0.5);
        }
        let patience = reap.then_some(member.config.consumer_expiry);
        let _ = self.link.run(|wire| member.beat(wire, patience));
    }

    /// Runs an entry alone, as soon as no handler runs; gives it back where one
    /// takes too long.
    fn tend_alone(&mut self) {
        match self.alone.as_mut().map(|alone| (alone.step(), alone)) {
            Some((Step::Start, alone)) => alone.start(),
            Some((Step::GiveUp, _)) => {
                self.end_alone();
                self.take_over_at = Instant::now() + jitter(self.member.config.lease / 3, 0.3);
            }
            Some((Step::Done, _)) => {
                self.end_alone();
                // There may be more of them, further up.
                self.take_over_at = Instant::now();
                self.cursor = None;
            }
            Some((Step::Wait, _)) | None => {}
        }
    }

    fn end_alone(&mut self) {
        let member = self.member;
        if self.alone.take().is_some() {
            let lock = member.group.lock_alone();
            let _ = self
                .link
                .run(|wire| command::release_lock(wire, lock, &member.name));
        }
    }

    fn renew(&mut self) {
        let third = self.member.config.lease / 3;
        let (mut longest, mut running) = (Duration::ZERO, 0);
        for held in self.member.replies.all() {
            for time in held.running() {
                longest = longest.max(time);
                running += 1;
            }
            if held.since_confirmed() >= third {
                self.renew_reply(&held);
            }
        }
        self.member.queue.observe_longest(longest, running);
        if self.alone.is_some() {
            let (lock, token) = (self.member.group.lock_alone(), &self.member.name);
            let lease = self.member.takeover_after();
            let _ = self
                .link
                .run(|wire| command::hold_lock(wire, lock, token, lease));
        }
    }

    fn renew_reply(&mut self, held: &Arc<Held>) {
        let member = self.member;
        let kept: Vec<_> = (0..held.len())
            .filter(|&index| self.keeps(held, index))
            .map(|index| (index, held.id(index)))
            .collect();
        let asked = Instant::now();
        for chunk in kept.chunks(CHUNK) {
            let ids: Vec<_> = chunk.iter().map(|(_, id)| *id).collect();
            let renewed = self
                .link
                .run(|wire| command::renew(wire, &member.group, &member.name, &ids));
            let Ok(renewed) = renewed else {
                return;
            };
            for ((index, _), found) in chunk.iter().zip(renewed) {
                if found == Found::NotOurs {
                    self.lose(held, *index);
                }
            }
        }
        held.confirm(asked);
    }

    /// Whether an entry's lease is to be renewed. What has waited in the buffer
    /// for a lease is given back instead, and what has run for too long is left
    /// to others.
    fn keeps(&self, held: &Arc<Held>, index: usize) -> bool {
        match held.stage(index) {
            Stage::Buffered if held.age() >= self.member.config.lease => {
                if held.advance(index, Stage::Buffered, Stage::Settling) {
                    self.member.give_back(held, index);
                }
                false
            }
            Stage::Running if held.running_for(index) >= self.member.config.lease_cap => {
                if held.advance(index, Stage::Running, Stage::Lost) && held.report_cap() {
                    log::warn!(
                        "a handler of `{}` has run for {:?} and more with entry {}: its lease is \
                         no longer renewed",
                        self.member.group.stream(),
                        self.member.config.lease_cap,
                        held.id(index)
                    );
                }
                false
            }
            Stage::Buffered | Stage::Running | Stage::Done | Stage::Settling => true,
            Stage::Lost | Stage::Gone => false,
        }
    }

    /// Another consumer has the entry.
    fn lose(&self, held: &Arc<Held>, index: usize) {
        if held.advance(index, Stage::Running, Stage::Lost) {
            log::warn!(
                "the lease of entry {} of `{}` was lost while its handler runs",
                held.id(index),
                self.member.group.stream()
            );
            let id = held.id(index);
            self.member.config.events.tell(|e| e.lease_lost(id));
        } else if held.advance(index, Stage::Buffered, Stage::Gone) {
            self.member.queue.left(&self.member.stop);
            self.member.counters.lost.fetch_add(1, Ordering::Relaxed);
        } else if held.advance(index, Stage::Done, Stage::Gone) {
            // Nobody had asked for it to be acknowledged, and nobody will.
            self.member.counters.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn claim_due(&mut self) {
        let member = self.member;
        let most = member.queue.room_for_due();
        let claiming = member.claiming.lock();
        let asked = Instant::now();
        let due = self
            .link
            .run(|wire| command::claim_due(wire, &member.group, &member.name, most));
        self.claim_at = Instant::now() + NOTICE_DUE;
        match due {
            Ok(due) => {
                *member.next_due.lock() = due.next.map(|wait| asked + wait);
                member.accept(due.claimed, Company::Any, asked, claiming);
            }
            Err(_) => self.lost_answer(),
        }
    }

    fn take_over(&mut self, room: usize) {
        let member = self.member;
        let step = TakeOver {
            lease: member.takeover_after(),
            after: self.cursor,
            look: LOOK,
            take: room,
            max_deliveries: member.config.retry.deliveries(),
            alone: true,
        };
        let claiming = member.claiming.lock();
        let asked = Instant::now();
        let taken = self
            .link
            .run(|wire| command::take_over(wire, &member.group, &member.name, &step));
        let Ok(taken) = taken else {
            self.take_over_at = Instant::now() + member.config.lease;
            return self.lost_answer();
        };
        self.cursor = taken.next;
        self.take_over_at = Instant::now();
        if self.cursor.is_none() {
            self.take_over_at += jitter(member.config.lease / 3, 0.3);
        }
        let count = taken.claimed.entries.len() + taken.spent.len() + taken.alone.len();
        member
            .counters
            .taken_over
            .fetch_add(count as u64, Ordering::Relaxed);
        if count > 0 {
            member.config.events.tell(|e| e.taken_over(count));
        }
        // Steps are small: one line for all up to the end of the list.
        self.swept += count;
        if self.cursor.is_none() && self.swept > 0 {
            log::info!(
                "took over {} entries of `{}` whose consumer let its lease lapse",
                mem::take(&mut self.swept),
                member.group.stream()
            );
        }
        if !taken.alone.is_empty() {
            let held = member.hold(taken.alone, Company::Alone, asked);
            self.alone = Some(Alone::new(member, held, member.config.lease));
        }
        let spent = member.hold(taken.spent, Company::Any, asked);
        for index in 0..spent.len() {
            spent.set_stage(index, Stage::Settling);
            let action = Action::Bury {
                reason: Reason::Crashed,
                error: "each delivery ended with the death of its process, or of the connection"
                    .to_owned(),
            };
            member.send(Settle::new(&spent, index, action));
        }
        member.accept(taken.claimed, Company::OwnBatch, asked, claiming);
    }

    /// Entries may have been claimed that we know nothing of.
    fn lost_answer(&self) {
        self.member.recovery_wanted.store(true, Ordering::SeqCst);
    }

    /// Ends the other threads in order, within the grace: first nothing new
    /// comes in, then what has not started goes back, so that others can have
    /// it while the last handlers still run.
    fn close(&mut self, ends: Ends) {
        const POLL: Duration = Duration::from_millis(20);
        /// For what takes a moment and must not be left out.
        const SOON: Duration = Duration::from_secs(1);
        let member = self.member;
        let deadline = Instant::now() + member.config.grace;
        if let Some(alone) = self.alone.take() {
            drop(alone);
            let lock = member.group.lock_alone();
            let _ = self.brief(|wire| command::release_lock(wire, lock, &member.name));
        }
        drop(ends.stop_workers);
        self.unblock_reader();
        while waits(&ends.reader, POLL) && Instant::now() < deadline {
            self.unblock_reader();
        }
        // A reader that a stalled server still holds is let go.
        self.member.reader_wire.stop();
        waits(&ends.reader, SOON);
        // Also what a worker has to itself that is still in a handler.
        for held in member.replies.all() {
            member.give_back_rest(&held);
        }
        let step = member.config.lease / 6;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if !waits(&ends.workers, step.min(left)) || left.is_zero() {
                break;
            }
            self.renew();
        }
        done::leave_to_ack(member);
        let _ = member.settle.send_deadline(Settle::Finish, deadline);
        // Settling what ended in the last moment of the grace takes a moment.
        let settled_by = deadline.max(Instant::now() + SOON);
        let unsettled = waits(
            &ends.ack,
            settled_by.saturating_duration_since(Instant::now()),
        );
        member.halt.set();
        if unsettled {
            return;
        }
        if let Err(e) = self.leave() {
            log::info!(
                "the consumer `{}` could not be removed from the group `{}`: {e}",
                member.name,
                member.group.name()
            );
        }
    }

    /// Ends the reader's wait for entries. It may have begun another meanwhile,
    /// so this is called until the reader has ended. Where it isn't allowed,
    /// the wait ends by itself.
    fn unblock_reader(&mut self) {
        if let Some(client) = self.member.reader_wire.client_id() {
            let _ = self.brief(|wire| command::unblock(wire, client));
        }
    }

    fn leave(&mut self) -> Result<bool> {
        let member = self.member;
        self.brief(|wire| member.group.leave(wire, &member.name))
    }

    /// One operation on a connection of its own, pooled if possible; tried once.
    fn brief<T>(&self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        let node = self
            .member
            .topology
            .node_for(self.member.group.stream().as_bytes());
        match node.pooled(Duration::from_secs(1)) {
            Ok(mut wire) => operation(&mut wire),
            // Where a handler stops its consumer, the manager may be gone first.
            Err(e) if e.kind() == ErrorKind::Closed => operation(&mut node.dedicated()?),
            Err(e) => Err(e),
        }
    }
}

/// Waits for a channel's disconnection; returns whether it is still connected.
fn waits(ended: &Receiver<()>, time: Duration) -> bool {
    ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}
