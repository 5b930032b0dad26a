//! Counts of entries between two ids.

use stream_lib::{EntryId, Result};

use super::refused::{Planned, Refused};
use crate::server::{Answered, Redis, request};

const SCRIPT: &str = include_str!("walk.lua");

/// The number at which counting ends; plans then say "at least".
pub(super) const COUNTED: u64 = 100_000;

/// The result of a walk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) count: u64,
    /// The last counted entry.
    pub(super) last: Option<EntryId>,
    /// Counting ended before the range did: there may be more entries.
    pub(super) has_more: bool,
}

/// Counts the entries of a key from `from` to `to`, both included, up to `most`.
pub(super) fn walk(
    redis: &Redis,
    key: &str,
    from: EntryId,
    to: EntryId,
    most: u64,
) -> Planned<Walked> {
    let mut walked = Walked::default();
    let (mut begin, end) = (from.to_string(), to.to_string());
    if from > to {
        return Ok(walked);
    }
    while walked.count < most {
        let left = (most - walked.count).to_string();
        let words = ["EVAL_RO", SCRIPT, "1", key, &begin, &end, &left];
        let answer = redis.ask_one(key, request(words))?;
        if let Some(line) = answer.error() {
            return Err(Refused::Redis(line.to_owned()));
        }
        let [count, last, is_over] = answer.list() else {
            return Ok(walked);
        };
        walked.count += count.count().unwrap_or(0);
        walked.last = last.id().or(walked.last);
        if is_over.count() == Some(1) {
            return Ok(walked);
        }
        match walked.last {
            Some(last) => begin = format!("({last}"),
            None => return Ok(walked),
        }
    }
    walked.has_more = true;
    Ok(walked)
}

/// Counts the pending entries of a group between two ids, up to `most`.
pub(super) fn pending_between(
    redis: &Redis,
    key: &str,
    group: &str,
    (from, to): (EntryId, EntryId),
    most: u64,
) -> Result<u64> {
    const PAGE: u64 = 1_000;
    let (mut from, mut count, to) = (from.to_string(), 0, to.to_string());
    while count < most {
        let page = PAGE.min(most - count);
        let number = page.to_string();
        let words = ["XPENDING", key, group, &from, &to, &number];
        let answer = redis.ask_one(key, request(words))?;
        let found = answer.list();
        count += found.len() as u64;
        let last = found.last().and_then(|entry| entry.list().first()?.id());
        match last {
            Some(last) if found.len() as u64 == page => from = format!("({last}"),
            _ => break,
        }
    }
    Ok(count)
}
