//! The threads that run handlers of single deliveries.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

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
use crate::consumer::worker::work::{Crew, Work};
use crate::message::OwnedMessage;
use crate::runtime::panic_text;

/// Runs one delivery: the face of a typed handler for the threads, which know
/// no types.
trait Run: Send + Sync {
    /// Gives `taken` back for the next entry, unless the handler has kept it, or
    /// a panic has swallowed it.
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
}

impl<M: OwnedMessage, H: Handler<M>> Run for Typed<M, H> {
    fn run(&self, taken: TakenEntry) -> (Outcome, Option<TakenEntry>) {
        if taken.is_for_another_group() {
            return (Outcome::Skipped, Some(taken));
        }
        // A decoder may be the user's own, and panic as any handler.
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
        member: &crew.member,
        handler,
        now: Instant::now(),
        turn: None,
    };
    while let Some(held) = crew.member.buffer.next(&crew.ended) {
        worker.now = Instant::now();
        worker.work(&held);
    }
}

struct Worker<'a> {
    crew: &'a Crew,
    member: &'a Arc<Member>,
    handler: &'a dyn Run,
    /// The time, which is asked for once an entry: the end of one handler is
    /// the start of the next.
    now: Instant,
    /// For the next entry, where the group has a rate.
    turn: Option<Turn>,
}

impl Worker<'_> {
    /// Runs the entries that other workers leave of a reply, and those that come
    /// back meanwhile.
    fn work(&mut self, held: &Arc<Held>) {
        let buffer = &self.member.buffer;
        if !self.enter(held) {
            return;
        }
        let mut taken = None;
        loop {
            if !self.has_turn(held) {
                return;
            }
            if !self.start(held, &mut taken) {
                break;
            }
            if let Some(returning) = buffer.next_returning() {
                if !self.stays(&returning) || !self.has_turn(&returning) {
                    return self.member.give_back_rest(held);
                }
                self.start(&returning, &mut None);
            }
            if !self.stays(held) {
                return;
            }
        }
        self.put_turn_back();
        buffer.pause.leave();
    }

    /// Waits for a turn, where the group has a rate; the worker doesn't count as running
    /// meanwhile. Returns false, and gives the reply back, if the consumer stops before.
    fn has_turn(&mut self, held: &Arc<Held>) -> bool {
        let member = self.member;
        let Some(rate) = &member.rate else {
            return true;
        };
        if self.turn.is_none() {
            self.turn = rate.try_take();
        }
        if self.turn.is_some() || held.is_used_up() {
            return true;
        }
        member.buffer.pause.leave();
        self.turn = rate.take(
            &self.crew.ended,
            |most| member.wanted_turns(most, PORTION),
            |turns| member.heed_hold(turns.hold.as_ref(), turns.server_ms),
        );
        self.now = Instant::now();
        if self.turn.is_none() {
            member.give_back_rest(held);
            return false;
        }
        self.enter(held)
    }

    fn put_turn_back(&mut self) {
        if let (Some(rate), Some(turn)) = (&self.member.rate, self.turn.take()) {
            rate.put_back(turn);
        }
    }

    /// Counts as running, as soon as that may be. Returns false, and gives the
    /// reply back, if the consumer stops before.
    fn enter(&mut self, held: &Arc<Held>) -> bool {
        let buffer = &self.member.buffer;
        while !buffer.pause.enter(held) {
            buffer.wait_out(&self.crew.ended);
            self.now = Instant::now();
            if let Some(alone) = buffer.next_alone() {
                self.work(&alone);
            }
            if self.member.stop.is_set() {
                self.member.give_back_rest(held);
                return false;
            }
        }
        true
    }

    /// Makes way for an entry that runs alone, then enters again.
    fn stays(&mut self, held: &Arc<Held>) -> bool {
        let pause = &self.member.buffer.pause;
        if held.is_alone() || !pause.is_paused() {
            return true;
        }
        pause.leave();
        self.enter(held)
    }

    /// Runs the next entry of a reply. Returns whether there may be another.
    fn start(&mut self, held: &Arc<Held>, kept: &mut Option<TakenEntry>) -> bool {
        let member = self.member;
        if member.stop.is_set() {
            // The worker that takes a reply out of the queue answers for all of
            // it.
            member.give_back_rest(held);
            return false;
        }
        let Some(index) = held.start_next(self.now) else {
            return false;
        };
        if held.since_confirmed_at(self.now) >= member.config.lease {
            // This process, or the server, stood still: the entry may be with
            // somebody else by now.
            held.set_stage(index, Stage::Settling);
            member.give_back(held, index);
            return true;
        }
        member.buffer.room.left();
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
        let (outcome, taken) = self.handler.run(taken);
        *kept = taken;
        let now = Instant::now();
        if !matches!(outcome, Outcome::Skipped) {
            member.buffer.handler_time.observe(now - self.now);
        }
        if matches!(outcome, Outcome::Done) {
            member.handled(now - self.now);
        }
        let at_once = end(member, held, index, outcome);
        self.now = if at_once { now } else { Instant::now() };
        true
    }
}
