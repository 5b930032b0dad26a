//! Read-only facts about streams and groups.

use std::time::Duration;

use redis::streams::{StreamInfoGroup, StreamInfoGroupsReply, StreamPendingCountReply};
use redis::{Value, cmd, from_redis_value, pipe};

use super::Group;
use super::backup::known_backup;
use crate::connection::{Wire, from_redis};
use crate::error::{ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::{EntryId, RESERVED};

/// What Redis says of a stream and what belongs to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamFacts {
    /// `XLEN`.
    pub(crate) length: u64,
    /// `XLEN` of the backup stream.
    pub(crate) backup: u64,
    /// `XLEN` of the dead letters.
    pub(crate) dead: u64,
    pub(crate) groups: Vec<GroupFacts>,
}

/// What Redis says of a group.
#[derive(Debug, Clone)]
pub(crate) struct GroupFacts {
    pub(crate) name: String,
    /// Entries that no consumer has read; `None` where Redis can't say.
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
    /// Those of them that hold entries, and how many each.
    pub(crate) holders: Vec<(String, u64)>,
}

/// Asks for everything about a stream. A stream that doesn't exist is empty.
pub(crate) fn stream_facts(wire: &mut Wire, keys: &StreamKeys) -> Result<StreamFacts> {
    // A user who may only look at streams sees the one that is usual.
    let known = known_backup(wire, keys).ok().flatten();
    let keys = known.as_ref().unwrap_or(keys);
    let (length, backup, dead): (u64, u64, u64) = pipe()
        .cmd("XLEN")
        .arg(keys.stream())
        .cmd("XLEN")
        .arg(keys.backup())
        .cmd("XLEN")
        .arg(keys.dead())
        .query(wire)
        .map_err(from_redis)?;
    let groups = groups(wire, keys, length)?;
    Ok(StreamFacts {
        length,
        backup,
        dead,
        groups,
    })
}

/// The length of a stream, 0 where there is none (`XLEN`).
pub(crate) fn length(wire: &mut Wire, key: &str) -> Result<u64> {
    cmd("XLEN").arg(key).query(wire).map_err(from_redis)
}

fn groups(wire: &mut Wire, keys: &StreamKeys, length: u64) -> Result<Vec<GroupFacts>> {
    let info = cmd("XINFO")
        .arg("GROUPS")
        .arg(keys.stream())
        .query::<StreamInfoGroupsReply>(wire);
    let info = match info {
        Ok(info) => info.groups,
        Err(e) if e.to_string().contains("no such key") => return Ok(Vec::new()),
        Err(e) => return Err(from_redis(e)),
    };
    info.into_iter()
        .filter_map(|group| {
            let asked = pipe()
                .cmd("ZCARD")
                .arg(keys.waiting(&group.name))
                .cmd("XINFO")
                .arg("CONSUMERS")
                .arg(keys.stream())
                .arg(&group.name)
                .query::<(u64, Value)>(wire)
                .map_err(from_redis);
            let (waiting, consumers) = match asked {
                Ok(facts) => facts,
                // It was destroyed meanwhile.
                Err(e) if e.kind() == ErrorKind::NoGroup => return None,
                Err(e) => return Some(Err(e)),
            };
            let unread = unread(wire, keys, &group, length);
            let mut holders = holders(&consumers);
            let known = holders.len();
            holders.retain(|(name, _)| !name.starts_with(char::from(RESERVED)));
            let reserved = (known - holders.len()) as u64;
            let names = holders.iter().map(|(name, _)| name.clone()).collect();
            holders.retain(|(_, pending)| *pending > 0);
            Some(unread.map(|unread| GroupFacts {
                consumers: (group.consumers as u64).saturating_sub(reserved),
                names,
                holders,
                pending: group.pending as u64,
                oldest_unread: None,
                oldest_pending: None,
                name: group.name,
                unread,
                waiting,
            }))
        })
        .collect()
}

/// The entries that a group has not read; `None` where Redis can't say.
///
/// A lag is never too low, but may stay too high for good: Redis 7.0 forgets how
/// many were read when it loads an append-only file, and after some trims. So
/// a small number is counted, and is exact.
fn unread(
    wire: &mut Wire,
    keys: &StreamKeys,
    group: &StreamInfoGroup,
    length: u64,
) -> Result<Option<u64>> {
    let most = match group.lag {
        Some(0) => return Ok(Some(0)),
        Some(_) => 100,
        None => 1_000,
    };
    let ids: Vec<Value> = cmd("XRANGE")
        .arg(keys.stream())
        .arg(format!("({}", group.last_delivered_id))
        .arg("+")
        .arg("COUNT")
        .arg(most)
        .query(wire)
        .map_err(from_redis)?;
    if ids.len() < most {
        return Ok(Some(ids.len() as u64));
    }
    Ok(group.lag.map(|lag| (lag as u64).min(length)))
}

/// The consumers in an answer to `XINFO CONSUMERS`, and how many entries each
/// holds. Any bytes may be a name.
fn holders(consumers: &Value) -> Vec<(String, u64)> {
    let Value::Array(consumers) = consumers else {
        return Vec::new();
    };
    let holder = |consumer: &Value| {
        let Value::Array(fields) = consumer else {
            return None;
        };
        let (mut name, mut pending) = (None, 0);
        for pair in fields.chunks(2) {
            match pair {
                [Value::BulkString(key), Value::BulkString(value)] if key == b"name" => {
                    name = Some(String::from_utf8_lossy(value).into_owned());
                }
                [Value::BulkString(key), Value::Int(value)] if key == b"pending" => {
                    pending = u64::try_from(*value).unwrap_or(0);
                }
                _ => {}
            }
        }
        Some((name?, pending))
    };
    consumers.iter().filter_map(holder).collect()
}

/// An entry that was delivered and is not acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PendingEntry {
    pub(crate) id: EntryId,
    pub(crate) deliveries: u32,
}

/// Up to 1,000 entries that Redis has as delivered to `consumer`, from behind
/// `after` on (`XPENDING`).
pub(crate) fn pending_of(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    after: Option<EntryId>,
) -> Result<Vec<PendingEntry>> {
    let pending = cmd("XPENDING")
        .arg(group.stream())
        .arg(group.name())
        .arg(after.map_or_else(|| "-".to_owned(), |id| format!("({id}")))
        .arg("+")
        .arg(1_000)
        .arg(consumer)
        .query::<Value>(wire)
        .and_then(|reply| Ok(from_redis_value::<StreamPendingCountReply>(reply)?))
        .map_err(from_redis);
    match pending {
        Ok(pending) => Ok(pending
            .ids
            .iter()
            .filter_map(|pending| {
                Some(PendingEntry {
                    id: pending.id.parse().ok()?,
                    deliveries: u32::try_from(pending.times_delivered).unwrap_or(u32::MAX),
                })
            })
            .collect()),
        Err(e) if e.kind() == ErrorKind::NoGroup => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}
