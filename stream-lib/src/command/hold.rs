//! Holds on groups: nothing is read for a held group.

use std::time::Duration;

use redis::cmd;

use super::Group;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::{Wire, from_redis};
use crate::error::Result;

static HOLD: Script = script!(flags: "#!lua flags=allow-oom\n", "hold.lua");

/// A group's hold, as stored in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupHold {
    /// In milliseconds since 1970, by the server's clock.
    pub(crate) until_ms: u64,
    pub(crate) why: String,
}

impl GroupHold {
    /// Reads the value of the key; `None` for no value, and for an invalid one.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let (until, why) = text.split_once(' ')?;
        Some(Self {
            until_ms: until.parse().ok()?,
            why: why.to_owned(),
        })
    }
}

/// Holds a group until a time of the server's clock, replacing an existing hold. A time
/// in the past leaves none.
pub(crate) fn hold(wire: &mut Wire, group: &Group, until_ms: u64, why: &str) -> Result<()> {
    let call = HOLD.call(&[group.hold()]).number(until_ms);
    call.arg(why).arg("").run(wire).map(drop)
}

/// Holds a group for a time from now on, unless it is held for longer. Returns the
/// server's time, in milliseconds since 1970, and the hold that applies.
pub(crate) fn hold_for(
    wire: &mut Wire,
    group: &Group,
    time: Duration,
    why: &str,
) -> Result<(u64, Option<GroupHold>)> {
    let reply = HOLD
        .call(&[group.hold()])
        .shown(&format_args!("+{}", time.as_millis()))
        .arg(why)
        .arg("longest")
        .run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 2 {
        return Err(unexpected("hold"));
    }
    let server_ms = u64::try_from(tokens.int()?).map_err(|_| unexpected("hold"))?;
    Ok((server_ms, GroupHold::parse(tokens.bytes()?)))
}

/// Ends a hold (`DEL`). Returns whether there was one.
pub(crate) fn release(wire: &mut Wire, group: &Group) -> Result<bool> {
    let removed: u64 = cmd("DEL")
        .arg(group.hold())
        .query(wire)
        .map_err(from_redis)?;
    Ok(removed > 0)
}

/// The hold of a group, if it is held (`GET`).
pub(crate) fn held(wire: &mut Wire, group: &Group) -> Result<Option<GroupHold>> {
    let text: Option<Vec<u8>> = cmd("GET")
        .arg(group.hold())
        .query(wire)
        .map_err(from_redis)?;
    Ok(text.and_then(|text| GroupHold::parse(&text)))
}
