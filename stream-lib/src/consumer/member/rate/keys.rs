//! A rate for each value of a field.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bounds::{AHEAD, HELD, PATIENCE};
use crate::command::{Group, TakeTurns, Turns};
use crate::config::RateLimit;
use crate::connection::Topology;
use crate::error::{Result, with_causes};
use crate::message::{Fields, RESERVED};
use crate::runtime::{Trouble, jitter};

/// How long an entry waits if Redis can't be asked.
const AGAIN: Duration = Duration::from_secs(1);

/// How late an entry may come for its turn, or the interval of the rate if that is longer.
const LATE: Duration = Duration::from_millis(250);

/// The rates of the values of one field.
#[derive(Debug)]
pub(crate) struct KeyRates {
    topology: Arc<Topology>,
    group: Group,
    limit: RateLimit,
    field: String,
    trouble: Trouble,
}

/// The time at which an entry may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyTurn {
    Now,
    /// After `after`: with its turn if `has_turn`, else to ask again.
    Later {
        after: Duration,
        has_turn: bool,
    },
}

impl KeyRates {
    /// The rates of a group that has one per key; `None` for any other.
    pub(crate) fn new(
        topology: &Arc<Topology>,
        group: &Group,
        limit: Option<&RateLimit>,
    ) -> Option<Self> {
        let limit = limit?;
        Some(Self {
            topology: Arc::clone(topology),
            group: group.clone(),
            field: limit.key()?.to_owned(),
            limit: limit.clone(),
            trouble: Trouble::default(),
        })
    }

    /// How late an entry may come and still have its turn. Without this bound, all turns
    /// taken before a hold or an outage would be used at once after it.
    pub(crate) fn late(&self) -> Duration {
        LATE.max(self.limit.interval())
    }

    /// Takes the next turn of the entry's value. `heed` is called with the answer.
    pub(crate) fn take(&self, fields: Fields<'_>, heed: impl Fn(&Turns)) -> KeyTurn {
        let is_reserved = self.field.as_bytes().first() == Some(&RESERVED);
        let key = if is_reserved {
            fields.header(&self.field)
        } else {
            fields.get(&self.field)
        };
        match self.request(key.unwrap_or_default()) {
            Ok(turns) => {
                heed(&turns);
                if self.trouble.ends() {
                    log::warn!(
                        "the rates of the group `{}` can be asked for again",
                        self.group.name()
                    );
                }
                key_turn(&turns)
            }
            Err(e) => {
                if self.trouble.begins(&e) {
                    log::warn!(
                        "the rates of the group `{}` of `{}` can't be asked for, and no entry \
                         begins until they can: {}",
                        self.group.name(),
                        self.group.stream(),
                        with_causes(&e)
                    );
                }
                KeyTurn::Later {
                    after: AGAIN,
                    has_turn: false,
                }
            }
        }
    }

    fn request(&self, key: &[u8]) -> Result<Turns> {
        let deadline = Instant::now() + PATIENCE;
        let take = TakeTurns {
            group: &self.group,
            key: Some(key),
            interval: self.limit.interval(),
            burst: self.limit.burst_size(),
            want: 1,
            ahead: AHEAD,
        };
        let stream = self.group.stream().as_bytes();
        self.topology.run(stream, PATIENCE, |wire| {
            wire.answer_by(deadline);
            take.run(wire)
        })
    }
}

/// The meaning of an answer for the one entry that has asked.
fn key_turn(turns: &Turns) -> KeyTurn {
    match u64::try_from(turns.first_us) {
        _ if turns.count == 0 => KeyTurn::Later {
            after: match turns.hold {
                Some(_) => turns.wait.min(HELD),
                // If all entries of a busy value asked as soon as there may be a turn
                // again, they would come and go between two turns.
                None => turns.wait.saturating_add(jitter(AHEAD / 4 * 3, 0.25)),
            },
            has_turn: false,
        },
        Ok(micros @ 1..) => KeyTurn::Later {
            after: Duration::from_micros(micros),
            has_turn: true,
        },
        _ => KeyTurn::Now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::GroupHold;

    fn turns(count: u32, first_us: i64, wait_us: u64) -> Turns {
        Turns {
            count,
            first_us,
            wait: Duration::from_micros(wait_us),
            server_ms: 0,
            hold: None,
        }
    }

    #[test]
    fn entry_begins_now_or_when_its_turn_comes() {
        let later = |micros, has_turn| KeyTurn::Later {
            after: Duration::from_micros(micros),
            has_turn,
        };
        assert_eq!(key_turn(&turns(1, -5, 0)), KeyTurn::Now);
        assert_eq!(key_turn(&turns(1, 0, 0)), KeyTurn::Now);
        assert_eq!(key_turn(&turns(1, 7, 0)), later(7, true));
    }

    #[test]
    fn entry_without_a_turn_asks_again_before_those_that_are_taken_are_over() {
        let wait = Duration::from_secs(7);
        let KeyTurn::Later { after, has_turn } = key_turn(&turns(0, 0, 7_000_000)) else {
            panic!("it may not begin");
        };
        assert!(!has_turn);
        assert!(
            after > wait + AHEAD / 2 && after < wait + AHEAD,
            "{after:?}"
        );
    }

    #[test]
    fn entry_of_a_held_group_looks_again_soon() {
        let hold = GroupHold {
            until_ms: 3_600_000,
            why: "a test".to_owned(),
        };
        let held = Turns {
            hold: Some(hold),
            ..turns(0, 0, 3_600_000_000)
        };
        let soon = KeyTurn::Later {
            after: HELD,
            has_turn: false,
        };
        assert_eq!(key_turn(&held), soon);
    }
}
