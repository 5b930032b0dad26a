//! The consumers of a group, and the removal of one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::parts::StreamParts;
use crate::command::{self, ConsumerFate, Group, Judgement, Life, Signs, is_reserved};
use crate::config::StartFrom;
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::keys::StreamKeys;
use crate::runtime::counted;
use crate::split::Splits;

/// Entries that one script hands over.
const HANDED: u64 = 500;

/// A consumer of a group, as Redis has it now (`XINFO CONSUMERS`). For a consumer that
/// reads several partitions, it covers all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupConsumer {
    /// Its name in Redis. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Entries that it holds (`pending`).
    pub pending: u64,
    /// The time since Redis last heard of it (`idle`), in the partition where that is
    /// least. Before Redis 7.2 a read that finds nothing doesn't count.
    pub idle: Duration,
    /// Whether its sign of life is good: `Some(false)` if it has lapsed, `None` if it
    /// gives none, as consumers of other libraries.
    pub alive: Option<bool>,
}

/// The result of the removal of a consumer from its group.
///
/// `Display` shows it as a sentence: `it is gone; its 3 pending entries stay with the
/// group, for other consumers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerRemoved {
    /// Whether the consumer existed.
    pub was_there: bool,
    /// Pending entries that stay with the group: they belong to `~takeover`, a consumer
    /// that gives no sign of life, so members of the group and `XAUTOCLAIM` take them
    /// over.
    pub handed_over: u64,
}

impl fmt::Display for ConsumerRemoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.was_there {
            return f.write_str("there is no such consumer");
        }
        f.write_str("it is gone")?;
        if self.handed_over > 0 {
            let entries = counted(self.handed_over, "pending entry", "pending entries");
            let verb = if self.handed_over == 1 {
                "stays"
            } else {
                "stay"
            };
            write!(
                f,
                "; its {entries} {verb} with the group, for other consumers"
            )?;
        }
        Ok(())
    }
}

/// One group and the means to reach it.
pub(crate) struct GroupView {
    stream: StreamParts,
    group: String,
}

impl GroupView {
    pub(crate) fn new(
        topology: Arc<Topology>,
        splits: Arc<Splits>,
        keys: StreamKeys,
        group: &str,
    ) -> Self {
        Self {
            stream: StreamParts::new(topology, splits, keys),
            group: group.to_owned(),
        }
    }

    fn of(&self, keys: &StreamKeys) -> Group {
        Group::new(keys.clone(), &self.group)
    }

    fn signs(&self) -> Result<Signs> {
        self.stream.ensure_whole()?;
        let stem = self.of(&self.stream.keys);
        self.stream
            .looking(&self.stream.keys, |wire| Signs::ask(wire, &stem))
    }

    /// Creates the group, in all partitions. Returns whether it was missing in any.
    pub(crate) fn create(&self, from: StartFrom) -> Result<bool> {
        let mut is_made = false;
        for part in self.stream.all()? {
            let group = self.of(&part.keys);
            let made = self
                .stream
                .looking(&part.keys, |wire| group.make(wire, from))?;
            is_made |= made == command::MakeGroup::Made;
        }
        Ok(is_made)
    }

    /// Sets the position of the group, unless a consumer lives.
    pub(crate) fn set_id(&self, to: StartFrom, dead_after: Option<Duration>) -> Result<()> {
        if let Some(dead_after) = dead_after {
            let alive = |consumer: &GroupConsumer| match consumer.alive {
                Some(alive) => alive,
                None => consumer.idle < dead_after,
            };
            if let Some(consumer) = self.consumers()?.iter().find(|one| alive(one)) {
                return Err(Error::new(
                    ErrorKind::InUse,
                    format!(
                        "its consumer `{}` lives, or was heard of {} s ago; stop the consumers of \
                         the group first, or force it; nothing was changed",
                        Shown(&consumer.name),
                        consumer.idle.as_secs()
                    ),
                ));
            }
        }
        for part in self.stream.all()? {
            let group = self.of(&part.keys);
            let set = |wire: &mut _| command::set_group_id(wire, &group, &to.after());
            self.stream.looking(&part.keys, set)?;
        }
        Ok(())
    }

    /// Its consumers by name, except reserved ones.
    pub(crate) fn consumers(&self) -> Result<Vec<GroupConsumer>> {
        let signs = self.signs()?;
        let mut all: BTreeMap<Vec<u8>, GroupConsumer> = BTreeMap::new();
        for part in self.stream.all()? {
            let group = self.of(&part.keys);
            let found = self
                .stream
                .looking(&part.keys, |wire| command::consumers(wire, &group))?;
            for facts in found {
                if is_reserved(&facts.name) {
                    continue;
                }
                let alive = match signs.of(&facts.name) {
                    Life::Good => Some(true),
                    Life::Lapsed => Some(false),
                    Life::Silent => None,
                };
                let name = String::from_utf8_lossy(&facts.name).into_owned();
                let known = all.entry(facts.name).or_insert(GroupConsumer {
                    name,
                    pending: 0,
                    idle: facts.idle,
                    alive,
                });
                known.pending += facts.pending;
                known.idle = known.idle.min(facts.idle);
            }
        }
        Ok(all.into_values().collect())
    }

    /// Removes a consumer that is dead or holds nothing from all partitions.
    pub(crate) fn remove(&self, consumer: &str, dead_after: Duration) -> Result<ConsumerRemoved> {
        if is_reserved(consumer.as_bytes()) {
            let text = "the consumer is the library's own: it holds entries that wait for a retry \
                        or a takeover";
            return Err(Error::new(ErrorKind::Config, text));
        }
        self.stream.ensure_whole()?;
        let mut removed = ConsumerRemoved::default();
        for part in self.stream.all()? {
            let group = self.of(&part.keys);
            loop {
                let signs = match part.partition {
                    Some(_) => self.signs()?,
                    None => Signs::default(),
                };
                let judgement = Judgement {
                    signs: &signs,
                    patience: dead_after,
                };
                let name = consumer.as_bytes();
                let fate = self.stream.alone(&part.keys, |wire| {
                    command::remove_dead_consumer(wire, &group, judgement, name, HANDED)
                })?;
                match fate {
                    ConsumerFate::None => break,
                    ConsumerFate::Alive => return Err(in_use(&removed)),
                    ConsumerFate::More(handed) => removed.handed_over += handed,
                    ConsumerFate::Removed(handed) => {
                        removed.was_there = true;
                        removed.handed_over += handed;
                        break;
                    }
                }
            }
        }
        if removed.was_there {
            let stem = self.of(&self.stream.keys);
            self.stream
                .looking(&self.stream.keys, |wire| stem.resign(wire, consumer))?;
        }
        Ok(removed)
    }
}

fn in_use(removed: &ConsumerRemoved) -> Error {
    let so_far = match removed.handed_over {
        0 => "nothing was changed".to_owned(),
        handed => format!("it has come back: {handed} of its entries were handed over before"),
    };
    Error::new(
        ErrorKind::InUse,
        format!(
            "it lives, or has died a short while ago (its lease is not over, or Redis has heard \
             of it lately); stop it first; {so_far}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_says_what_becomes_of_the_entries() {
        let removed = |was_there, handed_over| {
            let removed = ConsumerRemoved {
                was_there,
                handed_over,
            };
            removed.to_string()
        };
        assert_eq!(removed(false, 0), "there is no such consumer");
        assert_eq!(removed(true, 0), "it is gone");
        assert_eq!(
            removed(true, 1),
            "it is gone; its 1 pending entry stays with the group, for other consumers"
        );
        assert!(removed(true, 2).contains("2 pending entries stay with"));
    }
}
