//! The way of entries into a member and out of it, and the room for them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::claiming::Claim;
use super::done::Done;
use super::failure_log::Fate;
use super::held::Held;
use super::settle::{Action, Settle};
use super::stage::Company;
use super::state::Member;
use crate::command::{Claimed, Entries};

impl Member {
    /// Registers entries as held, before a worker can start them.
    pub(crate) fn hold(&self, entries: Entries, company: Company, asked: Instant) -> Arc<Held> {
        let delivered = entries.len() as u64;
        self.counters
            .delivered
            .fetch_add(delivered, Ordering::Relaxed);
        self.replies.hold(entries, company, asked)
    }

    /// Hands new entries to the workers, or gives them back if the consumer stops before.
    /// `before_waiting` is called if there is no place for them yet.
    pub(crate) fn enqueue(&self, held: &Arc<Held>, before_waiting: impl FnOnce()) {
        if self.turns_back(held) || !self.common.buffer.push(held, &self.stop, before_waiting) {
            self.give_back_rest(held);
        }
    }

    /// Whether new entries are given back at once, since the group is held by now: they
    /// count as buffered until then.
    fn turns_back(&self, held: &Held) -> bool {
        let is_held = self.common.hold.lasts();
        if is_held {
            self.common.buffer.room.expect(held);
        }
        is_held
    }

    /// Registers claimed entries and hands them to the workers, after which others may
    /// claim again.
    pub(crate) fn accept(
        &self,
        claimed: Claimed,
        company: Company,
        asked: Instant,
        claim: Claim<'_>,
    ) {
        let deleted = claimed.deleted;
        self.counters.deleted.fetch_add(deleted, Ordering::Relaxed);
        if !claimed.entries.is_empty() {
            let held = self.hold(claimed.entries, company, asked);
            held.set_marks(claimed.marks);
            if self.turns_back(&held) || !self.common.buffer.push_returning(&held, &self.stop) {
                self.give_back_rest(&held);
            }
        }
        // Until now there was room for them, and no other claim could take it.
        drop(claim);
    }

    /// Withdraws the entries that no worker has started, and gives them back.
    pub(crate) fn give_back_rest(&self, held: &Arc<Held>) {
        while let Some(index) = held.withdraw_next() {
            self.give_back(held, index);
        }
    }

    /// Gives back an entry that was withdrawn from the buffer.
    pub(crate) fn give_back(&self, held: &Arc<Held>, index: usize) {
        self.common.buffer.room.left();
        self.settle(held, index, Action::GiveBack);
    }

    /// Redis has confirmed the acknowledgement of these entries.
    pub(crate) fn confirm_completed(&self, done: &Done) {
        self.acknowledging.confirmed(done, &self.counters.completed);
        self.tell_completed(done.len());
    }

    /// Queues a request for an entry whose delivery has ended.
    pub(crate) fn settle(&self, held: &Arc<Held>, index: usize, action: Action) {
        let settle = Settle::new(held, index, action);
        if let Err(Settle::Entry(entry)) = self.acknowledging.try_send(settle) {
            self.tell_end(&entry, Fate::Abandoned);
        }
    }

    /// How many entries the reader may ask for now, by a read that waits for entries or
    /// one that doesn't.
    pub(crate) fn room(&self, waits: bool) -> usize {
        let buffer = &self.common.buffer;
        if self.common.hold.lasts() {
            return 0;
        }
        let load = buffer.load(self.replies.bytes());
        let room = if waits {
            buffer.room.for_waiting(&load)
        } else {
            buffer.room.for_new(&load)
        };
        let room = room.min(self.portion.size());
        let Some(rate) = &self.common.rate else {
            return room;
        };
        // Entries that would wait long for their turn are better read by others, or
        // later.
        room.min(rate.room().saturating_sub(buffer.room.buffered()))
    }

    /// How many returning entries to claim: none while some still wait.
    pub(crate) fn room_for_returning(&self) -> usize {
        if self.home.has_returning() {
            0
        } else {
            let room = self.common.buffer.room.for_returning();
            room.min(self.portion.size())
        }
    }

    /// How many entries of `~waiting` to claim.
    pub(crate) fn room_for_due(&self) -> usize {
        let buffer = &self.common.buffer;
        let batches = buffer.room.for_batches(&buffer.load(0));
        let most = self.portion.size();
        self.room_for_returning().max(batches).min(most)
    }

    /// Notes the time of its longest-running handler, and how many entries all of its
    /// handlers hold.
    pub(crate) fn observe_longest(&self, longest: Duration, entries: usize) {
        let buffer = &self.common.buffer;
        let handlers = buffer.pause.running();
        buffer
            .handler_time
            .observe_longest(self.number(), longest, entries, handlers);
    }
}
