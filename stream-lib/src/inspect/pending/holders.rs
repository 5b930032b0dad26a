//! The states of consumers that hold entries.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::PendingHolder;
use crate::command::{ConsumerFacts, HeldEntry, Life, Signs, reserved};

/// The consumers of one part of a group, and whether each lives.
#[derive(Debug)]
pub(super) struct Holders {
    consumers: BTreeMap<Vec<u8>, Judged>,
    dead_after: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Judged {
    holder: PendingHolder,
    /// The consumer gives no signs of life, so only its idle time counts.
    is_silent: bool,
}

impl Holders {
    pub(super) fn new(consumers: Vec<ConsumerFacts>, signs: &Signs, dead_after: Duration) -> Self {
        let judged = |facts: ConsumerFacts| {
            let life = signs.of(&facts.name);
            let judged = Judged {
                holder: judge(&facts, life, dead_after),
                is_silent: life == Life::Silent,
            };
            (facts.name, judged)
        };
        Self {
            consumers: consumers.into_iter().map(judged).collect(),
            dead_after,
        }
    }

    /// Whether the holder of an entry lives.
    pub(super) fn of(&self, held: &HeldEntry) -> PendingHolder {
        match self.consumers.get(&held.consumer) {
            // The consumer is newer than the list.
            None => PendingHolder::Alive,
            Some(Judged {
                holder: PendingHolder::Dead,
                is_silent: true,
            }) if held.idle < self.dead_after => PendingHolder::Alive,
            Some(judged) => judged.holder,
        }
    }

    /// The names of the dead consumers.
    pub(super) fn dead(&self) -> Vec<Vec<u8>> {
        let is_dead = |judged: &Judged| judged.holder.is_dead();
        let dead = self.consumers.iter().filter(|(_, judged)| is_dead(judged));
        dead.map(|(name, _)| name.clone()).collect()
    }
}

fn judge(facts: &ConsumerFacts, life: Life, dead_after: Duration) -> PendingHolder {
    if facts.name == reserved::WAITING.as_bytes() {
        return PendingHolder::Waiting;
    }
    if facts.name == reserved::TAKEOVER.as_bytes() {
        return PendingHolder::Abandoned;
    }
    match life {
        Life::Good => PendingHolder::Alive,
        Life::Silent if facts.idle < dead_after => PendingHolder::Alive,
        Life::Silent | Life::Lapsed => PendingHolder::Dead,
    }
}
