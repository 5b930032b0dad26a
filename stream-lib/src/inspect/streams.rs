//! Read-only facts about streams and their groups.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::command::{self, GroupFacts};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::runtime::counted;

/// A stream and its own keys, as Redis has them now. `Display` shows it as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StreamStats {
    /// The name of the stream.
    pub name: String,
    /// Entries in the stream, handled ones included (`XLEN`).
    pub length: u64,
    /// Entries in the backup stream.
    pub backup: u64,
    /// Entries in the dead letters.
    pub dead: u64,
    /// Scheduled messages (`ZCARD`); 0 if the Redis user may not ask.
    pub scheduled: u64,
    /// The number of its partitions; `None` for a stream without partitions. The other
    /// figures are sums over all of them.
    pub partitions: Option<u16>,
    /// For a stream with partitions, the entries in the stream itself, outside of its
    /// partitions (`XLEN`). They were added by a program that doesn't know of the
    /// partitions, and no consumer of this library reads them.
    pub outside: u64,
    /// Its consumer groups.
    pub groups: Vec<GroupStats>,
}

/// A consumer group, as Redis has it now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GroupStats {
    /// The name of the group.
    pub name: String,
    /// Entries that no consumer has read (`XINFO GROUPS`, `lag`); `None` if Redis can't
    /// say.
    pub unread: Option<u64>,
    /// Entries that were delivered and are not acknowledged, with those waiting for a
    /// retry (`XINFO GROUPS`, `pending`).
    pub pending: u64,
    /// Pending entries that wait for a retry, or to be read again.
    pub waiting: u64,
    /// Consumers that Redis knows, with dead ones. One that reads several partitions
    /// counts once.
    pub consumers: u64,
    /// The age of the oldest unread entry, from its id and the server's clock; `None` if
    /// there is none, or it isn't known.
    pub oldest_unread: Option<Duration>,
    /// The age of the oldest pending entry, from its id and the server's clock; `None` if
    /// there is none, or it isn't known.
    pub oldest_pending: Option<Duration>,
    /// The consumers that hold entries, with dead ones, without those that wait for a
    /// retry.
    pub holders: Vec<GroupHolder>,
}

/// A consumer that holds entries: they were delivered to it and are not
/// acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GroupHolder {
    /// Its name in Redis: see [`Consumer::name`](crate::Consumer::name).
    pub consumer: String,
    /// Entries that it holds (`XINFO CONSUMERS`, `pending`).
    pub pending: u64,
}

/// The figures of one stream, or of one partition.
#[derive(Debug)]
pub(crate) struct PartStats {
    stats: StreamStats,
    /// The consumers of each group.
    names: Vec<Vec<String>>,
}

pub(crate) fn part_stats(wire: &mut Wire, keys: &StreamKeys) -> Result<PartStats> {
    let mut facts = command::stream_facts(wire, keys)?;
    let groups = facts.groups.iter_mut();
    let names = groups.map(|group| std::mem::take(&mut group.names));
    let names = names.collect();
    Ok(PartStats {
        names,
        stats: StreamStats {
            name: keys.stream().to_owned(),
            length: facts.length,
            backup: facts.backup,
            dead: facts.dead,
            scheduled: command::count_scheduled(wire, keys).unwrap_or(0),
            groups: facts.groups.into_iter().map(GroupStats::from).collect(),
            ..StreamStats::default()
        },
    })
}

impl From<PartStats> for StreamStats {
    fn from(part: PartStats) -> Self {
        part.stats
    }
}

impl StreamStats {
    /// The figures of a stream with partitions.
    pub(crate) fn of_parts(name: &str, parts: Vec<PartStats>, outside: u64) -> Self {
        let mut all = Self {
            name: name.to_owned(),
            partitions: u16::try_from(parts.len()).ok(),
            outside,
            ..Self::default()
        };
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for part in parts {
            all.length += part.stats.length;
            all.backup += part.stats.backup;
            all.dead += part.stats.dead;
            all.scheduled += part.stats.scheduled;
            for (group, known) in part.stats.groups.into_iter().zip(part.names) {
                names.entry(group.name.clone()).or_default().extend(known);
                match all.groups.iter_mut().find(|one| one.name == group.name) {
                    Some(one) => one.add(group),
                    None => all.groups.push(group),
                }
            }
        }
        for group in &mut all.groups {
            group.consumers = names.get(&group.name).map_or(0, |names| names.len() as u64);
        }
        all
    }
}

impl GroupStats {
    fn add(&mut self, other: Self) {
        self.unread = self.unread.zip(other.unread).map(|(one, more)| one + more);
        self.pending += other.pending;
        self.waiting += other.waiting;
        self.oldest_unread = self.oldest_unread.max(other.oldest_unread);
        self.oldest_pending = self.oldest_pending.max(other.oldest_pending);
        for holder in other.holders {
            let same = |one: &&mut GroupHolder| one.consumer == holder.consumer;
            match self.holders.iter_mut().find(same) {
                Some(one) => one.pending += holder.pending,
                None => self.holders.push(holder),
            }
        }
    }
}

impl From<GroupFacts> for GroupStats {
    fn from(facts: GroupFacts) -> Self {
        Self {
            name: facts.name,
            unread: facts.unread,
            pending: facts.pending,
            waiting: facts.waiting,
            consumers: facts.consumers,
            oldest_unread: facts.oldest_unread,
            oldest_pending: facts.oldest_pending,
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
        if let Some(partitions) = self.partitions {
            let partitions = counted(partitions, "partition", "partitions");
            write!(f, ", in {partitions}")?;
        }
        if self.outside > 0 {
            write!(f, ", {} outside of them", self.outside)?;
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
            ..StreamStats::default()
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
            ..GroupStats::default()
        };
        let stats = StreamStats {
            name: "orders".to_owned(),
            length: 1,
            backup: 1,
            dead: 1,
            scheduled: 0,
            groups: vec![group],
            ..StreamStats::default()
        };
        assert_eq!(
            stats.to_string(),
            "`orders`: 1 entry, 1 in the backup stream, 1 dead letter; group `g`: 1 unread, 1 \
             pending, 1 of them waiting, 1 consumer"
        );
    }

    #[test]
    fn partitions_are_summed_up() {
        let part = |unread, consumer: &str, pending| PartStats {
            names: vec![vec![consumer.to_owned(), "idle".to_owned()]],
            stats: StreamStats {
                length: 5,
                backup: 1,
                groups: vec![GroupStats {
                    name: "g".to_owned(),
                    unread,
                    pending,
                    waiting: 1,
                    consumers: 2,
                    oldest_unread: unread.map(Duration::from_secs),
                    oldest_pending: Some(Duration::from_secs(pending)),
                    holders: vec![GroupHolder {
                        consumer: consumer.to_owned(),
                        pending,
                    }],
                }],
                ..StreamStats::default()
            },
        };
        let parts = vec![
            part(Some(4), "a", 3),
            part(Some(1), "b", 1),
            part(Some(0), "a", 2),
        ];
        let all = StreamStats::of_parts("orders", parts, 7);
        let words = "`orders`: 15 entries, 3 in the backup stream, 0 dead letters, in 3 partitions, \
                     7 outside of them; group `g`: 5 unread, 6 pending, 3 of them waiting, 3 \
                     consumers";
        assert_eq!(all.to_string(), words);
        let ages = (all.groups[0].oldest_unread, all.groups[0].oldest_pending);
        assert_eq!(
            ages,
            (Some(Duration::from_secs(4)), Some(Duration::from_secs(3)))
        );
        let holders = all.groups[0].holders.iter().map(|h| h.pending);
        assert_eq!(holders.collect::<Vec<_>>(), [5, 1]);
        let unsure =
            StreamStats::of_parts("orders", vec![part(None, "a", 1), part(Some(1), "a", 1)], 0);
        assert_eq!(unsure.groups[0].unread, None);
    }
}
