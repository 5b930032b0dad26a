//! Read-only facts about streams and groups.

use redis::streams::StreamPendingCountReply;
use redis::{Value, cmd, from_redis_value, pipe};

use super::Group;
use super::backup::known_backup;
use super::group_facts::{GroupFacts, group_facts};
use crate::connection::{Wire, from_redis};
use crate::error::{ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::EntryId;

/// Facts of a stream and its related streams.
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

/// Asks for everything about a stream. A stream that doesn't exist is empty.
pub(crate) fn stream_facts(wire: &mut Wire, keys: &StreamKeys) -> Result<StreamFacts> {
    // Without permission for the meta hash, the default backup stream is used.
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
    let groups = group_facts(wire, keys, length)?;
    Ok(StreamFacts {
        length,
        backup,
        dead,
        groups,
    })
}

/// The length of a stream, 0 if there is none (`XLEN`).
pub(crate) fn length(wire: &mut Wire, key: &str) -> Result<u64> {
    cmd("XLEN").arg(key).query(wire).map_err(from_redis)
}

/// An entry that was delivered and is not acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PendingEntry {
    pub(crate) id: EntryId,
    pub(crate) deliveries: u32,
}

/// Up to 1,000 entries delivered to `consumer` after `after` (`XPENDING`).
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
