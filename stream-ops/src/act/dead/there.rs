//! The entries and groups of existing dead letters.

use std::collections::HashSet;

use crate::act::fields::Pair;
use crate::act::refused::{Planned, Refused};
use crate::server::{Answered, Redis, pairs, request};

const SCRIPT: &str = include_str!("there.lua");

/// The identity of a dead letter: the entry that died, and the group in which it died.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    entry: Vec<u8>,
    group: Vec<u8>,
}

impl Origin {
    /// From the fields of a dead letter; `None` if they don't name the entry.
    pub(super) fn of(fields: &[Pair]) -> Option<Self> {
        let value = |name: &[u8]| {
            let mut found = fields.iter().rev().filter(|(known, _)| known == name);
            found.next().map(|(_, value)| value.clone())
        };
        let entry = value(b"~id").filter(|entry| !entry.is_empty())?;
        let group = value(b"~group").unwrap_or_default();
        Some(Self { entry, group })
    }
}

/// The `wanted` origins that have a dead letter under a key.
///
/// # Blocking
///
/// One request per 2,000 dead letters of the key, or per few megabytes.
///
/// # Errors
///
/// If Redis can't be reached, or refuses a request.
pub(super) fn there(
    redis: &Redis,
    key: &str,
    wanted: &HashSet<&Origin>,
) -> Planned<HashSet<Origin>> {
    let mut found = HashSet::new();
    let mut from = "-".to_owned();
    while !wanted.is_empty() && !from.is_empty() {
        let answer = redis.ask_one(key, request(["EVAL_RO", SCRIPT, "1", key, &from]))?;
        if let Some(line) = answer.error() {
            return Err(Refused::Redis(line.to_owned()));
        }
        let [next, origins] = answer.list() else {
            break;
        };
        from = next.text().unwrap_or_default();
        let origins = pairs(origins.list()).filter_map(|(entry, group)| {
            Some(Origin {
                entry: entry.bytes()?.to_vec(),
                group: group.bytes()?.to_vec(),
            })
        });
        found.extend(origins.filter(|origin| wanted.contains(origin)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_names_counts_and_no_entry_is_no_origin() {
        let fields = |pairs: &[(&str, &str)]| -> Vec<Pair> {
            let bytes = |text: &str| text.as_bytes().to_vec();
            pairs.iter().map(|(n, v)| (bytes(n), bytes(v))).collect()
        };
        let origin = Origin::of(&fields(&[("~id", "9-9"), ("~group", "g"), ("~id", "1-1")]));
        assert_eq!(origin.unwrap().entry, b"1-1");
        assert_eq!(Origin::of(&fields(&[("~group", "g")])), None);
        assert_eq!(Origin::of(&fields(&[("~id", ""), ("~group", "g")])), None);
    }
}
