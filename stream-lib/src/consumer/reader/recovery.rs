//! Deliveries whose answer was lost with a connection.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::{self, Entries, PendingEntry};
use crate::connection::Wire;
use crate::consumer::handler::verdict::Outcome;
use crate::consumer::member::Member;
use crate::consumer::member::claiming::Claim;
use crate::consumer::member::settle::Action;
use crate::consumer::member::stage::{Company, Stage};
use crate::consumer::reader::unreadable::Unreadable;
use crate::consumer::worker;
use crate::error::Result;
use crate::message::EntryId;
use crate::runtime::{Portion, counted};

/// The search for unseen deliveries: after a failure of this thread or another, and for a
/// lease after that, since a stalled server may run a read after its connection was
/// closed.
///
/// A look goes through the list in steps, each one answer that fits into the buffer. An
/// answer that is lost again is asked for in halves.
pub(crate) struct Recovery<'a> {
    member: &'a Member,
    next: Option<Instant>,
    until: Instant,
    /// The id from which the present look goes on.
    after: Option<EntryId>,
    /// The number of entries that it has fetched.
    fetched: usize,
    /// Whether an answer was lost, and the present look has yet to find out with how many
    /// entries.
    was_lost: bool,
    /// Whether the lost answer was that of a look, which has made the next one smaller.
    is_halved: bool,
    /// When an answer with several entries was last found to be lost.
    lost_several_at: Option<Instant>,
    /// The entry that was lost when it was asked for alone, and how often.
    lost_alone: Option<(EntryId, u32)>,
    /// The entries that were left to the takeover.
    left: HashSet<EntryId>,
}

/// Two answers lost within this time may be too large.
const SUSPICIOUS: Duration = Duration::from_secs(60);

/// How often an entry is asked for alone before its delivery counts as failed.
const TRIES: u32 = 3;

impl<'a> Recovery<'a> {
    pub(crate) fn new(member: &'a Member) -> Self {
        Self {
            member,
            next: None,
            until: Instant::now(),
            after: None,
            fetched: 0,
            was_lost: false,
            is_halved: false,
            lost_several_at: None,
            lost_alone: None,
            left: HashSet::new(),
        }
    }

    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        if self.member.claiming.take_lost_answer() {
            self.next = Some(now);
            self.until = now + self.member.config.lease * 4 / 3;
            self.after = None;
            self.was_lost = !mem::take(&mut self.is_halved);
        }
        self.next.is_some_and(|at| at <= now)
    }

    /// Whether another look will come.
    pub(crate) fn is_watching(&self) -> bool {
        self.next.is_some()
    }

    /// Fetches entries that Redis has as delivered to us and this process doesn't know,
    /// as many as there is room for. It stays due until all are fetched. No read is under
    /// way meanwhile.
    pub(crate) fn run(&mut self, wire: &mut Wire) -> Result<()> {
        if self.step(wire)? {
            return Ok(());
        }
        self.after = None;
        let fetched = mem::take(&mut self.fetched);
        if fetched > 0 {
            log::info!(
                "fetched {} of `{}` whose delivery was lost with a connection",
                counted(fetched, "entry", "entries"),
                self.member.group.stream()
            );
        }
        let next = Instant::now() + self.member.config.lease / 3;
        self.next = (next < self.until).then_some(next);
        Ok(())
    }

    /// Returns whether there may be more.
    fn step(&mut self, wire: &mut Wire) -> Result<bool> {
        let member = self.member;
        let claim = member.claiming.begin();
        let asked = Instant::now();
        let pending = command::pending_of(wire, &member.group, &member.name, self.after)?;
        let Some(last) = pending.last().map(|entry| entry.id) else {
            return Ok(false);
        };
        // Read after the request to Redis, so that entries which have come in since are
        // known.
        let known: HashSet<_> = member.replies.ids().into_iter().collect();
        let mut unseen = pending;
        unseen.retain(|entry| !known.contains(&entry.id));
        self.suspect(unseen.len());
        let last_ones: Vec<_> = unseen.extract_if(.., |entry| self.is_last(entry)).collect();
        if !last_ones.is_empty() {
            self.leave_to_takeover(&last_ones, asked, claim);
            return Ok(true);
        }
        let more = unseen.split_off(member.room(false).max(1).min(unseen.len()));
        let end = match unseen.last() {
            Some(end) if !more.is_empty() => end.id,
            _ => last,
        };
        if let Some(entry) = self.unreadable(&unseen) {
            let unread = Entries::unread(entry.id, entry.deliveries);
            let held = member.hold(unread, Company::Any, asked);
            drop(claim);
            self.lost_alone = None;
            worker::end(
                member,
                &held,
                0,
                Outcome::Failed(Arc::new(Unreadable)),
                None,
            );
        } else if !unseen.is_empty() {
            let ids: Vec<_> = unseen.iter().map(|entry| entry.id).collect();
            // A takeover may have brought them.
            let company = if unseen.iter().any(|entry| entry.deliveries > 1) {
                Company::OwnBatch
            } else {
                Company::Any
            };
            let entries = self.fetch(wire, &ids)?;
            self.fetched += entries.len();
            let held = member.hold(entries, company, asked);
            drop(claim);
            if held.len() > 0 {
                member.enqueue(&held, || {});
            }
        }
        self.after = Some(end);
        Ok(true)
    }

    /// Whether this is an entry's last delivery, and may come after crashes. If it comes
    /// back, it is fetched here instead, since its answers may be too large.
    fn is_last(&self, entry: &PendingEntry) -> bool {
        let most = self.member.config.retry.deliveries();
        entry.deliveries > 1 && entry.deliveries >= most && !self.left.contains(&entry.id)
    }

    /// Gives back entries on their last delivery, which have not run: the takeover that
    /// brought them had the lock to run them alone, and takes it again.
    fn leave_to_takeover(&mut self, entries: &[PendingEntry], asked: Instant, claim: Claim<'_>) {
        /// Old ones are not needed any more.
        const MOST: usize = 10_000;
        let member = self.member;
        if self.left.len() > MOST {
            self.left.clear();
        }
        self.left.extend(entries.iter().map(|entry| entry.id));
        let hold = |entry: &PendingEntry| {
            let unread = Entries::unread(entry.id, entry.deliveries);
            let held = member.hold(unread, Company::Alone, asked);
            held.set_stage(0, Stage::Settling);
            held
        };
        let held: Vec<_> = entries.iter().map(hold).collect();
        drop(claim);
        for held in &held {
            member.settle(held, 0, Action::GiveBack);
        }
    }

    fn fetch(&mut self, wire: &mut Wire, ids: &[EntryId]) -> Result<Entries> {
        let member = self.member;
        let portion = &member.portion;
        let fetched = command::recover(wire, &member.group, &member.name, ids);
        match &fetched {
            Ok(entries) => portion.received(entries.len()),
            Err(e) if Portion::is_about(e) => {
                self.is_halved = true;
                if portion.halve(ids.len()) {
                    log::info!(
                        "an answer with {} entries of `{}` was lost with its connection: fewer \
                         are asked for at a time",
                        ids.len(),
                        member.group.stream()
                    );
                }
                if let [id] = ids {
                    let times = match self.lost_alone {
                        Some((lost, times)) if lost == *id => times + 1,
                        _ => 1,
                    };
                    self.lost_alone = Some((*id, times));
                }
            }
            Err(_) => {}
        }
        fetched
    }

    /// An answer with several entries that is lost soon after another one is probably too
    /// large: for example of two reads on the wire, though each alone would pass.
    fn suspect(&mut self, unseen: usize) {
        if !mem::take(&mut self.was_lost) || unseen < 2 {
            return;
        }
        let now = Instant::now();
        let before = self.lost_several_at.replace(now);
        if before.is_some_and(|before| now - before < SUSPICIOUS) {
            let portion = &self.member.portion;
            portion.halve(unseen.min(portion.size()));
        }
    }

    /// The next entry, if it was lost too often.
    fn unreadable<'b>(&self, unseen: &'b [PendingEntry]) -> Option<&'b PendingEntry> {
        let (lost, times) = self.lost_alone?;
        let next = unseen.first().filter(|entry| entry.id == lost);
        next.filter(|_| times >= TRIES && unseen.len() == 1)
    }
}
