//! Checks a consumer's permissions at its start.

use redis::{Cmd, cmd};

use super::{Group, renew, reserved};
use crate::connection::{Wire, answer_of, from_redis};
use crate::error::{ErrorKind, Result};
use crate::message::EntryId;

/// Tries every command that a consumer needs, in forms that change nothing, so that a
/// missing permission or command is found at the start.
pub(crate) fn preflight(wire: &mut Wire, group: &Group, consumer: &str) -> Result<()> {
    for command in harmless(group, consumer) {
        let Err(e) = command.exec(wire) else {
            continue;
        };
        // Redis checks permissions before memory, which consuming doesn't need, and
        // before arguments: with permission, an invalid id gets a plain error.
        let lacks_memory = e.code() == Some("OOM");
        let e = from_redis(e);
        let is_plain = e.kind() == ErrorKind::Server && !answer_of(&e).is_missing_command();
        if !(lacks_memory || is_plain) {
            return Err(e.while_doing(describe(group)));
        }
    }
    renew(wire, group, consumer, &[EntryId::new(0, 1)])
        .map(drop)
        .map_err(|e| e.while_doing(describe(group)))
}

fn describe(group: &Group) -> String {
    format!(
        "checking the permissions for the group `{}` of `{}`",
        group.name(),
        group.stream()
    )
}

fn harmless(group: &Group, consumer: &str) -> Vec<Cmd> {
    let on = |name: &str, key: &str| {
        let mut command = cmd(name);
        command.arg(key);
        command
    };
    let mut read = cmd("XREADGROUP");
    read.arg("GROUP").arg(group.name()).arg(consumer);
    read.arg("STREAMS").arg(group.stream()).arg("none");
    let mut ack = on("XACK", group.stream());
    ack.arg(group.name()).arg("0-1");
    let mut claim = on("XCLAIM", group.stream());
    claim.arg(group.name()).arg(consumer).arg("0").arg("none");
    let mut range = on("XRANGE", group.stream());
    range.arg("0-1").arg("0-1");
    let mut bury = on("XADD", group.dead());
    bury.arg("NOMKSTREAM").arg("none").arg("a").arg("b");
    let mut wait = on("ZREM", group.waiting());
    wait.arg("0-1");
    let mut pending = on("XPENDING", group.stream());
    pending.arg(group.name()).arg("0-1").arg("0-1").arg("1");
    let mut trim = on("XTRIM", group.dead());
    trim.arg("MAXLEN").arg("none");
    let mut park = on("ZADD", group.waiting());
    park.arg("none").arg("0-1");
    let mut due = on("ZRANGE", group.waiting());
    due.arg("0").arg("0");
    let mut parked = on("ZSCORE", group.waiting());
    parked.arg("0-1");
    let mut lock = on("SET", group.lock_alone());
    lock.arg("nobody").arg("none");
    let mut clock = on("HGET", group.meta());
    clock.arg(reserved::NOBODY);
    let locked = on("GET", group.lock_alone());
    vec![
        read, ack, claim, pending, range, bury, trim, park, wait, due, parked, lock, locked, clock,
    ]
}
