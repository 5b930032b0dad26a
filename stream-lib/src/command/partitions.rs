//! The number of partitions of a stream: a setting in its meta hash, at the stem.

use redis::cmd;

use super::backup::known_backup;
use super::deleting::being_deleted;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::{Wire, from_redis};
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::keys::StreamKeys;
use crate::partition::Partitions;

static DECLARE: Script = script!("declare_partitions.lua");

/// The field of the meta hash.
const COUNT: &str = "partitions";

/// The stored number of partitions of a stream (`HGET`); `None` if there is none. `keys`
/// are the stem's.
pub(crate) fn known_partitions(wire: &mut Wire, keys: &StreamKeys) -> Result<Option<Partitions>> {
    let count: Option<Vec<u8>> = cmd("HGET")
        .arg(keys.meta())
        .arg(COUNT)
        .query(wire)
        .map_err(from_redis)?;
    count.map(|count| parsed(&count, keys)).transpose()
}

/// Stores the number of partitions of a stream that has none; returns the number that
/// applies, which may be another one. `keys` are the stem's.
///
/// # Errors
///
/// `Config` if the stream is used without partitions; `InUse` if an older version uses
/// it, or it is being deleted. Nothing was written then.
pub(crate) fn declare_partitions(
    wire: &mut Wire,
    keys: &StreamKeys,
    partitions: Partitions,
) -> Result<Partitions> {
    let (meta, backup, dead) = (keys.meta(), keys.backup(), keys.dead());
    let (due, cron) = (keys.due(), keys.cron());
    // It may have another name.
    let known = known_backup(wire, keys)?.map_or_else(|| backup.clone(), |k| k.backup());
    let stream = keys.stream();
    let reply = DECLARE
        .call(&[&meta, stream, &backup, &dead, &due, &cron, &known])
        .number(partitions.count().into())
        .run(wire)?;
    let answer = Tokens::new(&reply).bytes()?;
    let text = String::from_utf8_lossy(answer);
    if let Some(error) = being_deleted(&text) {
        return Err(error);
    }
    if let Some(member) = text.strip_prefix("alive ") {
        return Err(Error::new(
            ErrorKind::InUse,
            format!(
                "the stream can't get partitions yet: its consumer `{}` (group:name) is of a \
                 version without partitions, and lives, or has died less than two leases ago; stop \
                 such consumers first",
                Shown(member)
            ),
        ));
    }
    match text.strip_prefix("holds ") {
        Some(held) => Err(in_use_without(keys, held)),
        None => parsed(answer, keys),
    }
}

/// Counts the entries of a partitioned stream that are in none of its partitions: those
/// in the stream of the stem itself, and in its backup stream (`XLEN`).
pub(crate) fn outside_of_partitions(wire: &mut Wire, keys: &StreamKeys) -> Result<u64> {
    let (main, backup): (u64, u64) = redis::pipe()
        .cmd("XLEN")
        .arg(keys.stream())
        .cmd("XLEN")
        .arg(keys.backup())
        .query(wire)
        .map_err(from_redis)?;
    Ok(main + backup)
}

fn parsed(count: &[u8], keys: &StreamKeys) -> Result<Partitions> {
    let text = String::from_utf8_lossy(count);
    let count = text
        .parse()
        .ok()
        .and_then(|count| Partitions::new(count).ok());
    count.ok_or_else(|| {
        Error::new(
            ErrorKind::WrongType,
            format!(
                "`{COUNT}` in the hash `{}` is `{}`, which is no number of partitions; another \
                 program must have written it",
                Shown(&keys.meta()),
                Shown(&text)
            ),
        )
    })
}

/// The error of a stream that exists without partitions.
fn in_use_without(keys: &StreamKeys, held: &str) -> Error {
    let mut counts = held.split(' ').map(|count| count.parse().unwrap_or(0_u64));
    let mut next = || counts.next().unwrap_or(0);
    let (entries, backup, dead, groups) = (next(), next(), next(), next());
    let (scheduled, jobs) = (next(), next());
    if entries + backup + dead + groups + scheduled + jobs == 0 {
        return unexpected("a script");
    }
    let stream = Shown(keys.stream());
    Error::new(
        ErrorKind::Config,
        format!(
            "`{stream}` is used without partitions, and can't be given any as it is: it has \
             {entries} entries, {backup} in its backup stream, {dead} dead letters, {groups} \
             groups, {scheduled} scheduled messages and {jobs} jobs. Move it: stop its producers, \
             let its consumers handle what is left, put back or remove its dead letters, wait for \
             scheduled messages or cancel them, remove its jobs, stop the consumers and the \
             processes that have its jobs, call `delete_stream`, and start again"
        ),
    )
}
