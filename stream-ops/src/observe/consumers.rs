//! Consumers: whether they are alive, and what they hold.

use std::collections::BTreeMap;

use serde_json::Value;
use stream_lib::{Answer, Result};

use super::facts::{ConsumerFacts, GroupFacts, MemberFacts, Program, Suspect};
use super::parts::Keys;
use crate::server::{Answered, Redis, Request, pairs, request};

/// A consumer without signs of life counts as alive when it was seen this recently.
const SEEN_LATELY: u64 = 60_000;

/// A consumer that holds entries, gives no sign of life and wasn't seen for this long
/// counts as dead: a living one would have touched its entries.
const LONG_GONE: u64 = 300_000;

/// How many dead consumers are looked at for suspects, and how many entries of each.
const DEAD_CONSUMERS: usize = 20;
const SUSPECTS_OF_EACH: usize = 100;

/// Deliveries from which an entry that a dead consumer holds is a suspect.
const SUSPECT_DELIVERIES: u64 = 2;

/// The largest number that a member may report, 2^53: sums of them have room.
const LARGEST: u64 = 1 << 53;

/// Answers of Redis about the consumers of a group.
pub(crate) struct Seen<'a> {
    /// `XINFO CONSUMERS`.
    pub(crate) holders: &'a Answer,
    /// The signs of life.
    pub(crate) members: &'a Answer,
    /// Members' reports of themselves.
    pub(crate) facts: &'a Answer,
    pub(crate) now: u64,
}

/// The consumers of a group, by name, without the reserved ones.
pub(crate) fn consumers(seen: &Seen<'_>, has_work: bool) -> Vec<ConsumerFacts> {
    let mut signs: BTreeMap<String, u64> = pairs(seen.members.list())
        .filter_map(|(name, till)| Some((name.text()?, score(till)?)))
        .collect();
    let gives_signs = !signs.is_empty();
    let said: BTreeMap<String, MemberFacts> = pairs(seen.facts.list())
        .filter_map(|(name, facts)| Some((name.text()?, member_facts(facts.bytes()?))))
        .collect();
    let mut found: Vec<ConsumerFacts> = seen
        .holders
        .list()
        .iter()
        .filter_map(|consumer| {
            let name = consumer.field("name")?.text()?;
            let number = |field| consumer.field(field).and_then(Answered::count);
            // Since Redis 7.2, `idle` is the time since the last try, and `inactive`
            // since the last success.
            let idle = number("idle");
            Some(ConsumerFacts {
                pending: number("pending").unwrap_or(0),
                idle_ms: idle,
                sign_ms: signs.remove(&name),
                name,
                ..ConsumerFacts::default()
            })
        })
        .collect();
    // Redis doesn't list a member that has read nothing yet.
    found.extend(signs.into_iter().map(|(name, till)| ConsumerFacts {
        name,
        sign_ms: Some(till),
        ..ConsumerFacts::default()
    }));
    found.retain(|consumer| !consumer.name.starts_with('~'));
    for consumer in &mut found {
        consumer.is_member = consumer.sign_ms.is_some();
        consumer.facts = said.get(&consumer.name).cloned().unwrap_or_default();
        consumer.alive = alive(consumer, seen.now, gives_signs, has_work);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Whether a consumer is alive: by its sign of life; without one, by when it was last
/// seen.
fn alive(consumer: &ConsumerFacts, now: u64, gives_signs: bool, has_work: bool) -> Option<bool> {
    if let Some(till) = consumer.sign_ms {
        return Some(till > now);
    }
    match consumer.idle_ms {
        Some(idle) if idle < SEEN_LATELY => Some(true),
        // Other members of the group give signs of life; this one's has been removed.
        Some(_) if gives_signs && consumer.pending > 0 => Some(false),
        // A living consumer would have renewed its entries, or read new ones.
        Some(idle) if idle >= LONG_GONE && (consumer.pending > 0 || has_work) => Some(false),
        _ => None,
    }
}

/// A time in a sorted set.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times in ms are positive and small; others saturate"
)]
fn score(answer: &Answer) -> Option<u64> {
    let text = answer.text()?;
    text.parse::<f64>().ok().map(|score| score as u64)
}

/// Reads a member's report of itself. A field that is missing or of another type is
/// unknown.
fn member_facts(json: &[u8]) -> MemberFacts {
    let Ok(facts) = serde_json::from_slice::<Value>(json) else {
        return MemberFacts::default();
    };
    let number = |name: &str| {
        let number = facts.get(name).and_then(Value::as_u64);
        number.filter(|number| *number <= LARGEST)
    };
    let millis = |name: &str| {
        let micros = facts.get(name).and_then(Value::as_f64);
        micros.map(|micros| micros / 1_000.0)
    };
    let text = |name: &str| {
        let text = facts.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    MemberFacts {
        program: text("program").map(|name| Program {
            name,
            version: text("version").unwrap_or_default(),
        }),
        workers: number("workers"),
        running: number("running"),
        buffered: number("buffered"),
        completed: number("completed"),
        failed: number("failed"),
        p50_ms: millis("p50"),
        p99_ms: millis("p99"),
        longest_ms: number("longest").map(|micros| micros / 1_000),
        last_error: text("error"),
        lease_ms: number("lease").filter(|lease| *lease > 0),
        dead_capacity: number("dead_max"),
    }
}

/// Entries that dead consumers hold and that were delivered more than once, those with
/// most deliveries first: the oldest ones of the first dead consumers.
pub(crate) fn suspects(redis: &Redis, keys: &Keys, group: &mut GroupFacts) -> Result<Vec<Suspect>> {
    let holders: Vec<usize> = group
        .consumers
        .iter()
        .enumerate()
        .filter(|(_, c)| c.alive == Some(false) && c.pending > 0)
        .map(|(at, _)| at)
        .take(DEAD_CONSUMERS)
        .collect();
    let most = SUSPECTS_OF_EACH.to_string();
    let requests: Vec<Request> = holders
        .iter()
        .filter_map(|at| group.consumers.get(*at))
        .map(|c| {
            let (stream, group, name) = (keys.stream(), group.name.as_str(), c.name.as_str());
            request(["XPENDING", stream, group, "-", "+", &most, name])
        })
        .collect();
    let answers = redis.ask(keys.stream(), &requests)?;
    let mut found = Vec::new();
    for (at, answer) in holders.into_iter().zip(&answers) {
        let Some(consumer) = group.consumers.get_mut(at) else {
            continue;
        };
        for entry in answer.list() {
            let [id, _, idle, deliveries] = entry.list() else {
                continue;
            };
            let (Some(id), Some(idle)) = (id.id(), idle.count()) else {
                continue;
            };
            consumer.oldest_pending_ms = consumer.oldest_pending_ms.max(Some(idle));
            let deliveries = deliveries.count().unwrap_or(0);
            if deliveries >= SUSPECT_DELIVERIES {
                found.push(Suspect {
                    stream: keys.stream().to_owned(),
                    id,
                    consumer: consumer.name.clone(),
                    deliveries,
                    idle_ms: idle,
                });
            }
        }
    }
    found.sort_by(|a, b| b.deliveries.cmp(&a.deliveries).then(a.id.cmp(&b.id)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sign: Option<u64>, idle: u64, pending: u64) -> ConsumerFacts {
        ConsumerFacts {
            sign_ms: sign,
            idle_ms: Some(idle),
            pending,
            ..ConsumerFacts::default()
        }
    }

    #[test]
    fn signs_of_life_come_before_idle_times() {
        let now = 1_000_000;
        let is = |consumer: &ConsumerFacts, gives_signs| alive(consumer, now, gives_signs, true);
        assert_eq!(is(&seen(Some(now + 1), 900_000, 1), true), Some(true));
        assert_eq!(is(&seen(Some(now), 0, 1), true), Some(false));
        // Consumers of other libraries.
        assert_eq!(is(&seen(None, 59_999, 1), false), Some(true));
        assert_eq!(is(&seen(None, 60_000, 1), false), None);
        assert_eq!(is(&seen(None, 300_000, 1), false), Some(false));
        assert_eq!(alive(&seen(None, 900_000, 0), now, false, false), None);
        // Among members, one without a sign is long dead.
        assert_eq!(is(&seen(None, 60_000, 1), true), Some(false));
    }

    #[test]
    fn what_a_member_says_otherwise_is_unknown() {
        let facts = member_facts(
            br#"{"program":"billing","version":"1.4","workers":4,"p99":12500,"error":"no"}"#,
        );
        assert_eq!(facts.workers, Some(4));
        assert_eq!(facts.p99_ms, Some(12.5));
        assert_eq!(facts.running, None);
        assert_eq!(facts.program.unwrap().version, "1.4");
        assert_eq!(member_facts(b"\xff"), MemberFacts::default());
        assert_eq!(member_facts(br#"{"workers":"many"}"#).workers, None);
        let huge = member_facts(br#"{"lease":18446744073709551615,"completed":9007199254740993}"#);
        assert_eq!(huge, MemberFacts::default());
    }
}
