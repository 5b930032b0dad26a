//! Adding messages that have a number in a spool, each of them once.

use super::Outgoing;
use super::reply::{Tokens, unexpected};
use super::route::{Placed, Routing, place, with_once_keys};
use super::script::{Script, script};
use crate::connection::{ServerError, Wire, from_redis};
use crate::error::Result;
use crate::keys::StreamKeys;

static ROUTE_SPOOLED: Script = script!("part_room.lua", "part_once.lua", "route_spooled.lua");

/// What became of a message with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpooledAdd {
    Now(Placed),
    /// It has been in Redis since an earlier try.
    Before,
}

/// The highest number that was taken of a spool; empty where none was.
pub(crate) fn spool_mark(wire: &mut Wire, keys: &StreamKeys, spool: &str) -> Result<String> {
    let mark: Option<String> = redis::cmd("HGET")
        .arg(keys.meta())
        .arg(format!("spool:{spool}"))
        .query(wire)
        .map_err(from_redis)?;
    Ok(mark.unwrap_or_default())
}

/// Adds every message of a batch as [`route`](super::route()) does, unless a message of the
/// spool with its number or a higher one has been added before. Numbers are
/// 20 digits, and rise.
///
/// The outer error is as that of [`route`](super::route()). There are fewer answers than
/// messages where the last is an error: later ones were not tried. An error
/// before the last counts as taken.
pub(crate) fn route_spooled(
    wire: &mut Wire,
    routing: Routing<'_>,
    spool: &str,
    numbers: &[String],
    batch: &Outgoing,
) -> Result<Vec<Result<SpooledAdd>>> {
    let (keys, backup, meta) = (routing.keys, routing.keys.backup(), routing.keys.meta());
    let call = ROUTE_SPOOLED.call(&[keys.stream(), &backup, &meta]);
    let mut call = with_once_keys(call, keys, batch)
        .number(routing.capacity)
        .shown(&routing.max_backup.map_or(-1, u64::cast_signed))
        .millis(routing.window)
        .number(batch.len() as u64)
        .shown(&format_args!("spool:{spool}"));
    let (mut values, mut with_key) = (0, 0);
    for (message, number) in batch.iter().zip(numbers) {
        values += 2 * message.count;
        with_key += u64::from(message.key.is_some());
        let key = if message.key.is_some() { with_key } else { 0 };
        call = call
            .number(2 * message.count as u64)
            .number(key)
            .arg(number);
    }
    let reply = call.packed(values, batch.fields()).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    let answers = tokens.array()? as usize;
    if answers > batch.len() {
        return Err(unexpected("a script"));
    }
    (0..answers)
        .map(|_| {
            if let Some(line) = tokens.error() {
                return Ok(Err(ServerError::new(line).into_error()));
            }
            match tokens.bytes()? {
                b"=" => Ok(Ok(SpooledAdd::Before)),
                text => Ok(place(text).map(SpooledAdd::Now)),
            }
        })
        .collect()
}
