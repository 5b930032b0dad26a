//! A node's view of itself and of the cluster.

use std::collections::HashMap;

use redis::{ConnectionLike, Value};

use crate::server::Server;

/// A node's own description.
#[derive(Debug, Default)]
pub(super) struct Myself {
    pub(super) epoch: u64,
    /// The id of its master, if it is a replica.
    pub(super) follows: Option<String>,
    /// The first and the last of each range.
    pub(super) slots: Vec<(u16, u16)>,
}

/// A range of slots, and the ids of its nodes, the master's first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) ids: Vec<String>,
}

/// A node's own description; `None` if it is dead or frozen.
pub(super) fn myself(node: &Server) -> Option<Myself> {
    if !node.is_awake() {
        return None;
    }
    let text: String = node.try_command(&["CLUSTER", "NODES"]).ok()?;
    let line = text.lines().find(|line| line.contains("myself"))?;
    parse_line(line)
}

/// The epoch of each node by its id, as this node knows it; `None` if it is dead or
/// frozen.
pub(super) fn epochs(node: &Server) -> Option<HashMap<String, u64>> {
    if !node.is_awake() {
        return None;
    }
    let text: String = node.try_command(&["CLUSTER", "NODES"]).ok()?;
    let epoch = |line: &str| {
        let id = line.split_whitespace().next()?;
        Some((id.to_owned(), parse_line(line)?.epoch))
    };
    Some(text.lines().filter_map(epoch).collect())
}

/// `id address flags master ping pong epoch link slot…`, where a moving slot is in
/// brackets.
fn parse_line(line: &str) -> Option<Myself> {
    let words: Vec<_> = line.split_whitespace().collect();
    let (head, slots) = words.split_at_checked(8)?;
    let [_, _, _, master, _, _, epoch, _] = *head else {
        return None;
    };
    let range = |text: &&str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    Some(Myself {
        epoch: epoch.parse().ok()?,
        follows: (master != "-").then(|| master.to_owned()),
        slots: slots.iter().filter_map(range).collect(),
    })
}

/// The map of a node; `None` where it doesn't answer.
pub(super) fn slots(node: &mut impl ConnectionLike) -> Option<Vec<Range>> {
    let mut command = redis::cmd("CLUSTER");
    let reply: Vec<Vec<Value>> = command.arg("SLOTS").query(node).ok()?;
    let mut ranges = Vec::new();
    for row in reply {
        let [first, last, nodes @ ..] = row.as_slice() else {
            return None;
        };
        ranges.push(Range {
            first: redis::from_redis_value_ref(first).ok()?,
            last: redis::from_redis_value_ref(last).ok()?,
            ids: nodes.iter().filter_map(id_in).collect(),
        });
    }
    ranges.sort();
    Some(ranges)
}

/// `[address, port, id, …]`.
fn id_in(node: &Value) -> Option<String> {
    match node {
        Value::Array(parts) => redis::from_redis_value_ref(parts.get(2)?).ok(),
        _ => None,
    }
}

/// The id of the master of a slot.
pub(super) fn owner_in(ranges: &[Range], slot: u16) -> Option<&str> {
    let mut ranges = ranges.iter();
    let range = ranges.find(|range| (range.first..=range.last).contains(&slot))?;
    range.ids.first().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_masters_and_replicas_are_read() {
        let master = "ab 127.0.0.1:1@2,host myself,master - 0 0 3 connected 0-9 12 [13->-cd]";
        let me = parse_line(master).unwrap();
        assert_eq!((me.epoch, me.follows), (3, None));
        assert_eq!(me.slots, [(0, 9), (12, 12)]);
        let replica = "cd 127.0.0.1:3@4 myself,slave ab 0 0 3 connected";
        let me = parse_line(replica).unwrap();
        assert_eq!(me.follows.as_deref(), Some("ab"));
        assert!(parse_line("ab").is_none());
    }
}
