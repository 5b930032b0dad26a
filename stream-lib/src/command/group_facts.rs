//! Unread and unacknowledged entries of groups: ids and counts only.

use std::time::Duration;

use redis::{Value, cmd, pipe};

use super::reply::{Tokens, unexpected};
use super::roster::consumer_facts;
use super::script::{Script, script};
use crate::connection::{Reply, Wire, from_redis};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::{EntryId, RESERVED};

static GROUP_FACTS: Script = script!("group_facts.lua");

/// The most groups that one script looks at.
const TOGETHER: usize = 50;

/// How many unread entries are counted: if Redis gives a number, and if it doesn't.
const FEW: u64 = 100;
const MANY: u64 = 1_000;

/// Ids below this are no times, in milliseconds since 1970: streams are younger than
/// 2010.
const FIRST_TIME: u64 = 1_262_304_000_000;

/// The facts of a group.
#[derive(Debug, Clone)]
pub(crate) struct GroupFacts {
    pub(crate) name: String,
    /// Entries that no consumer has read; `None` if Redis can't tell.
    pub(crate) unread: Option<u64>,
    /// `XPENDING`, those of `~waiting` included.
    pub(crate) pending: u64,
    /// `ZCARD` of the waiting set.
    pub(crate) waiting: u64,
    /// Consumers, without the reserved ones, such as `~waiting`.
    pub(crate) consumers: u64,
    /// As in the public facts.
    pub(crate) oldest_unread: Option<Duration>,
    pub(crate) oldest_pending: Option<Duration>,
    /// Their names (`XINFO CONSUMERS`).
    pub(crate) names: Vec<String>,
    /// The consumers that hold entries, with their numbers.
    pub(crate) holders: Vec<(String, u64)>,
}

/// A group by `XINFO GROUPS`.
#[derive(Debug, Default)]
struct KnownGroup {
    /// Any bytes.
    name: Vec<u8>,
    pending: u64,
    cursor: String,
    /// How many entries it has not read, never too low; `None` if Redis can't tell.
    lag: Option<u64>,
}

/// The server's counts for a group.
#[derive(Debug, Default)]
struct Counted {
    unread: Option<u64>,
    first_unread: Option<EntryId>,
    oldest_pending: Option<EntryId>,
    waiting: u64,
    /// Names of consumers, with how many entries each holds.
    consumers: Vec<(String, u64)>,
}

/// All facts about the groups of a stream with `length` entries; none if it doesn't
/// exist.
pub(super) fn group_facts(
    wire: &mut Wire,
    keys: &StreamKeys,
    length: u64,
) -> Result<Vec<GroupFacts>> {
    let known = known_groups(wire, keys)?;
    let mut facts = Vec::with_capacity(known.len());
    for some in known.chunks(TOGETHER) {
        let (now, counted) = match count(wire, keys, some, length) {
            // The user may not run scripts.
            Err(e) if is_refused(&e) => count_without_script(wire, keys, some)?,
            counted => counted?,
        };
        let pairs = some.iter().zip(counted);
        facts.extend(pairs.filter_map(|(group, counted)| Some(group.facts(counted?, now))));
    }
    Ok(facts)
}

fn is_refused(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::Server
    )
}

fn known_groups(wire: &mut Wire, keys: &StreamKeys) -> Result<Vec<KnownGroup>> {
    let info = cmd("XINFO")
        .arg("GROUPS")
        .arg(keys.stream())
        .query::<Value>(wire);
    match info {
        Ok(Value::Array(groups)) => Ok(groups.iter().filter_map(KnownGroup::of).collect()),
        Ok(_) => Err(unexpected("XINFO GROUPS")),
        Err(e) if e.to_string().contains("no such key") => Ok(Vec::new()),
        Err(e) => Err(from_redis(e)),
    }
}

impl KnownGroup {
    fn of(info: &Value) -> Option<Self> {
        let Value::Array(fields) = info else {
            return None;
        };
        let mut group = Self::default();
        for pair in fields.chunks(2) {
            let [Value::BulkString(name), value] = pair else {
                continue;
            };
            match (&**name, value) {
                (b"name", Value::BulkString(name)) => group.name.clone_from(name),
                (b"pending", Value::Int(count)) => {
                    group.pending = u64::try_from(*count).unwrap_or(0);
                }
                (b"last-delivered-id", Value::BulkString(id)) => {
                    group.cursor = String::from_utf8_lossy(id).into_owned();
                }
                // An oversized ENTRIESREAD makes it negative.
                (b"lag", Value::Int(lag)) => group.lag = u64::try_from(*lag).ok(),
                _ => {}
            }
        }
        Some(group)
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// How many unread entries to count. A lag may stay too high for good: Redis 7.0
    /// forgets how many were read when it loads an append-only file, and after some
    /// trims. So small numbers are counted, and are exact.
    fn most(&self) -> u64 {
        match self.lag {
            Some(0) => 0,
            Some(_) => FEW,
            None => MANY,
        }
    }

    fn facts(&self, counted: Counted, now: u64) -> GroupFacts {
        let mut consumers = counted.consumers;
        consumers.retain(|(name, _)| !name.starts_with(char::from(RESERVED)));
        let names = consumers.iter().map(|(name, _)| name.clone()).collect();
        let known = consumers.len() as u64;
        consumers.retain(|(_, pending)| *pending > 0);
        GroupFacts {
            name: self.shown(),
            unread: counted.unread,
            pending: self.pending,
            oldest_unread: age(counted.first_unread, now),
            oldest_pending: age(counted.oldest_pending, now),
            waiting: counted.waiting,
            consumers: known,
            names,
            holders: consumers,
        }
    }
}

/// The age of an entry; `None` if its id is no time.
fn age(id: Option<EntryId>, now: u64) -> Option<Duration> {
    let added = id?.ms();
    (added >= FIRST_TIME).then(|| Duration::from_millis(now.saturating_sub(added)))
}

/// Lets the server count. Returns its time, and `None` for a group that is gone.
fn count(
    wire: &mut Wire,
    keys: &StreamKeys,
    groups: &[KnownGroup],
    length: u64,
) -> Result<(u64, Vec<Option<Counted>>)> {
    let call = GROUP_FACTS.call(&[keys.stream()]);
    let call = groups.iter().fold(call, |call, group| {
        call.key(keys.waiting(&group.shown()).as_bytes())
    });
    let call = groups.iter().fold(call, |call, group| {
        let whole = if group.lag.is_none() { "whole" } else { "" };
        call.bytes(&group.name)
            .arg(&group.cursor)
            .number(group.most())
            .arg(whole)
    });
    read(&call.run(wire)?, groups, length)
}

fn read(reply: &Reply, groups: &[KnownGroup], length: u64) -> Result<(u64, Vec<Option<Counted>>)> {
    let wrong = || unexpected("group_facts");
    let number = |n: i64| u64::try_from(n).map_err(|_| wrong());
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 2 {
        return Err(wrong());
    }
    let now = number(tokens.int()?)?;
    if tokens.array()? as usize != groups.len() {
        return Err(wrong());
    }
    let mut all = Vec::with_capacity(groups.len());
    for group in groups {
        if tokens.array()? == 0 {
            all.push(None);
            continue;
        }
        let found = number(tokens.int()?)?;
        let unread = match (tokens.bytes()?, group.lag) {
            (_, Some(0)) => Some(0),
            (b"all", _) => Some(found),
            (b"whole", _) => Some(length),
            (_, lag) => lag.map(|lag| lag.min(length)),
        };
        let id = |bytes: &[u8]| EntryId::parse(bytes).ok();
        let (first_unread, oldest_pending) = (id(tokens.bytes()?), id(tokens.bytes()?));
        let waiting = number(tokens.int()?)?;
        let consumers = (0..tokens.array()? / 2).map(|_| {
            let name = String::from_utf8_lossy(tokens.bytes()?).into_owned();
            Ok((name, number(tokens.int()?)?))
        });
        all.push(Some(Counted {
            unread,
            first_unread,
            oldest_pending,
            waiting,
            consumers: consumers.collect::<Result<_>>()?,
        }));
    }
    Ok((now, all))
}

/// As [`count`], by plain commands, for a user that may not run scripts. Numbers that
/// need whole entries stay unknown.
fn count_without_script(
    wire: &mut Wire,
    keys: &StreamKeys,
    groups: &[KnownGroup],
) -> Result<(u64, Vec<Option<Counted>>)> {
    let time = cmd("TIME").query::<(u64, u64)>(wire).map_err(from_redis);
    // Without the clock no age is known.
    let now = time.map_or(0, |(seconds, micros)| seconds * 1_000 + micros / 1_000);
    let mut all = Vec::with_capacity(groups.len());
    for group in groups {
        let asked = pipe()
            .cmd("XPENDING")
            .arg(keys.stream())
            .arg(&group.name)
            .arg("-")
            .arg("+")
            .arg(1)
            .cmd("XINFO")
            .arg("CONSUMERS")
            .arg(keys.stream())
            .arg(&group.name)
            .query::<(Vec<(String, Value, i64, i64)>, Value)>(wire)
            .map_err(from_redis);
        let (pending, consumers) = match asked {
            Ok(asked) => asked,
            // It was destroyed meanwhile.
            Err(e) if e.kind() == ErrorKind::NoGroup => {
                all.push(None);
                continue;
            }
            Err(e) => return Err(e),
        };
        let waiting = cmd("ZCARD").arg(keys.waiting(&group.shown())).query(wire);
        let oldest = pending.first().and_then(|(id, ..)| id.parse().ok());
        let consumers = consumer_facts(&consumers).into_iter();
        let shown = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        all.push(Some(Counted {
            unread: group.lag,
            first_unread: None,
            oldest_pending: oldest.filter(|_| now > 0),
            waiting: waiting.unwrap_or(0),
            consumers: consumers
                .map(|consumer| (shown(&consumer.name), consumer.pending))
                .collect(),
        }));
    }
    Ok((now, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_no_times_have_no_age() {
        let now = 1_800_000_000_000;
        let age = |ms| age(Some(EntryId::new(ms, 0)), now);
        assert_eq!(age(now - 5_000), Some(Duration::from_secs(5)));
        assert_eq!(
            age(now + 5_000),
            Some(Duration::ZERO),
            "a clock that was set back"
        );
        assert_eq!(age(7), None, "an id of the user's own");
        assert_eq!(super::age(None, now), None);
    }

    #[test]
    fn groups_are_read_as_far_as_a_server_tells_of_them() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let info = Value::Array(vec![
            text("name"),
            Value::BulkString(b"g\xff".to_vec()),
            text("pending"),
            Value::Int(3),
            text("last-delivered-id"),
            text("7-1"),
            text("lag"),
            Value::Nil,
        ]);
        let group = KnownGroup::of(&info).unwrap();
        assert_eq!((group.pending, group.lag, &*group.cursor), (3, None, "7-1"));
        assert_eq!(group.most(), MANY);
        assert_eq!(group.shown(), "g\u{fffd}");
        assert!(KnownGroup::of(&Value::Nil).is_none());
    }
}
