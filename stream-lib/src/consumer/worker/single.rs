//! The threads that run handlers of single deliveries.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::consumer::handler::Handler;
use crate::consumer::handler::delivery::Delivery;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::handler::verdict::Outcome;
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::rate::{PORTION, Turn};
use crate::consumer::member::stage::Stage;
use crate::consumer::worker::ending::end;
use crate::consumer::worker::key_turn::wait_for_key;
use crate::consumer::worker::work::{Crew, CrewRecord, Work};
use crate::message::{OwnedMessage, Schema};
use crate::runtime::{Moment, panic_text};

/// Runs one delivery: the interface of a typed handler for the threads, which know no
/// types.
trait Run: Send + Sync {
    /// Gives `taken` back for the next entry, unless the handler has kept it, or a panic
    /// has dropped it.
    fn run(&self, taken: TakenEntry) -> (Outcome, Option<TakenEntry>);
}

/// A handler with its message type.
pub(crate) struct Typed<M, H> {
    handler: H,
    message: PhantomData<fn() -> M>,
}

impl<M, H> Typed<M, H> {
    pub(crate) fn new(handler: H) -> Self {
        Self {
            handler,
            message: PhantomData,
        }
    }
}

impl<M: OwnedMessage + 'static, H: Handler<M>> Work for Typed<M, H> {
    fn work(&self, crew: &Crew) {
        run(crew, self);
    }

    fn batch_size(&self) -> usize {
        1
    }

    fn schema(&self) -> &'static Schema {
        M::SCHEMA
    }
}

impl<M: OwnedMessage, H: Handler<M>> Run for Typed<M, H> {
    fn run(&self, taken: TakenEntry) -> (Outcome, Option<TakenEntry>) {
        if taken.is_for_another_group() {
            return (Outcome::Skipped, Some(taken));
        }
        // A decoder may be the user's own, and panic as any handler may.
        let ran = catch_unwind(AssertUnwindSafe(|| match taken.decode() {
            Ok(message) => {
                let delivery = Delivery::new(message, taken);
                let (result, delivery) = self.handler.handle_taken(delivery);
                let outcome = match result {
                    Ok(()) => Outcome::Done,
                    Err(e) => Outcome::Failed(e.into()),
                };
                (outcome, delivery.map(Delivery::into_taken))
            }
            Err(e) => (Outcome::Undecodable(e), Some(taken)),
        }));
        ran.unwrap_or_else(|panic| (Outcome::Panicked(panic_text(panic)), None))
    }
}

/// Runs entries until the crew ends.
fn run(crew: &Crew, handler: &dyn Run) {
    let mut worker = Worker {
        crew,
        handler,
        now: Moment::now(),
        turn: None,
        record: crew.record(),
    };
    while let Some(held) = crew.common.buffer.next(&crew.ended) {
        worker.now = Moment::now();
        worker.take(&held);
    }
}

struct Worker<'a> {
    crew: &'a Crew,
    handler: &'a dyn Run,
    /// The time, which is read once an entry: the end of one handler is the start of the
    /// next.
    now: Moment,
    /// The turn of the next entry, if the group has a rate.
    turn: Option<Turn>,
    record: CrewRecord,
}

impl Worker<'_> {
    fn take(&mut self, held: &Arc<Held>) {
        if let Some(member) = self.crew.member_of(held) {
            self.work(&member, held);
        }
    }

    /// Runs the entries of a reply that other workers leave, and returning entries
    /// meanwhile.
    fn work(&mut self, member: &Arc<Member>, held: &Arc<Held>) {
        let buffer = &self.crew.common.buffer;
        if !self.enter(member, held) {
            return;
        }
        let mut taken = None;
        loop {
            if !self.has_turn(member, held) {
                return;
            }
            if !self.start(member, held, &mut taken) {
                break;
            }
            if let Some(returning) = buffer.next_returning()
                && let Some(other) = self.crew.member_of(&returning)
            {
                if !self.stays(&other, &returning) || !self.has_turn(&other, &returning) {
                    return member.give_back_rest(held);
                }
                self.start(&other, &returning, &mut None);
            }
            if !self.stays(member, held) {
                return;
            }
        }
        self.put_turn_back();
        buffer.pause.leave();
    }

    /// Waits for a turn, if the group has a rate; the worker doesn't count as running
    /// meanwhile. Returns false, and gives the reply back, if the consumer stops before.
    fn has_turn(&mut self, member: &Member, held: &Arc<Held>) -> bool {
        let common = &self.crew.common;
        let Some(rate) = &common.rate else {
            return true;
        };
        // The worker may have waited for an entry that runs alone since the turn was
        // taken.
        self.turn = self.turn.filter(|turn| rate.lasts(*turn));
        if self.turn.is_none() {
            self.turn = rate.try_take();
        }
        while self.turn.is_none() && !held.is_used_up() {
            common.buffer.pause.leave();
            self.turn = rate.take(
                &self.crew.ended,
                |most| common.wanted_turns(most, PORTION),
                |turns| member.heed_hold(turns.hold.as_ref(), turns.server_ms),
            );
            self.now = Moment::now();
            if self.turn.is_none() {
                member.give_back_rest(held);
                return false;
            }
            if !self.enter(member, held) {
                return false;
            }
            // It may have waited here, too, or used the turn for that entry.
            self.turn = self.turn.filter(|turn| rate.lasts(*turn));
        }
        true
    }

    fn put_turn_back(&mut self) {
        if let (Some(rate), Some(turn)) = (&self.crew.common.rate, self.turn.take()) {
            rate.put_back(turn);
        }
    }

    /// Counts the worker as running, as soon as it may run. Returns false, and gives the
    /// reply back, if the consumer stops before.
    fn enter(&mut self, member: &Member, held: &Arc<Held>) -> bool {
        let buffer = &self.crew.common.buffer;
        while !buffer.pause.enter(held) {
            buffer.wait_out(&self.crew.ended);
            self.now = Moment::now();
            if let Some(alone) = buffer.next_alone() {
                self.take(&alone);
            }
            if member.stop.is_set() {
                member.give_back_rest(held);
                return false;
            }
        }
        true
    }

    /// Makes way for an entry that runs alone, then enters again.
    fn stays(&mut self, member: &Member, held: &Arc<Held>) -> bool {
        let pause = &self.crew.common.buffer.pause;
        if held.is_alone() || !pause.is_paused() {
            return true;
        }
        pause.leave();
        self.enter(member, held)
    }

    /// Runs the next entry of a reply. Returns whether there may be another.
    fn start(
        &mut self,
        member: &Arc<Member>,
        held: &Arc<Held>,
        kept: &mut Option<TakenEntry>,
    ) -> bool {
        if member.stop.is_set() || member.common.hold.lasts() {
            // The worker that takes a reply out of the queue is responsible for all of
            // it.
            member.give_back_rest(held);
            return false;
        }
        let Some(index) = held.start_next(self.now) else {
            return false;
        };
        if held.since_confirmed_at(self.now) >= member.config.lease {
            // This process, or the server, stood still: another consumer may have the
            // entry by now.
            held.set_stage(index, Stage::Settling);
            member.give_back(held, index);
            return true;
        }
        let buffer = &self.crew.common.buffer;
        buffer.room.left();
        if let Some(wait) = wait_for_key(member, held, index) {
            // Others run meanwhile.
            held.set_stage(index, Stage::Settling);
            member.settle(held, index, wait);
            return true;
        }
        self.turn = None;
        let taken = match kept.take() {
            Some(kept) => TakenEntry { index, ..kept },
            None => TakenEntry {
                member: Arc::clone(member),
                held: Arc::clone(held),
                index,
            },
        };
        self.record.began(member, held, index, self.now);
        let (outcome, taken) = self.handler.run(taken);
        *kept = taken;
        let now = Moment::now();
        let ran_for = now.since(self.now);
        if !matches!(outcome, Outcome::Skipped) {
            buffer.handler_time.observe(ran_for);
            self.record.handled(ran_for);
        }
        if matches!(outcome, Outcome::Done) {
            member.handled(ran_for);
        }
        let at_once = end(member, held, index, outcome, None);
        self.now = if at_once { now } else { Moment::now() };
        true
    }
}
