//! What looks have told, so that the next ones ask for less.
//!
//! Redis returns an id only with its entry, and for a script it copies the entry twice,
//! which takes milliseconds for a large one. So a look compares first: where a stream has
//! as many entries as before and none behind the last id, its entries are the same, and
//! all that was told of them holds. Where they have changed, they are read as a whole, as
//! far as the [`Budget`] of the stream lasts. During the rest that large entries need, a
//! look reads what costs nothing (length, cursors, pending, lag), and fills in:
//!
//! - `added` by a group whose lag and entries read made up the number so far;
//! - the age of the oldest unread entry by a bound: it lies behind the cursor, and if the
//!   group had read everything, it was added since then;
//! - the first entry, the last id and the newest dead letter as they were.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stream_lib::EntryId;

use super::budget::Budget;
use super::facts::{GroupFacts, StreamFacts};
use super::told::{How, Question, Told, ToldGroup, ToldId};

/// Streams are read as a whole again after this: an entry that was added and removed
/// between two looks may not show.
const RENEW: Duration = Duration::from_secs(600);

/// The memory of all streams and partitions.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    before: BTreeMap<String, Known>,
    now: BTreeMap<String, Known>,
    /// Scripts can't be run by their digest.
    pub(super) by_source: bool,
    /// How long servers ran the script during this look.
    pub(super) took: Duration,
}

/// What is known of the entries of a stream.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// When this was so, by the server's clock.
    at_ms: u64,
    length: u64,
    added: Option<u64>,
    first: Option<EntryId>,
    last: Option<EntryId>,
    /// The first entry behind each cursor.
    behind: BTreeMap<EntryId, Option<EntryId>>,
    groups: BTreeMap<String, Lag>,
    dead: u64,
    newest_dead: Option<EntryId>,
    whole_at: Instant,
    budget: Budget,
}

/// How the lag of a group relates to what is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lag {
    /// Lag and entries read make up the entries ever added.
    is_sum: bool,
    /// The lag though nothing is unread: Redis 7.0 counts trimmed entries for good.
    excess: i64,
}

impl Memory {
    /// Begins a look. What one that failed has told still holds.
    pub(super) fn begin_look(&mut self) {
        self.before.append(&mut self.now);
        self.took = Duration::ZERO;
    }

    /// What is known of a stream.
    pub(super) fn recall(&mut self, stream: &str) -> Option<Known> {
        self.before.remove(stream)
    }

    pub(super) fn keep(&mut self, stream: &str, known: Known) {
        self.now.insert(stream.to_owned(), known);
    }

    /// Ends a look: forgets streams that it hasn't seen. Returns how long servers ran the
    /// script for it.
    pub(super) fn end_look(&mut self) -> Duration {
        self.before = std::mem::take(&mut self.now);
        self.took
    }
}

impl Known {
    /// The question for what may have changed.
    pub(super) fn question(known: Option<&Self>, now: Instant) -> Question {
        let Some(known) = known else {
            return Question::default();
        };
        let is_part = !known.budget.has_room(now);
        let is_old = now.saturating_duration_since(known.whole_at) >= RENEW;
        if is_old && !is_part {
            return Question::default();
        }
        // What has nothing behind it is compared by the last id; in part, that isn't.
        let behind = known.behind.iter();
        let cursors = behind.filter(|(_, entry)| !is_part || entry.is_some());
        Question {
            is_part,
            stream: known.last.map(|last| (known.length, last)),
            dead: known.newest_dead.map(|last| (known.dead, last)),
            cursors: cursors.map(|(cursor, _)| *cursor).collect(),
        }
    }

    /// Puts what is told, and what is known, into the facts. Returns what is known then.
    pub(super) fn tell(
        before: Option<Self>,
        told: &Told,
        found: &mut StreamFacts,
        now: Instant,
    ) -> Self {
        found.exists = true;
        found.at_ms = told.at_ms;
        found.length = told.length;
        let known = before.as_ref();
        let mut added_is_exact = true;
        (found.added, found.first, found.last) = match (told.how, known) {
            (How::Same, Some(known)) => (known.added, known.first, known.last),
            (How::Part, Some(known)) => {
                let counted = known.counted(told);
                added_is_exact = counted.is_some();
                let grown = told.length.saturating_sub(known.length);
                let added = known
                    .added
                    .map(|added| (added + grown).max(counted.unwrap_or(0)));
                (added, known.first, known.last_by(told))
            }
            _ => (told.added, told.first, told.last),
        };
        found.newest_dead = match told.newest_dead {
            ToldId::Entry(newest) => Some(newest),
            ToldId::AsKnown => known.and_then(|known| known.newest_dead),
            ToldId::None | ToldId::Some => None,
        };
        // Redis counts wrongly once entries were removed.
        let is_whole = added_is_exact && found.added == Some(found.length);
        let group = |group: &ToldGroup| group_facts(group, known, found, is_whole);
        found.groups = told.groups.iter().map(group).collect();
        found.groups.sort_by(|a, b| a.name.cmp(&b.name));
        Self::after(before, told, found, now)
    }

    /// The number of entries ever added, by a group that has told it right so far.
    fn counted(&self, told: &Told) -> Option<u64> {
        told.groups.iter().find_map(|group| {
            let lag = self.groups.get(&group.name).filter(|lag| lag.is_sum);
            lag.and(group.sum())
        })
    }

    /// The last id that is known to have been given out.
    fn last_by(&self, told: &Told) -> Option<EntryId> {
        let cursors = told.groups.iter().map(|group| group.cursor);
        // A cursor may be set to any id.
        let read = cursors.filter(|id| id.ms() <= told.at_ms).max();
        self.last.max(read)
    }

    /// The time from which the oldest unread entry behind a cursor may be, at the earliest.
    fn bound(&self, cursor: EntryId) -> u64 {
        let had_read_all =
            self.behind.get(&cursor) == Some(&None) || self.last.is_some_and(|last| cursor >= last);
        if had_read_all {
            self.at_ms.max(cursor.ms())
        } else {
            cursor.ms()
        }
    }

    fn after(before: Option<Self>, told: &Told, found: &StreamFacts, now: Instant) -> Self {
        let budget = before.as_ref().map(|known| known.budget);
        let mut budget = budget.unwrap_or_else(|| Budget::full(now));
        budget.spend(told.copied, now);
        let (mut behind, whole_at) = match before {
            Some(mut known) if told.how == How::Part => {
                known.budget = budget;
                if told.newest_dead != ToldId::AsKnown {
                    (known.dead, known.newest_dead) = (told.dead, found.newest_dead);
                }
                for group in &told.groups {
                    if let ToldId::Entry(id) = group.oldest {
                        known.behind.insert(group.cursor, Some(id));
                    }
                }
                return known;
            }
            Some(known) if told.how == How::Same => (known.behind, known.whole_at),
            _ => (BTreeMap::new(), now),
        };
        for group in &told.groups {
            match group.oldest {
                ToldId::Entry(id) => behind.insert(group.cursor, Some(id)),
                ToldId::None => behind.insert(group.cursor, None),
                ToldId::AsKnown | ToldId::Some => None,
            };
        }
        behind.retain(|cursor, _| told.groups.iter().any(|group| group.cursor == *cursor));
        let lags = told.groups.iter().map(|group| {
            let is_read = behind.get(&group.cursor) == Some(&None);
            let lag = Lag {
                is_sum: group.sum().is_some() && group.sum() == found.added,
                excess: group.lag.filter(|_| is_read).unwrap_or(0),
            };
            (group.name.clone(), lag)
        });
        Self {
            at_ms: told.at_ms,
            length: told.length,
            added: found.added,
            first: found.first,
            last: found.last,
            groups: lags.collect(),
            behind,
            dead: told.dead,
            newest_dead: found.newest_dead,
            whole_at,
            budget,
        }
    }
}

impl ToldGroup {
    /// The number of entries that it has read and is to read.
    fn sum(&self) -> Option<u64> {
        let lag = self.lag.and_then(|lag| u64::try_from(lag).ok());
        self.read.zip(lag).map(|(read, lag)| read + lag)
    }
}

fn group_facts(
    group: &ToldGroup,
    known: Option<&Known>,
    stream: &StreamFacts,
    is_whole: bool,
) -> GroupFacts {
    let of = known.and_then(|known| known.groups.get(&group.name));
    let excess = of.map_or(0, |lag| lag.excess);
    let oldest_ms = match group.oldest {
        ToldId::None => None,
        ToldId::Entry(id) => Some(id.ms()),
        ToldId::AsKnown => {
            let behind = known.and_then(|known| known.behind.get(&group.cursor));
            behind.copied().flatten().map(EntryId::ms)
        }
        ToldId::Some if group.lag.unwrap_or(0) <= excess => None,
        ToldId::Some => Some(known.map_or(group.cursor.ms(), |known| known.bound(group.cursor))),
    };
    let is_before_all = stream.first.is_some_and(|first| group.cursor < first);
    let (unread, is_exact) = match (oldest_ms, group.lag) {
        (None, _) => (Some(0), true),
        // All entries of the stream.
        (Some(_), _) if is_before_all => (Some(stream.length), true),
        (Some(_), Some(lag)) => {
            let lag = u64::try_from(lag)
                .unwrap_or(0)
                .clamp(1, stream.length.max(1));
            (Some(lag), is_whole)
        }
        (Some(_), None) => (None, false),
    };
    GroupFacts {
        name: group.name.clone(),
        cursor: group.cursor,
        read: group.read,
        unread,
        unread_is_exact: is_exact,
        oldest_unread_ms: oldest_ms,
        pending: group.pending,
        ..GroupFacts::default()
    }
}
