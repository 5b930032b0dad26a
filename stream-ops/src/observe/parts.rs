//! The keys of a stream, as this library names them, and the sums over its partitions.

use std::collections::BTreeMap;

use stream_lib::EntryId;

use super::facts::{ConsumerFacts, GroupFacts, StreamFacts};

/// The keys of a stream or of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    stream: String,
    stem: String,
}

impl Keys {
    pub(crate) fn of(stream: &str) -> Self {
        let stem = if stream.contains('{') {
            stream.to_owned()
        } else {
            format!("{{{stream}}}")
        };
        Self {
            stream: stream.to_owned(),
            stem,
        }
    }

    /// The keys of one partition.
    pub(crate) fn partition(&self, number: u16) -> Self {
        let stream = match self.stem.split_once('}') {
            Some((before, behind)) => format!("{before}:{number}}}{behind}"),
            None => format!("{{{}:{number}}}", self.stem),
        };
        Self {
            stem: stream.clone(),
            stream,
        }
    }

    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// A key that belongs to the stream, such as `dead`.
    pub(crate) fn own(&self, what: &str) -> String {
        format!("{}:{what}", self.stem)
    }

    /// A key that belongs to a group of the stream, such as `members`.
    pub(crate) fn of_group(&self, what: &str, group: &str) -> String {
        format!("{}:{what}:{group}", self.stem)
    }
}

/// The names of all partitions.
pub fn partition_names(stream: &str, count: u16) -> Vec<String> {
    let stem = Keys::of(stream);
    (0..count).map(|n| stem.partition(n).stream).collect()
}

/// A key that belongs to a stream, such as its `dead` letters.
pub fn own_key(stream: &str, what: &str) -> String {
    Keys::of(stream).own(what)
}

/// The facts of a stream as a whole.
pub(crate) fn sum(name: &str, parts: Vec<StreamFacts>) -> StreamFacts {
    let mut whole = StreamFacts {
        name: name.to_owned(),
        added: Some(0),
        ..StreamFacts::default()
    };
    let mut groups: BTreeMap<String, GroupFacts> = BTreeMap::new();
    for part in parts {
        let added = if part.exists { part.added } else { Some(0) };
        whole.exists |= part.exists;
        whole.is_ours |= part.is_ours;
        whole.at_ms = whole.at_ms.max(part.at_ms);
        whole.length = whole.length.saturating_add(part.length);
        whole.added = plus(whole.added, added);
        whole.first = earliest(whole.first, part.first);
        whole.last = whole.last.max(part.last);
        whole.newest_dead = whole.newest_dead.max(part.newest_dead);
        whole.backup = whole.backup.saturating_add(part.backup);
        whole.dead = whole.dead.saturating_add(part.dead);
        whole.scheduled = whole.scheduled.saturating_add(part.scheduled);
        whole.backup_capacity = add(whole.backup_capacity, part.backup_capacity);
        whole.dead_capacity = add(whole.dead_capacity, part.dead_capacity);
        whole.max_length = add(whole.max_length, part.max_length);
        whole.priority = whole.priority.or(part.priority);
        whole.trouble = whole.trouble.or(part.trouble);
        for group in part.groups {
            match groups.remove(&group.name) {
                Some(known) => groups.insert(group.name.clone(), both(known, group)),
                None => groups.insert(group.name.clone(), group),
            };
        }
    }
    whole.groups = groups.into_values().collect();
    whole
}

fn both(mut one: GroupFacts, other: GroupFacts) -> GroupFacts {
    // The sum moves when one of them does.
    one.cursor = EntryId::new(
        one.cursor.ms().wrapping_add(other.cursor.ms()),
        one.cursor.seq().wrapping_add(other.cursor.seq()),
    );
    one.read = plus(one.read, other.read);
    one.unread = plus(one.unread, other.unread);
    one.unread_is_exact &= other.unread_is_exact;
    one.oldest_unread_ms = earliest(one.oldest_unread_ms, other.oldest_unread_ms);
    one.pending = one.pending.saturating_add(other.pending);
    one.oldest_pending = earliest(one.oldest_pending, other.oldest_pending);
    one.waiting = one.waiting.saturating_add(other.waiting);
    one.waiting_due = one.waiting_due.saturating_add(other.waiting_due);
    one.held = one.held.or(other.held);
    one.suspects.extend(other.suspects);
    for consumer in other.consumers {
        match one.consumers.iter_mut().find(|c| c.name == consumer.name) {
            Some(known) => merge(known, &consumer),
            None => one.consumers.push(consumer),
        }
    }
    one.consumers.sort_by(|a, b| a.name.cmp(&b.name));
    one
}

fn merge(known: &mut ConsumerFacts, other: &ConsumerFacts) {
    known.pending = known.pending.saturating_add(other.pending);
    known.idle_ms = earliest(known.idle_ms, other.idle_ms);
    known.oldest_pending_ms = known.oldest_pending_ms.max(other.oldest_pending_ms);
    known.alive = match (known.alive, other.alive) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), _) | (_, Some(false)) => Some(false),
        (None, None) => None,
    };
}

/// The sum; unknown where one of them is.
fn plus(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(other?))
}

/// The sum of the known ones.
fn add(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

fn earliest<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_library() {
        let keys = Keys::of("orders");
        assert_eq!(keys.own("dead"), "{orders}:dead");
        assert_eq!(keys.of_group("hold", "g"), "{orders}:hold:g");
        assert_eq!(keys.partition(3).stream(), "{orders:3}");
        assert_eq!(keys.partition(3).own("dead"), "{orders:3}:dead");
        let keys = Keys::of("{shop}:orders");
        assert_eq!(keys.own("meta"), "{shop}:orders:meta");
        assert_eq!(keys.partition(0).stream(), "{shop:0}:orders");
    }

    #[test]
    fn sums_are_unknown_where_a_part_is() {
        let part = |unread| StreamFacts {
            exists: true,
            length: 5,
            added: Some(7),
            groups: vec![GroupFacts {
                name: "g".to_owned(),
                unread,
                pending: 2,
                oldest_unread_ms: unread,
                ..GroupFacts::default()
            }],
            ..StreamFacts::default()
        };
        let whole = sum("orders", vec![part(Some(3)), part(Some(1))]);
        assert_eq!((whole.length, whole.added), (10, Some(14)));
        let group = whole.group("g").unwrap();
        assert_eq!((group.unread, group.pending), (Some(4), 4));
        assert_eq!(group.oldest_unread_ms, Some(1));
        let whole = sum("orders", vec![part(Some(3)), part(None)]);
        assert_eq!(whole.group("g").unwrap().unread, None);
        // Another program may have written any number.
        let odd = || StreamFacts {
            added: Some(u64::MAX),
            max_length: Some(u64::MAX),
            ..part(Some(u64::MAX))
        };
        let whole = sum("orders", vec![odd(), odd()]);
        let most = (Some(u64::MAX), Some(u64::MAX));
        assert_eq!((whole.added, whole.max_length), most);
        assert_eq!(whole.group("g").unwrap().unread, Some(u64::MAX));
    }
}
