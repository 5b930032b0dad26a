//! Looking for streams among all keys.

use redis::cmd;

use super::pack;
use super::reply::{Tokens, checked, unexpected};
use crate::connection::{Wire, from_redis};
use crate::error::Result;

/// How many keys one request looks at, about: a server is busy for well below a
/// millisecond.
const LOOK: &[u8] = b"250";

/// Matches `{orders}:due`, `{orders}:cron`, and a few others.
const SCHEDULES: &[u8] = b"*{*}*:[dc][ur][eo]*";

/// The keys of streams in the next portion of a server's keys (`SCAN`), and the cursor to
/// continue with; 0 is the beginning and the end.
pub(crate) fn scan_streams(wire: &mut Wire, cursor: u64) -> Result<(u64, Vec<Vec<u8>>)> {
    scan(wire, cursor, [b"TYPE", b"stream"])
}

/// As [`scan_streams`], the keys that may hold scheduled messages or jobs, by their names.
pub(crate) fn scan_schedules(wire: &mut Wire, cursor: u64) -> Result<(u64, Vec<Vec<u8>>)> {
    scan(wire, cursor, [b"MATCH", SCHEDULES])
}

/// The type of a key (`TYPE`).
pub(crate) fn key_type(wire: &mut Wire, key: &[u8]) -> Result<String> {
    cmd("TYPE").arg(key).query(wire).map_err(from_redis)
}

fn scan(wire: &mut Wire, cursor: u64, filter: [&[u8]; 2]) -> Result<(u64, Vec<Vec<u8>>)> {
    let cursor = cursor.to_string();
    let [by, what] = filter;
    let command: [&[u8]; 6] = [b"SCAN", cursor.as_bytes(), b"COUNT", LOOK, by, what];
    let mut packed = Vec::with_capacity(128);
    pack::command(&mut packed, &command);
    let reply = checked(wire.exchange(&packed)?)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 2 {
        return Err(unexpected("SCAN"));
    }
    let next = tokens.text()?.parse().map_err(|_| unexpected("SCAN"))?;
    let keys = (0..tokens.array()?)
        .map(|_| tokens.bytes().map(<[u8]>::to_vec))
        .collect::<Result<_>>()?;
    Ok((next, keys))
}
