//! A look at the groups of a stream.

use stream_lib::{Answer, Result};

use super::consumers::{Seen, consumers, suspects};
use super::facts::{GroupFacts, HeldFacts, StreamFacts};
use super::parts::Keys;
use crate::server::{Answered, Redis, Request, request};

/// Groups per round trip.
const AT_ONCE: usize = 50;

/// Reads the consumers, the pending and waiting entries and the hold of all groups of a
/// stream.
///
/// # Errors
///
/// Where Redis can't be reached. A fact that Redis refuses to tell stays unknown.
pub(crate) fn look_at_groups(
    redis: &Redis,
    keys: &Keys,
    stem: &Keys,
    stream: &mut StreamFacts,
) -> Result<()> {
    let now = stream.at_ms;
    let mut is_ours = stream.is_ours;
    for groups in stream.groups.chunks_mut(AT_ONCE) {
        let here: Vec<Request> = groups
            .iter()
            .flat_map(|group| about_entries(keys, group, now))
            .collect();
        let at_stem: Vec<Request> = groups
            .iter()
            .flat_map(|group| about_members(stem, group))
            .collect();
        let here = redis.ask(keys.stream(), &here)?;
        let at_stem = redis.ask(stem.stream(), &at_stem)?;
        let answers = here.chunks_exact(4).zip(at_stem.chunks_exact(3));
        for (group, (here, at_stem)) in groups.iter_mut().zip(answers) {
            let ([holders, oldest, waiting, due], [hold, members, facts]) = (here, at_stem) else {
                continue;
            };
            group.oldest_pending = oldest
                .list()
                .first()
                .and_then(|entry| entry.list().first())
                .and_then(Answered::id);
            group.waiting = waiting.count().unwrap_or(0);
            group.waiting_due = due.count().unwrap_or(0);
            group.held = held(hold, now);
            is_ours |= !members.list().is_empty() || group.waiting > 0;
            let seen = Seen {
                holders,
                members,
                facts,
                now,
            };
            group.consumers = consumers(&seen, group.has_work());
        }
    }
    stream.is_ours = is_ours;
    for group in &mut stream.groups {
        let found = suspects(redis, keys, group)?;
        group.suspects = found;
    }
    Ok(())
}

fn about_entries(keys: &Keys, group: &GroupFacts, now: u64) -> [Request; 4] {
    let (stream, name) = (keys.stream(), group.name.as_str());
    let waiting = keys.of_group("waiting", name);
    [
        request(["XINFO", "CONSUMERS", stream, name]),
        request(["XPENDING", stream, name, "-", "+", "1"]),
        request(["ZCARD", &waiting]),
        request(["ZCOUNT", &waiting, "-inf", &now.to_string()]),
    ]
}

fn about_members(stem: &Keys, group: &GroupFacts) -> [Request; 3] {
    let key = |what| stem.of_group(what, &group.name);
    [
        request(["GET", &key("hold")]),
        request(["ZRANGE", &key("members"), "0", "-1", "WITHSCORES"]),
        request(["HGETALL", &key("facts")]),
    ]
}

/// The hold, if its time hasn't passed.
fn held(hold: &Answer, now: u64) -> Option<HeldFacts> {
    let text = hold.text()?;
    let (until, why) = text.split_once(' ')?;
    let until_ms = until.parse().ok()?;
    (until_ms > now).then(|| HeldFacts {
        until_ms,
        why: why.to_owned(),
    })
}
