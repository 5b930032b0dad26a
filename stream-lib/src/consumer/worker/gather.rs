//! How batches come together.
//!
//! One worker at a time gathers, so that batches get as full as they can; it
//! hands on its turn and then runs the handler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::config::BatchConfig;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::handler::verdict::goes_alone;
use crate::consumer::member::Member;
use crate::consumer::member::held::{Company, Held};
use crate::consumer::worker::open::Open;

/// Waits for its turn and for entries, with which the worker has entered; `None`
/// once the consumer stops.
pub(crate) fn gather(
    member: &Arc<Member>,
    config: &BatchConfig,
    ended: &Receiver<()>,
) -> Option<Vec<TakenEntry>> {
    member.queue.rest(&member.stop);
    let gathered = take_batch(&mut member.open.lock(), member, config, ended);
    member.queue.stir();
    gathered
}

/// Takes one batch from what is open, with which the worker has then entered.
fn take_batch(
    open: &mut Open,
    member: &Arc<Member>,
    config: &BatchConfig,
    ended: &Receiver<()>,
) -> Option<Vec<TakenEntry>> {
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
        } else if !open.refill(queue, &member.stop) {
            queue.wait(ended, None);
            continue;
        } else if open.first().is_some_and(|b| queue.enter(b, &member.stop)) {
            fill(open, member, config.wait, ended, &mut hand);
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

/// Fills a hand with what is there, and with what comes in until `wait` has
/// passed since the first entry.
fn fill(
    open: &mut Open,
    member: &Arc<Member>,
    wait: Duration,
    ended: &Receiver<()>,
    hand: &mut Hand,
) {
    let until = Instant::now() + wait;
    hand.take_all(member, open);
    while !hand.closed {
        if open.refill(&member.queue, &member.stop) {
            hand.take_all(member, open);
        } else if hand.taken.is_empty()
            || wait.is_zero()
            || member.stop.is_set()
            || !member.queue.wait(ended, Some(until))
        {
            break;
        }
    }
    open.turn();
}

/// What is being gathered.
struct Hand {
    taken: Vec<TakenEntry>,
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

    /// Takes from what is open what fits.
    fn take_all(&mut self, member: &Arc<Member>, open: &Open) {
        for held in open.in_turn() {
            self.take(member, held);
        }
    }

    /// Takes from one reply what fits.
    fn take(&mut self, member: &Arc<Member>, held: &Arc<Held>) {
        let own_batch = |index| {
            held.company() != Company::Any || goes_alone(held.attempt(index), &member.config.retry)
        };
        let now = Instant::now();
        while !self.closed {
            let is_first = self.taken.is_empty();
            let next = held.start_next_if(now, |index| is_first || !own_batch(index));
            let Some(index) = next else {
                self.closed = !held.is_used_up();
                return;
            };
            member.queue.left(&member.stop);
            self.taken.push(TakenEntry {
                member: Arc::clone(member),
                held: Arc::clone(held),
                index,
            });
            self.closed = self.taken.len() >= self.size || own_batch(index);
        }
    }
}
