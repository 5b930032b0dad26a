//! Locks that one process holds at a time, and that lapse by themselves.

use std::time::Duration;

use super::pack;
use super::reply::{Tokens, checked};
use super::script::{Script, script};
use crate::connection::{Reply, Wire};
use crate::error::Result;

static LOCK: Script = script!(flags: "#!lua flags=allow-oom\n", "lock.lua");

/// Takes a lock, or keeps it, for `time` from now on. Returns whether the caller holds
/// it.
pub(crate) fn hold_lock(wire: &mut Wire, key: &str, token: &str, time: Duration) -> Result<bool> {
    // 0 would release it.
    let time = time.max(Duration::from_millis(1));
    let reply = LOCK.call(&[key]).arg(token).millis(time).run(wire)?;
    Ok(Tokens::new(&reply).int()? == 1)
}

/// Releases a lock, if the caller holds it.
pub(crate) fn release_lock(wire: &mut Wire, key: &str, token: &str) -> Result<()> {
    let reply = LOCK.call(&[key]).arg(token).number(0).run(wire)?;
    Tokens::new(&reply).int().map(drop)
}

/// Takes or keeps several locks, as [`hold_lock`], in one request; or releases them, if
/// `time` is zero. Each has an answer of its own, since their slots may have moved to
/// another server.
pub(crate) fn hold_locks(
    wire: &mut Wire,
    keys: &[&str],
    token: &str,
    time: Duration,
) -> Result<Vec<Result<bool>>> {
    let calls = keys.iter();
    let calls: Vec<_> = calls
        .map(|key| LOCK.call(&[key]).arg(token).millis(time))
        .collect();
    let mut packed = Vec::new();
    for call in &calls {
        call.pack_into(&mut packed);
    }
    let replies = wire.exchange_all(&packed, calls.len())?;
    let mut held = Vec::with_capacity(calls.len());
    for (call, reply) in calls.iter().zip(replies) {
        let reply = if Script::is_missing(reply.as_ref()) {
            call.run(wire)
        } else {
            checked(reply)
        };
        held.push(reply.and_then(|reply| Ok(Tokens::new(&reply).int()? == 1)));
    }
    Ok(held)
}

/// Which of the locks are free (`GET`), in one request. Each has an answer of its own.
pub(crate) fn free_locks(wire: &mut Wire, keys: &[&str]) -> Result<Vec<Result<bool>>> {
    let mut packed = Vec::new();
    for key in keys {
        pack::command(&mut packed, &[b"GET", key.as_bytes()]);
    }
    let is_free = |reply: Reply| Ok(Tokens::new(&checked(reply)?).nil());
    let replies = wire.exchange_all(&packed, keys.len())?;
    Ok(replies.into_iter().map(is_free).collect())
}
