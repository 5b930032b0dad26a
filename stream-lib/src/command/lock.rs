//! Locks that one process holds at a time, and that lapse by themselves.

use std::time::Duration;

use super::reply::Tokens;
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;

static LOCK: Script = script!(flags: "#!lua flags=allow-oom\n", "lock.lua");

/// Takes a lock, or keeps it, for `time` from now on. Returns whether it is the
/// caller's.
pub(crate) fn hold_lock(wire: &mut Wire, key: &str, token: &str, time: Duration) -> Result<bool> {
    // 0 would release it.
    let time = time.max(Duration::from_millis(1));
    let reply = LOCK.call(&[key]).arg(token).millis(time).run(wire)?;
    Ok(Tokens::new(&reply).int()? == 1)
}

/// Releases a lock, if it is the caller's.
pub(crate) fn release_lock(wire: &mut Wire, key: &str, token: &str) -> Result<()> {
    let reply = LOCK.call(&[key]).arg(token).number(0).run(wire)?;
    Tokens::new(&reply).int().map(drop)
}
