//! Deletion of a stream and everything that belongs to it.

use std::collections::BTreeSet;

use redis::cmd;
use redis::streams::StreamInfoGroupsReply;

use super::Group;
use super::backup::known_backup;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::{Wire, from_redis};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;

static DELETE: Script = script!("delete.lua");

/// How many times groups may be created between the look and the script.
const TRIES: usize = 5;

/// The most groups of a stream that can be deleted at once: a script can pass on
/// about 8,000 keys.
const MOST_GROUPS: usize = 1_250;

/// Deletes a stream with all its keys except idempotency keys, which lapse by themselves.
/// Returns whether anything existed; fails with `InUse` if a member of it lives. `others`
/// are further groups that may have members here, if this is the stem of partitions.
pub(crate) fn delete_stream(
    wire: &mut Wire,
    keys: &StreamKeys,
    others: &BTreeSet<String>,
) -> Result<bool> {
    for _ in 0..TRIES {
        let groups = with_others(&group_names(wire, keys)?, others, keys);
        match run(wire, keys, "delete", &groups)?.as_str() {
            "deleted" => return Ok(true),
            "none" => return Ok(false),
            "groups" => {}
            text => return Err(refusal(text)),
        }
    }
    Err(Error::new(
        ErrorKind::InUse,
        "groups are being created in it; nothing was deleted",
    ))
}

/// Fails if [`delete_stream`] would fail now, because a member of the stream lives or one
/// of its keys has another type.
pub(crate) fn ensure_deletable(
    wire: &mut Wire,
    keys: &StreamKeys,
    others: &BTreeSet<String>,
) -> Result<()> {
    let groups = with_others(&group_names(wire, keys)?, others, keys);
    match run(wire, keys, "look", &groups)?.as_str() {
        "free" => Ok(()),
        text => Err(refusal(text)),
    }
}

/// Runs the script, and returns its answer.
fn run(wire: &mut Wire, keys: &StreamKeys, what: &str, groups: &[Group]) -> Result<String> {
    let (stream, backup, dead, meta) = (keys.stream(), keys.backup(), keys.dead(), keys.meta());
    let (drain, retention) = (keys.lock("drain"), keys.lock("retention"));
    let (spools, due, later) = (keys.spools(), keys.due(), keys.later());
    let (unique, cron, events) = (keys.unique(), keys.cron(), keys.events());
    // It may have another name.
    let known = known_backup(wire, keys)?.map_or_else(|| backup.clone(), |k| k.backup());
    let call = DELETE.call(&[
        stream, &backup, &dead, &meta, &drain, &retention, &spools, &due, &later, &unique, &cron,
        &events,
    ]);
    let call = groups.iter().fold(call, |call, group| {
        call.key(group.waiting().as_bytes())
            .key(group.lock_alone().as_bytes())
            .key(group.members().as_bytes())
            .key(group.hold().as_bytes())
            .key(group.rate().as_bytes())
            .key(group.facts().as_bytes())
    });
    let schema = keys.schema();
    let call = call.key(schema.as_bytes()).key(known.as_bytes());
    let call = groups
        .iter()
        .fold(call.arg(what), |call, g| call.arg(g.name()));
    let reply = call.run(wire)?;
    Ok(Tokens::new(&reply).text()?.to_owned())
}

fn refusal(text: &str) -> Error {
    text.strip_prefix("alive ")
        .map_or_else(|| unexpected("a script"), in_use)
}

pub(super) fn in_use(member: &str) -> Error {
    Error::new(
        ErrorKind::InUse,
        format!(
            "its consumer `{member}` (group:name) lives, or has died less than a lease ago; stop \
             the consumers of the stream first; nothing was deleted"
        ),
    )
}

fn with_others(own: &[String], others: &BTreeSet<String>, keys: &StreamKeys) -> Vec<Group> {
    let others = others.iter().filter(|name| !own.contains(name));
    let all = own.iter().chain(others);
    all.map(|name| Group::new(keys.clone(), name)).collect()
}

/// The names of the groups of a stream; none if it doesn't exist.
pub(crate) fn group_names(wire: &mut Wire, keys: &StreamKeys) -> Result<Vec<String>> {
    let info = cmd("XINFO")
        .arg("GROUPS")
        .arg(keys.stream())
        .query::<StreamInfoGroupsReply>(wire);
    let info = match info {
        Ok(info) => info.groups,
        Err(e) if e.to_string().contains("no such key") => return Ok(Vec::new()),
        Err(e) => return Err(from_redis(e)),
    };
    if info.len() > MOST_GROUPS {
        return Err(Error::new(
            ErrorKind::Server,
            format!(
                "it has {} groups; at most {MOST_GROUPS} can be deleted with it",
                info.len()
            ),
        ));
    }
    Ok(info.into_iter().map(|info| info.name).collect())
}
