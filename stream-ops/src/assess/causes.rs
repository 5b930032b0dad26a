//! Causes of a group's state, in the order in which to look at them.

use std::collections::BTreeMap;

use stream_lib::EntryId;

use super::state::{State, last_sign};
use crate::observe::{GroupFacts, Outage};

/// A cause of a group's state.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// Redis doesn't answer, or refuses.
    RedisRefuses {
        /// The error.
        why: String,
    },
    /// Somebody holds the group.
    Held {
        /// Until when, in milliseconds since 1970.
        until_ms: u64,
        /// Why.
        why: String,
    },
    /// No process of the group is alive.
    NoProcess {
        /// When the last sign of life lapsed.
        last_sign_ms: Option<u64>,
        /// Whether that is certain, since all consumers give signs of life.
        is_sure: bool,
    },
    /// A dead consumer holds an entry that was delivered more than once.
    Suspect {
        /// The entry.
        id: EntryId,
        /// How often it was delivered.
        deliveries: u64,
        /// How many such entries there are.
        count: usize,
    },
    /// Handlers fail.
    HandlersFail {
        /// The most frequent error.
        error: String,
    },
    /// All workers are busy.
    HandlersSlow {
        /// Handlers that run.
        running: u64,
        /// Workers.
        workers: u64,
        /// How long all but one in a hundred took, in milliseconds.
        p99_ms: Option<f64>,
    },
    /// Entries arrive faster than the workers handle them.
    TooLittleCapacity,
}

impl Cause {
    /// Its name in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::RedisRefuses { .. } => "redis-refuses",
            Self::Held { .. } => "held",
            Self::NoProcess { .. } => "no-process",
            Self::Suspect { .. } => "suspect",
            Self::HandlersFail { .. } => "handlers-fail",
            Self::HandlersSlow { .. } => "handlers-slow",
            Self::TooLittleCapacity => "too-little-capacity",
        }
    }
}

/// The causes of a state, the first one to look at first; none where all is well.
pub(crate) fn causes(group: &GroupFacts, state: State, outage: Option<&Outage>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(held) = &group.held {
        causes.push(Cause::Held {
            until_ms: held.until_ms,
            why: held.why.clone(),
        });
    }
    let is_behind = matches!(
        state,
        State::StandsStill | State::NoProcess | State::FallsBehind
    );
    if !is_behind {
        return causes;
    }
    if let Some(outage) = outage {
        let why = outage.why.clone();
        causes.insert(0, Cause::RedisRefuses { why });
    }
    if group.living() == 0 {
        causes.push(Cause::NoProcess {
            last_sign_ms: last_sign(group),
            is_sure: group.unknown() == 0,
        });
    }
    if let Some(suspect) = group.suspects.first() {
        causes.push(Cause::Suspect {
            id: suspect.id,
            deliveries: suspect.deliveries,
            count: group.suspects.len(),
        });
    }
    if let Some(error) = top_error(group) {
        causes.push(Cause::HandlersFail { error });
    }
    let slow = handlers_slow(group);
    if causes.is_empty() && slow.is_none() && group.living() > 0 {
        causes.push(Cause::TooLittleCapacity);
    }
    causes.extend(slow);
    causes
}

/// The last error of most living members, where handlers fail: some entries wait for a
/// retry, or half of all deliveries fail.
fn top_error(group: &GroupFacts) -> Option<String> {
    let living = || group.consumers.iter().filter(|c| c.alive == Some(true));
    let sum = |part: fn(&crate::observe::MemberFacts) -> Option<u64>| {
        let parts = living().filter_map(|c| part(&c.facts));
        parts.sum::<u64>()
    };
    let (completed, failed) = (sum(|f| f.completed), sum(|f| f.failed));
    if failed == 0 || group.waiting == 0 && failed < completed {
        return None;
    }
    let mut errors: BTreeMap<&str, usize> = BTreeMap::new();
    for error in living().filter_map(|c| c.facts.last_error.as_deref()) {
        *errors.entry(error).or_default() += 1;
    }
    let top = errors.into_iter().max_by_key(|(_, count)| *count);
    top.map(|(error, _)| error.to_owned())
}

/// All workers of the living members are busy, and entries wait for them.
fn handlers_slow(group: &GroupFacts) -> Option<Cause> {
    let living = group.consumers.iter().filter(|c| c.alive == Some(true));
    let facts: Vec<_> = living.map(|c| &c.facts).collect();
    let running: u64 = facts.iter().filter_map(|f| f.running).sum();
    let workers: u64 = facts.iter().filter_map(|f| f.workers).sum();
    if workers == 0 || running < workers {
        return None;
    }
    let p99_ms = facts.iter().filter_map(|f| f.p99_ms).reduce(f64::max);
    Some(Cause::HandlersSlow {
        running,
        workers,
        p99_ms,
    })
}
