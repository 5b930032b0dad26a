//! The gathering of batches.
//!
//! One worker at a time gathers, so that batches get as full as they can; it hands its
//! turn on and then runs the handler. A batch may hold entries of several partitions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::BatchConfig;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::handler::verdict::goes_alone;
use crate::consumer::member::held::Held;
use crate::consumer::member::rate::{PORTION, Turn};
use crate::consumer::member::stage::{Company, Stage};
use crate::consumer::worker::key_turn::wait_for_key;
use crate::consumer::worker::open_replies::OpenReplies;
use crate::consumer::worker::work::Crew;
use crate::runtime::Moment;

/// Waits for its turn and for entries. The worker has entered for the returned entries;
/// `None` once the consumer stops.
pub(crate) fn gather(crew: &Crew, config: &BatchConfig) -> Option<Vec<TakenEntry>> {
    let room = &crew.common.buffer.room;
    room.rest();
    let gathered = take_batch(&mut crew.open.lock(), crew, config);
    room.stir();
    gathered
}

/// Takes one batch from the open replies. The worker has entered for it then.
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
            hand.wait_for_turn(crew)?;
            buffer.pause.enter(&alone);
            hand.take(crew, &alone);
        } else if !open.refill(buffer) {
            buffer.wait(ended);
            continue;
        } else {
            hand.wait_for_turn(crew)?;
            if !open.first().is_some_and(|held| buffer.pause.enter(held)) {
                hand.put_turn_back(crew);
                buffer.wait_out(ended);
                continue;
            }
            fill(open, crew, config.wait, &mut hand);
        }
        hand.put_turn_back(crew);
        if !hand.taken.is_empty() {
            return Some(hand.taken);
        }
        // All of its entries had been withdrawn.
        buffer.pause.leave();
    }
}

/// Fills a hand with the present entries, and with those that come in until `wait` has
/// passed since the first. An entry that runs alone does not end the wait.
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
    /// Whether nothing more fits.
    closed: bool,
    /// The turn of the next entry, if the group has a rate.
    turn: Option<Turn>,
}

impl Hand {
    fn new(size: usize) -> Self {
        Self {
            taken: Vec::new(),
            size,
            closed: false,
            turn: None,
        }
    }

    /// Waits for the turn of the first entry, if the group has a rate; `None` if the
    /// consumer stops before.
    fn wait_for_turn(&mut self, crew: &Crew) -> Option<()> {
        let common = &crew.common;
        if let Some(rate) = &common.rate {
            let wants = |most| common.wanted_turns(most, PORTION);
            let turn = rate.take(&crew.ended, wants, |turns| {
                // The member's keeper gives back the buffered entries.
                if turns.hold.is_some() {
                    common.hold.notice(turns.hold.clone(), turns.server_ms);
                }
            });
            self.turn = Some(turn?);
        }
        Some(())
    }

    /// Whether the next entry may begin now.
    fn has_turn(&mut self, crew: &Crew) -> bool {
        let Some(rate) = &crew.common.rate else {
            return true;
        };
        // The batch may have waited for entries since the turn was taken.
        self.turn = self.turn.filter(|turn| rate.lasts(*turn));
        if self.turn.is_none() {
            self.turn = rate.try_take();
        }
        self.turn.is_some()
    }

    fn put_turn_back(&mut self, crew: &Crew) {
        if let (Some(rate), Some(turn)) = (&crew.common.rate, self.turn.take()) {
            rate.put_back(turn);
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
        if member.stop.is_set() || crew.common.hold.lasts() {
            // Its partition goes to another consumer, or the group is held.
            return member.give_back_rest(held);
        }
        let own_batch = |index| {
            held.company() != Company::Any || goes_alone(held.attempt(index), &member.config.retry)
        };
        let now = Moment::now();
        while !self.closed {
            if !self.has_turn(crew) {
                self.closed = true;
                return;
            }
            let is_first = self.taken.is_empty();
            let next = held.start_next_if(now, |index| is_first || !own_batch(index));
            let Some(index) = next else {
                self.closed = !held.is_used_up();
                return;
            };
            crew.common.buffer.room.left();
            if let Some(wait) = wait_for_key(&member, held, index) {
                held.set_stage(index, Stage::Settling);
                member.settle(held, index, wait);
                continue;
            }
            self.turn = None;
            self.taken.push(TakenEntry {
                member: Arc::clone(&member),
                held: Arc::clone(held),
                index,
            });
            self.closed = self.taken.len() >= self.size || own_batch(index);
        }
    }
}
