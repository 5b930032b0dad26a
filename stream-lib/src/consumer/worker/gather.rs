//! How batches come together.
//!
//! One worker at a time gathers, so that batches get as full as they can; it
//! hands on its turn and then runs the handler. A batch may hold entries of several
//! partitions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::BatchConfig;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::handler::verdict::goes_alone;
use crate::consumer::member::held::Held;
use crate::consumer::member::stage::Company;
use crate::consumer::worker::open_replies::OpenReplies;
use crate::consumer::worker::work::Crew;

/// Waits for its turn and for entries, with which the worker has entered; `None`
/// once the consumer stops.
pub(crate) fn gather(crew: &Crew, config: &BatchConfig) -> Option<Vec<TakenEntry>> {
    let room = &crew.common.buffer.room;
    room.rest();
    let gathered = take_batch(&mut crew.open.lock(), crew, config);
    room.stir();
    gathered
}

/// Takes one batch from the open replies, with which the worker has then
/// entered.
fn take_batch(
    open: &mut OpenReplies,
    crew: &Crew,
    config: &BatchConfig,
) -> Option<Vec<TakenEntry>> {
    let Crew { common, ended, .. } = crew;
    let buffer = &common.buffer;
    loop {
        if common.stop.is_set() {
            // The stop gives back the open replies.
            return None;
        }
        let mut hand = Hand::new(config.size);
        if let Some(alone) = buffer.next_alone() {
            buffer.pause.enter(&alone);
            hand.take(crew, &alone);
        } else if !open.refill(buffer) {
            buffer.wait(ended);
            continue;
        } else if open.first().is_some_and(|held| buffer.pause.enter(held)) {
            fill(open, crew, config.wait, &mut hand);
        } else {
            buffer.wait_out(ended);
            continue;
        }
        if !hand.taken.is_empty() {
            return Some(hand.taken);
        }
        // All of it had been withdrawn.
        buffer.pause.leave();
    }
}

/// Fills a hand with the entries that are there, and with those that come in
/// until `wait` has passed since the first. An entry that runs alone does not end the wait.
fn fill(open: &mut OpenReplies, crew: &Crew, wait: Duration, hand: &mut Hand) {
    let Crew { common, ended, .. } = crew;
    let until = Instant::now() + wait;
    hand.take_all(crew, open);
    while !hand.closed {
        if open.refill(&common.buffer) {
            hand.take_all(crew, open);
        } else if hand.taken.is_empty()
            || wait.is_zero()
            || common.stop.is_set()
            || !common.buffer.wait_until(ended, until)
        {
            break;
        }
    }
    open.turn();
}

/// A batch that is being gathered.
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

    /// Takes the entries of the open replies that fit.
    fn take_all(&mut self, crew: &Crew, open: &OpenReplies) {
        for held in open.in_turn() {
            self.take(crew, held);
        }
    }

    /// Takes the entries of one reply that fit.
    fn take(&mut self, crew: &Crew, held: &Arc<Held>) {
        let Some(member) = crew.member_of(held) else {
            return;
        };
        if member.stop.is_set() {
            // Its partition goes to another consumer.
            return member.give_back_rest(held);
        }
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
            crew.common.buffer.room.left();
            self.taken.push(TakenEntry {
                member: Arc::clone(&member),
                held: Arc::clone(held),
                index,
            });
            self.closed = self.taken.len() >= self.size || own_batch(index);
        }
    }
}
