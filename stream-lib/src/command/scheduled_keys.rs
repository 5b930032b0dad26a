//! The idempotency keys of scheduled messages, as stored in their bodies.

use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::schedule_id::ScheduleId;

static TELL: Script = script!("scheduled_keys.lua");

/// The Redis key of each message's idempotency key; `None` for a message without one, and
/// for one that isn't scheduled.
pub(super) fn once_keys(
    wire: &mut Wire,
    keys: &StreamKeys,
    ids: &[ScheduleId],
) -> Result<Vec<Option<Vec<u8>>>> {
    let call = TELL.call(&[&keys.later()]);
    let call = ids
        .iter()
        .fold(call, |call, id| call.shown(&id.in_partition(None)));
    let reply = call.run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? as usize != ids.len() {
        return Err(unexpected("scheduled_keys"));
    }
    ids.iter()
        .map(|_| {
            let key = tokens.bytes()?;
            Ok((!key.is_empty()).then(|| keys.once(key)))
        })
        .collect()
}
