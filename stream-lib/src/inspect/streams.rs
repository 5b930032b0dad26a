//! Read-only facts about streams and their groups.

use std::fmt;

use crate::command::{self, GroupFacts};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::runtime::counted;

/// A stream and what belongs to it, as Redis has it now. It prints as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StreamStats {
    /// The stream's name.
    pub name: String,
    /// Entries in the stream, handled ones included (`XLEN`).
    pub length: u64,
    /// Entries in the backup stream.
    pub backup: u64,
    /// Entries among the dead letters.
    pub dead: u64,
    /// Messages that are scheduled (`ZCARD`); 0 where this user may not know.
    pub scheduled: u64,
    /// Its consumer groups.
    pub groups: Vec<GroupStats>,
}

/// A consumer group, as Redis has it now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GroupStats {
    /// The group's name.
    pub name: String,
    /// Entries that no consumer has read (`XINFO GROUPS`, `lag`); `None` where
    /// Redis can't say.
    pub unread: Option<u64>,
    /// Entries read and not acknowledged, those waiting for a retry included
    /// (`XINFO GROUPS`, `pending`).
    pub pending: u64,
    /// Of these, entries that wait for a retry, or to be read again.
    pub waiting: u64,
    /// Consumers that Redis knows, dead ones included.
    pub consumers: u64,
    /// The consumers that hold entries, dead ones included, those that wait for a
    /// retry left out.
    pub holders: Vec<GroupHolder>,
}

/// A consumer that holds entries: they were delivered to it and are not
/// acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GroupHolder {
    /// Its name in Redis: see [`Consumer::name`](crate::Consumer::name).
    pub consumer: String,
    /// How many entries it holds (`XINFO CONSUMERS`, `pending`).
    pub pending: u64,
}

pub(crate) fn stream_stats(wire: &mut Wire, keys: &StreamKeys) -> Result<StreamStats> {
    let facts = command::stream_facts(wire, keys)?;
    Ok(StreamStats {
        name: keys.stream().to_owned(),
        length: facts.length,
        backup: facts.backup,
        dead: facts.dead,
        scheduled: command::count_scheduled(wire, keys).unwrap_or(0),
        groups: facts.groups.into_iter().map(GroupStats::from).collect(),
    })
}

impl From<GroupFacts> for GroupStats {
    fn from(facts: GroupFacts) -> Self {
        Self {
            name: facts.name,
            unread: facts.unread,
            pending: facts.pending,
            waiting: facts.waiting,
            consumers: facts.consumers,
            holders: {
                let holder = |(consumer, pending)| GroupHolder { consumer, pending };
                facts.holders.into_iter().map(holder).collect()
            },
        }
    }
}

impl fmt::Display for StreamStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: {}, {} in the backup stream, {}",
            self.name,
            counted(self.length, "entry", "entries"),
            self.backup,
            counted(self.dead, "dead letter", "dead letters")
        )?;
        if self.scheduled > 0 {
            write!(f, ", {} scheduled", self.scheduled)?;
        }
        for group in &self.groups {
            write!(f, "; {group}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GroupStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group `{}`: ", self.name)?;
        match self.unread {
            Some(unread) => write!(f, "{unread} unread")?,
            None => f.write_str("unread not known")?,
        }
        write!(
            f,
            ", {} pending, {} of them waiting, {}",
            self.pending,
            self.waiting,
            counted(self.consumers, "consumer", "consumers")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_and_groups_print_in_one_line() {
        let group = GroupStats {
            name: "g".to_owned(),
            unread: Some(4),
            pending: 3,
            waiting: 1,
            consumers: 2,
            ..GroupStats::default()
        };
        let unsure = GroupStats {
            name: "h".to_owned(),
            ..GroupStats::default()
        };
        let stats = StreamStats {
            name: "orders".to_owned(),
            length: 9,
            backup: 1,
            dead: 2,
            scheduled: 5,
            groups: vec![group, unsure],
        };
        assert_eq!(
            stats.to_string(),
            "`orders`: 9 entries, 1 in the backup stream, 2 dead letters, 5 scheduled; group `g`: 4 unread, 3 \
             pending, 1 of them waiting, 2 consumers; group `h`: unread not known, 0 pending, 0 of \
             them waiting, 0 consumers"
        );
    }

    #[test]
    fn one_of_a_kind_prints_in_the_singular() {
        let group = GroupStats {
            name: "g".to_owned(),
            unread: Some(1),
            pending: 1,
            waiting: 1,
            consumers: 1,
            holders: Vec::new(),
        };
        let stats = StreamStats {
            name: "orders".to_owned(),
            length: 1,
            backup: 1,
            dead: 1,
            scheduled: 0,
            groups: vec![group],
        };
        assert_eq!(
            stats.to_string(),
            "`orders`: 1 entry, 1 in the backup stream, 1 dead letter; group `g`: 1 unread, 1 \
             pending, 1 of them waiting, 1 consumer"
        );
    }
}
