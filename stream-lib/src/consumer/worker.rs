//! The threads that run handlers.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::ack::{Action, Settle};
use super::batch::{Batch, Stage};
use super::delivery::{Delivery, Taken};
use super::handler::Handler;
use super::member::Member;
use super::retry::{Outcome, Verdict, judge};
use crate::command::FOR_GROUP;
use crate::message::{DecodeError, OwnedMessage};
use crate::runtime::{jitter, panic_text};

/// What each worker thread of a consumer does.
pub(super) trait Work: Send + Sync {
    /// Works until `ended` disconnects.
    fn work(&self, member: &Arc<Member>, ended: &Receiver<()>);

    /// How many entries a worker takes at a time at most.
    fn batch_size(&self) -> usize;
}

/// Runs one delivery: what is left of a typed handler for the threads, which
/// know no types.
trait Run: Send + Sync {
    fn run(&self, taken: Taken) -> Outcome;
}

/// A handler with its message type.
pub(super) struct Typed<M, H> {
    handler: H,
    message: PhantomData<fn() -> M>,
}

impl<M, H> Typed<M, H> {
    pub(super) fn new(handler: H) -> Self {
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
    fn run(&self, taken: Taken) -> Outcome {
        if is_for_another_group(&taken) {
            return Outcome::Done;
        }
        // A decoder may be the user's own, and panic as any handler.
        let ran = catch_unwind(AssertUnwindSafe(|| match decode(&taken) {
            Ok(message) => match self.handler.handle(&Delivery::new(message, taken)) {
                Ok(()) => Outcome::Done,
                Err(e) => Outcome::Failed(e.into()),
            },
            Err(e) => Outcome::Undecodable(e),
        }));
        ran.unwrap_or_else(|panic| Outcome::Panicked(panic_text(&*panic)))
    }
}

/// A redriven entry is for the group that failed on it.
pub(super) fn is_for_another_group(taken: &Taken) -> bool {
    let redriven_for = taken.batch.header(taken.index, FOR_GROUP);
    redriven_for.is_some_and(|group| group != taken.member.group.name().as_bytes())
}

pub(super) fn decode<M: OwnedMessage>(taken: &Taken) -> Result<M, DecodeError> {
    M::decode(taken.batch.fields(taken.index))
}

/// Runs entries until `ended` disconnects.
fn run(member: &Arc<Member>, handler: &dyn Run, ended: &Receiver<()>) {
    while let Some(batch) = member.queue.next(ended, &member.stop) {
        while work(member, handler, &batch, ended) {
            if let Some(returning) = member.queue.next_returning(&member.stop) {
                work(member, handler, &returning, ended);
            }
        }
    }
}

/// Runs the next entry of a batch. Returns whether there may be another.
fn work(member: &Arc<Member>, handler: &dyn Run, batch: &Arc<Batch>, ended: &Receiver<()>) -> bool {
    while !member.queue.enter(batch, &member.stop) {
        member.queue.wait_out(ended);
        if let Some(alone) = member.queue.next_alone() {
            work(member, handler, &alone, ended);
        }
        if member.stop.is_set() {
            // It never entered, so it must not leave.
            member.give_back_rest(batch);
            return false;
        }
    }
    let more = start(member, handler, batch);
    member.queue.leave(&member.stop);
    more
}

fn start(member: &Arc<Member>, handler: &dyn Run, batch: &Arc<Batch>) -> bool {
    if member.stop.is_set() {
        // Whoever takes a batch out of the queue answers for all of it.
        member.give_back_rest(batch);
        return false;
    }
    let Some(index) = batch.start_next() else {
        return false;
    };
    if batch.since_confirmed() >= member.config.lease {
        // This process, or the server, stood still: the entry may be with
        // somebody else by now.
        batch.set_stage(index, Stage::Settling);
        member.give_back(batch, index);
        return true;
    }
    member.queue.left(&member.stop);
    let started = Instant::now();
    let outcome = handler.run(Taken {
        member: Arc::clone(member),
        batch: Arc::clone(batch),
        index,
    });
    member.queue.observe(started.elapsed());
    end(member, batch, index, outcome);
    true
}

/// Decides what becomes of an entry whose delivery has ended.
pub(super) fn end(member: &Member, batch: &Arc<Batch>, index: usize, outcome: Outcome) {
    let counters = &member.counters;
    if let Outcome::Panicked(text) = &outcome {
        counters.panicked.fetch_add(1, Ordering::Relaxed);
        member
            .config
            .events
            .tell(|e| e.panicked(batch.id(index), text));
    }
    // With the lease lost, the entry is settled only if it is ours after all.
    let late = !batch.advance(index, Stage::Running, Stage::Settling);
    batch.set_stage(index, Stage::Settling);
    let attempt = batch.attempt(index);
    let policy = &member.config.retry;
    // An error's text may be the user's own code too, and panic.
    let verdict = catch_unwind(AssertUnwindSafe(|| judge(&outcome, attempt, policy)));
    let verdict = verdict.unwrap_or_else(|panic| {
        let text = format!("an error that can't be shown: {}", panic_text(&*panic));
        judge(&Outcome::Panicked(text), attempt, policy)
    });
    let action = match verdict {
        Verdict::Ack => Action::Ack { late },
        Verdict::Retry {
            delay,
            jitter: share,
        } => {
            let delay = jitter(delay, share);
            log::debug!(
                "delivery {attempt} of {} of `{}` failed, next in {delay:?}",
                batch.id(index),
                member.group.stream()
            );
            let id = batch.id(index);
            member.config.events.tell(|e| e.retried(id, attempt, delay));
            Action::Retry { delay }
        }
        Verdict::Bury { reason, error } => Action::Bury { reason, error },
    };
    member.send(Settle::new(batch, index, action));
    // An error may be the user's own type, and so is how it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(outcome)));
}
