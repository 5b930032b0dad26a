//! How batches come together.
//!
//! One worker at a time gathers, so that batches get as full as they can; it
//! hands on its turn and then runs the handler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::batch::{Batch, Company};
use super::delivery::Taken;
use super::member::Member;
use super::retry::goes_alone;
use crate::config::BatchConfig;

/// Waits for its turn and for entries, with which the worker has entered; `None`
/// once the consumer stops.
pub(super) fn gather(
    member: &Arc<Member>,
    config: &BatchConfig,
    ended: &Receiver<()>,
) -> Option<Vec<Taken>> {
    member.queue.rest(&member.stop);
    let gathered = member.open.lock().gather(member, config, ended);
    member.queue.stir();
    gathered
}

/// Replies that batches are being gathered from: one of new entries, one of
/// those that come back.
#[derive(Debug, Default)]
pub(super) struct Open {
    new: Option<Arc<Batch>>,
    returning: Option<Arc<Batch>>,
    /// Those that come back are first in the next batch, so that neither kind
    /// waits for the other to end.
    returning_first: bool,
}

impl Open {
    fn gather(
        &mut self,
        member: &Arc<Member>,
        config: &BatchConfig,
        ended: &Receiver<()>,
    ) -> Option<Vec<Taken>> {
        let queue = &member.queue;
        loop {
            if member.stop.is_set() {
                // What is open goes back by itself.
                return None;
            }
            let mut hand = Hand::new(config.size);
            if let Some(alone) = queue.next_alone() {
                queue.enter(&alone, &member.stop);
                hand.take(member, &alone);
            } else if !self.refill(member) {
                queue.wait(ended, None);
                continue;
            } else if self.may_enter(member) {
                self.fill(member, config.wait, ended, &mut hand);
            } else {
                queue.wait_out(ended);
                continue;
            }
            if !hand.taken.is_empty() {
                return Some(hand.taken);
            }
            // All of it had been withdrawn.
            queue.leave(&member.stop);
        }
    }

    fn may_enter(&self, member: &Member) -> bool {
        let batch = self.new.as_ref().or(self.returning.as_ref());
        batch.is_some_and(|batch| member.queue.enter(batch, &member.stop))
    }

    /// Fills a hand with what is there, and with what comes in until `wait` has
    /// passed since the first entry.
    fn fill(
        &mut self,
        member: &Arc<Member>,
        wait: Duration,
        ended: &Receiver<()>,
        hand: &mut Hand,
    ) {
        self.take(member, hand);
        let until = Instant::now() + wait;
        while !hand.closed {
            if self.refill(member) {
                self.take(member, hand);
            } else if hand.taken.is_empty()
                || wait.is_zero()
                || member.stop.is_set()
                || !member.queue.wait(ended, Some(until))
            {
                break;
            }
        }
        self.returning_first = !self.returning_first;
    }

    fn take(&self, member: &Arc<Member>, hand: &mut Hand) {
        let mut order = [&self.new, &self.returning];
        if self.returning_first {
            order.reverse();
        }
        for batch in order.into_iter().flatten() {
            hand.take(member, batch);
        }
    }

    /// Replaces replies that are used up. Returns whether there is any other.
    fn refill(&mut self, member: &Member) -> bool {
        let queue = &member.queue;
        while self.new.as_ref().is_none_or(|batch| batch.is_used_up()) {
            self.new = queue.next_new();
            if self.new.is_none() {
                break;
            }
        }
        while self
            .returning
            .as_ref()
            .is_none_or(|batch| batch.is_used_up())
        {
            self.returning = queue.next_returning(&member.stop);
            if self.returning.is_none() {
                break;
            }
        }
        self.new.is_some() || self.returning.is_some()
    }
}

/// What is being gathered.
struct Hand {
    taken: Vec<Taken>,
    size: usize,
    /// Nothing more fits.
    closed: bool,
}

impl Hand {
    fn new(size: usize) -> Self {
        Self {
            taken: Vec::new(),
            size,
            closed: false,
        }
    }

    /// Takes from one reply what fits.
    fn take(&mut self, member: &Arc<Member>, batch: &Arc<Batch>) {
        let own_batch = |index| {
            batch.company() != Company::Any
                || goes_alone(batch.attempt(index), &member.config.retry)
        };
        let now = Instant::now();
        while !self.closed {
            let is_first = self.taken.is_empty();
            let next = batch.start_next_if(now, |index| is_first || !own_batch(index));
            let Some(index) = next else {
                self.closed = !batch.is_used_up();
                return;
            };
            member.queue.left(&member.stop);
            self.taken.push(Taken {
                member: Arc::clone(member),
                batch: Arc::clone(batch),
                index,
            });
            self.closed = self.taken.len() >= self.size || own_batch(index);
        }
    }
}
