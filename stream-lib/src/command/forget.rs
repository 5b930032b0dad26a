//! Removal of groups, and of the library's keys and fields for them.

use redis::cmd;

use super::Group;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::{Wire, from_redis};
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::keys::StreamKeys;

static FORGET: Script = script!("forget_group.lua");
static REMOVE: Script = script!("remove_group.lua");

/// The mark of a group's floor, by retention.
const FLOOR: &str = "retention:floor:";

/// A sign of life of a member of an earlier version.
const BEAT: &str = "beat:";

/// The most signs of life that one call of the script removes.
const MOST_BEATS: usize = 1_000;

/// Traces of groups in a stream's meta hash, whether or not the groups exist.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// Groups with a mark of their floor.
    pub(crate) groups: Vec<String>,
    /// Signs of life, as `<group>:<consumer>`.
    pub(crate) beats: Vec<String>,
}

/// Looks for traces of groups (`HSCAN`): in small steps, since the hash may be large.
pub(crate) fn traces(wire: &mut Wire, keys: &StreamKeys) -> Result<Traces> {
    let (mut traces, mut cursor) = (Traces::default(), 0_u64);
    loop {
        let (next, found): (u64, Vec<Vec<u8>>) = cmd("HSCAN")
            .arg(keys.meta())
            .arg(cursor)
            .arg("MATCH")
            // Both kinds, and hardly any other.
            .arg("[rb]e*:*:*")
            .arg("COUNT")
            .arg(1_000)
            .query(wire)
            .map_err(from_redis)?;
        for field in found.into_iter().step_by(2) {
            // The library writes only text.
            let Ok(field) = String::from_utf8(field) else {
                continue;
            };
            if let Some(group) = field.strip_prefix(FLOOR) {
                traces.groups.push(group.to_owned());
            } else if let Some(beat) = field.strip_prefix(BEAT) {
                traces.beats.push(beat.to_owned());
            }
        }
        if next == 0 {
            return Ok(traces);
        }
        cursor = next;
    }
}

/// Removes the traces of a group, unless it exists. `beats` are signs of life that may
/// belong to its members; valid ones stay. Returns whether anything existed.
pub(crate) fn forget_group(
    wire: &mut Wire,
    keys: &StreamKeys,
    group: &str,
    beats: &[&String],
) -> Result<bool> {
    let group = Group::new(keys.clone(), group);
    let mut found = false;
    let mut portions = beats.chunks(MOST_BEATS);
    let mut portion = portions.next().unwrap_or_default();
    loop {
        let call = FORGET
            .call(&[
                group.stream(),
                group.meta(),
                group.waiting(),
                group.members(),
                group.facts(),
            ])
            .arg(group.name());
        let call = portion
            .iter()
            .fold(call, |call, beat| call.shown(&format_args!("{BEAT}{beat}")));
        found |= Tokens::new(&call.run(wire)?).int()? > 0;
        match portions.next() {
            Some(next) => portion = next,
            None => return Ok(found),
        }
    }
}

/// Fails with `InUse` if a member of the group gives a sign of life with these keys, the
/// stem's (`ZRANGE`).
pub(crate) fn ensure_lifeless(wire: &mut Wire, group: &Group) -> Result<()> {
    let (seconds, micros): (u64, u64) = cmd("TIME").query(wire).map_err(from_redis)?;
    let now = seconds * 1_000 + micros / 1_000;
    let alive: Vec<Vec<u8>> = cmd("ZRANGE")
        .arg(group.members())
        .arg(format!("({now}"))
        .arg("+inf")
        .arg("BYSCORE")
        .arg("LIMIT")
        .arg(0)
        .arg(1)
        .query(wire)
        .map_err(from_redis)?;
    match alive.first() {
        Some(member) => Err(in_use(member)),
        None => Ok(()),
    }
}

/// Destroys a group (`XGROUP DESTROY`), and removes its keys. Returns whether anything
/// existed; fails with `InUse` if a member of it lives.
pub(crate) fn remove_group(wire: &mut Wire, group: &Group) -> Result<bool> {
    let keys = [
        group.stream(),
        group.meta(),
        group.waiting(),
        group.members(),
        group.lock_alone(),
        group.hold(),
        group.rate(),
        group.facts(),
    ];
    let reply = REMOVE.call(&keys).arg(group.name()).run(wire)?;
    let answer = Tokens::new(&reply).bytes()?;
    match answer {
        b"removed" => Ok(true),
        b"none" => Ok(false),
        answer => {
            let member = answer
                .strip_prefix(b"alive ")
                .ok_or_else(|| unexpected("a script"))?;
            Err(in_use(member))
        }
    }
}

fn in_use(member: &[u8]) -> Error {
    let member = String::from_utf8_lossy(member);
    Error::new(
        ErrorKind::InUse,
        format!(
            "its consumer `{}` lives, or has died a short while ago (its lease, or two, is \
             not over); stop the consumers of the group first; nothing was removed",
            Shown(&member)
        ),
    )
}
