//! The oldest entries of several keys together.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use stream_lib::EntryId;

use super::refused::{Planned, Refused};
use crate::server::{Answered, Redis, request};

const SCRIPT: &str = include_str!("oldest.lua");

/// The id of the last of the `count` oldest entries of all keys; `None` if there are
/// none. Entries of different keys with one id are taken together or not at all, so there
/// may be fewer than `count`.
///
/// # Blocking
///
/// One request per 2,000 entries, or per few megabytes, and one per key.
///
/// # Errors
///
/// If Redis can't be reached, or refuses a request.
pub(super) fn end_of_oldest<'a>(
    redis: &Redis,
    keys: impl IntoIterator<Item = &'a str>,
    count: u64,
) -> Planned<Option<EntryId>> {
    let mut streams: Vec<Ids<'_>> = keys.into_iter().map(Ids::new).collect();
    end_of(&mut streams, count, |ids| ids.next(redis))
}

/// Merges the ids of all sources, in order.
fn end_of<S>(
    sources: &mut [S],
    count: u64,
    mut next: impl FnMut(&mut S) -> Planned<Option<EntryId>>,
) -> Planned<Option<EntryId>> {
    let mut heads = BinaryHeap::with_capacity(sources.len());
    for (at, source) in sources.iter_mut().enumerate() {
        heads.extend(next(source)?.map(|id| Reverse((id, at))));
    }
    let mut last = None;
    for _ in 0..count {
        let Some(Reverse((id, at))) = heads.pop() else {
            return Ok(last);
        };
        last = Some(id);
        if let Some(source) = sources.get_mut(at) {
            heads.extend(next(source)?.map(|id| Reverse((id, at))));
        }
    }
    // Entries of several keys with one id go together, or stay.
    Ok(match (last, heads.peek()) {
        (Some(last), Some(Reverse((id, _)))) if *id == last && last > EntryId::MIN => {
            Some(last.previous())
        }
        (last, _) => last,
    })
}

/// The ids of one key.
struct Ids<'a> {
    key: &'a str,
    /// The start of the next page; `None` at the end.
    from: Option<String>,
    page: VecDeque<EntryId>,
}

impl<'a> Ids<'a> {
    fn new(key: &'a str) -> Self {
        Self {
            key,
            from: Some("-".to_owned()),
            page: VecDeque::new(),
        }
    }

    fn next(&mut self, redis: &Redis) -> Planned<Option<EntryId>> {
        while self.page.is_empty()
            && let Some(from) = self.from.take()
        {
            let words = ["EVAL_RO", SCRIPT, "1", self.key, &from];
            let answer = redis.ask_one(self.key, request(words))?;
            if let Some(line) = answer.error() {
                return Err(Refused::Redis(line.to_owned()));
            }
            let [next, ids] = answer.list() else { break };
            self.page.extend(ids.list().iter().filter_map(Answered::id));
            self.from = next.text().filter(|next| !next.is_empty());
        }
        Ok(self.page.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(sources: &[&[u64]], count: u64) -> Option<u64> {
        let mut sources: Vec<VecDeque<u64>> = sources
            .iter()
            .map(|ids| ids.iter().copied().collect())
            .collect();
        let next = |ids: &mut VecDeque<u64>| Ok(ids.pop_front().map(|ms| EntryId::new(ms, 0)));
        end_of(&mut sources, count, next).unwrap().map(EntryId::ms)
    }

    #[test]
    fn the_oldest_of_all_are_counted() {
        let uneven: [&[u64]; 3] = [&[1, 2, 3, 4, 9], &[5, 8], &[]];
        for (count, last) in [
            (0, None),
            (1, Some(1)),
            (4, Some(4)),
            (5, Some(5)),
            (6, Some(8)),
            (7, Some(9)),
            (100, Some(9)),
        ] {
            assert_eq!(end(&uneven, count), last, "{count}");
        }
        assert_eq!(end(&[], 5), None);
    }

    #[test]
    fn no_more_go_than_asked_for_though_ids_are_equal() {
        let equal: [&[u64]; 2] = [&[1, 4, 7], &[4, 6]];
        assert_eq!(end(&equal, 2), Some(3));
        assert_eq!(end(&equal, 3), Some(4));
    }
}
