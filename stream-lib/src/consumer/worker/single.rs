//! The threads that run handlers of single deliveries.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::consumer::handler::Handler;
use crate::consumer::handler::delivery::Delivery;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::handler::verdict::Outcome;
use crate::consumer::member::Member;
use crate::consumer::member::held::{Held, Stage};
use crate::consumer::worker::ending::end;
use crate::consumer::worker::work::Work;
use crate::message::OwnedMessage;
use crate::runtime::panic_text;

/// Runs one delivery: what is left of a typed handler for the threads, which
/// know no types.
trait Run: Send + Sync {
    /// Gives `taken` back for the next entry, unless a panic has swallowed it.
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
    fn work(&self, member: &Arc<Member>, ended: &Receiver<()>) {
        run(member, self, ended);
    }

    fn batch_size(&self) -> usize {
        1
    }
}

impl<M: OwnedMessage, H: Handler<M>> Run for Typed<M, H> {
    fn run(&self, taken: TakenEntry) -> (Outcome, Option<TakenEntry>) {
        if taken.is_for_another_group() {
            return (Outcome::Done, Some(taken));
        }
        // A decoder may be the user's own, and panic as any handler.
        let ran = catch_unwind(AssertUnwindSafe(|| match taken.decode() {
            Ok(message) => {
                let delivery = Delivery::new(message, taken);
                let outcome = match self.handler.handle(&delivery) {
                    Ok(()) => Outcome::Done,
                    Err(e) => Outcome::Failed(e.into()),
                };
                (outcome, Some(delivery.into_taken()))
            }
            Err(e) => (Outcome::Undecodable(e), Some(taken)),
        }));
        ran.unwrap_or_else(|panic| (Outcome::Panicked(panic_text(&*panic)), None))
    }
}

/// Runs entries until `ended` disconnects.
fn run(member: &Arc<Member>, handler: &dyn Run, ended: &Receiver<()>) {
    let mut worker = Worker {
        member,
        handler,
        ended,
        now: Instant::now(),
    };
    while let Some(held) = member.queue.next(ended, &member.stop) {
        worker.now = Instant::now();
        worker.work(&held);
    }
}

struct Worker<'a> {
    member: &'a Arc<Member>,
    handler: &'a dyn Run,
    ended: &'a Receiver<()>,
    /// The time, which is asked for once an entry: the end of one handler is
    /// the start of the next.
    now: Instant,
}

impl Worker<'_> {
    /// Runs what other workers leave of a batch, and what comes back meanwhile.
    fn work(&mut self, held: &Arc<Held>) {
        let queue = &self.member.queue;
        if !self.enter(held) {
            return;
        }
        let mut taken = None;
        while self.start(held, &mut taken) {
            if let Some(returning) = queue.next_returning(&self.member.stop) {
                if !self.stays(&returning) {
                    return self.member.give_back_rest(held);
                }
                self.start(&returning, &mut None);
            }
            if !self.stays(held) {
                return;
            }
        }
        queue.leave(&self.member.stop);
    }

    /// Counts as running, as soon as that may be. Returns false, and gives the
    /// batch back, if the consumer stops before.
    fn enter(&mut self, held: &Arc<Held>) -> bool {
        let queue = &self.member.queue;
        while !queue.enter(held, &self.member.stop) {
            queue.wait_out(self.ended);
            self.now = Instant::now();
            if let Some(alone) = queue.next_alone() {
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
        let queue = &self.member.queue;
        if held.is_alone() || !queue.is_paused() {
            return true;
        }
        queue.leave(&self.member.stop);
        self.enter(held)
    }

    /// Runs the next entry of a batch. Returns whether there may be another.
    fn start(&mut self, held: &Arc<Held>, kept: &mut Option<TakenEntry>) -> bool {
        let member = self.member;
        if member.stop.is_set() {
            // Whoever takes a batch out of the queue answers for all of it.
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
        member.queue.left(&member.stop);
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
        member.queue.observe(now - self.now);
        let at_once = end(member, held, index, outcome);
        self.now = if at_once { now } else { Instant::now() };
        true
    }
}
