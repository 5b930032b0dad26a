//! Settings of the backup stream, in the stream's meta hash.

use redis::cmd;

use super::declare::{Replaced, Setting, declare};
use crate::config::Retention;
use crate::connection::{Wire, from_redis};
use crate::error::Result;
use crate::keys::StreamKeys;

/// The name of the backup stream. Its presence says that there is one.
const NAME: &str = "backup:name";

/// The backlog that the stream itself may have.
const CAPACITY: &str = "backup:capacity";

/// The length that the backup stream may have: for tools, which say how full it is. Each
/// producer goes by its own.
const MAX_LENGTH: &str = "backup:max_length";

/// What a producer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BackupBounds {
    /// The backlog that the stream itself may have.
    pub(crate) capacity: Option<u64>,
    /// The length that the backup stream may have.
    pub(crate) max_length: Option<u64>,
}

/// Stores the name of the backup stream, and the bounds that were asked for. Tells which
/// other values they replaced.
pub(crate) fn declare_backup(
    wire: &mut Wire,
    keys: &StreamKeys,
    bounds: BackupBounds,
) -> Result<Vec<Replaced>> {
    let mut settings = vec![Setting {
        field: NAME,
        value: keys.backup(),
    }];
    let bounds = [(CAPACITY, bounds.capacity), (MAX_LENGTH, bounds.max_length)];
    for (field, entries) in bounds {
        settings.extend(entries.map(|entries| Setting {
            field,
            value: entries.to_string(),
        }));
    }
    declare(wire, keys, settings)
}

/// The keys of a stream with its stored backup stream (`HGET`); `None` if none is stored,
/// or the stored name is invalid.
pub(crate) fn known_backup(wire: &mut Wire, keys: &StreamKeys) -> Result<Option<StreamKeys>> {
    let name: Option<Vec<u8>> = cmd("HGET")
        .arg(keys.meta())
        .arg(NAME)
        .query(wire)
        .map_err(from_redis)?;
    // Another program may have written it.
    let name = name.and_then(|name| String::from_utf8(name).ok());
    Ok(name.and_then(|name| keys.clone().with_backup(&name).ok()))
}

/// The backlog that a stream may have before messages go to its backup stream, as stored
/// with the stream (`HMGET`), else the default.
pub(crate) fn known_capacity(wire: &mut Wire, keys: &StreamKeys) -> Result<u64> {
    let known: Vec<Option<Vec<u8>>> = cmd("HMGET")
        .arg(keys.meta())
        .arg(CAPACITY)
        .arg("retention:max_length")
        .query(wire)
        .map_err(from_redis)?;
    let number = |text: &Vec<u8>| str::from_utf8(text).ok()?.parse().ok();
    let mut known = known.iter().flatten().filter_map(number);
    let capacity = known.find(|entries| *entries > 0);
    Ok(capacity.unwrap_or(Retention::default().max_length))
}
