//! Signs of life between the members of a group.

use std::time::Duration;

use super::Group;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;

static BEAT: Script = script!("beat.lua");

/// What a sign of life is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beat {
    /// The server's clock, in milliseconds since 1970.
    pub(crate) server_ms: u64,
    /// The longest lease among the living members of the group.
    pub(crate) lease: Duration,
    /// Dead consumers that were removed.
    pub(crate) removed: Vec<String>,
}

/// Gives a sign of life. With `patience`, removes consumers that hold nothing
/// and have given none for that long.
pub(crate) fn beat(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    lease: Duration,
    patience: Option<Duration>,
) -> Result<Beat> {
    let call = BEAT
        .call(&[group.stream(), group.meta()])
        .arg(group.name())
        .arg(consumer)
        .millis(lease);
    let call = match patience {
        Some(patience) => call.millis(patience),
        None => call.arg(""),
    };
    let reply = call.run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 3 {
        return Err(unexpected("beat"));
    }
    let mut number = || u64::try_from(tokens.int()?).map_err(|_| unexpected("beat"));
    let (server_ms, lease) = (number()?, Duration::from_millis(number()?));
    let removed = (0..tokens.array()?)
        .map(|_| tokens.text().map(str::to_owned))
        .collect::<Result<_>>()?;
    Ok(Beat {
        server_ms,
        lease,
        removed,
    })
}
