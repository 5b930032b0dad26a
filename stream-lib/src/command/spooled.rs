//! Adding messages that have a number in a spool, each of them once.

use std::time::Duration;

use super::Outgoing;
use super::reply::{Tokens, int, unexpected};
use super::route::{Placed, Routing, place, refusal, with_once_keys};
use super::script::{Script, script};
use super::wait::{Wait, Waited, run_and_wait};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;

static ROUTE_SPOOLED: Script = script!("part_room.lua", "part_once.lua", "route_spooled.lua");
static REGISTER: Script = script!("register_spool.lua");
static FORGET: Script = script!("forget_spool.lua");

/// How many marks of other spools are looked at when a spool is registered.
const SAMPLE: u64 = 32;

/// The outcome for a numbered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpooledAdd {
    Now(Placed),
    /// An earlier try has added it.
    Before,
}

/// A spool as Redis knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpoolMark<'a> {
    /// The name of the spool.
    pub(crate) spool: &'a str,
    /// How long Redis remembers its mark without use.
    pub(crate) memory: Duration,
}

/// Registers a spool, so that [`route_spooled`] takes its messages. The number `settled`,
/// with 20 digits, and all below it count as settled. Returns the highest number taken
/// from the spool before; empty if there was none.
pub(crate) fn register_spool(
    wire: &mut Wire,
    keys: &StreamKeys,
    mark: SpoolMark<'_>,
    settled: &str,
) -> Result<String> {
    let reply = REGISTER
        .call(&[&keys.spools(), &keys.meta()])
        .arg(mark.spool)
        .arg(settled)
        .millis(mark.memory)
        .number(SAMPLE)
        .run(wire)?;
    Tokens::new(&reply).text().map(str::to_owned)
}

/// Removes the mark of a spool that has nothing left to send, unless a number above
/// `last` was taken from it: then another life of the spool goes on. Returns whether it
/// was removed.
pub(crate) fn forget_spool(
    wire: &mut Wire,
    keys: &StreamKeys,
    spool: &str,
    last: &str,
) -> Result<bool> {
    let call = FORGET.call(&[&keys.spools()]).arg(spool).arg(last);
    int(call.run(wire)?.as_ref()).map(|removed| removed == 1)
}

/// Adds every message of a batch as [`route`](super::route()) does, unless a message of
/// the spool with its number or a higher one has been added before. Numbers have 20
/// digits, and rise. `None` if the spool isn't registered: nothing was added.
///
/// The outer error is as for [`route`](super::route()). If the last answer is an error,
/// there are fewer answers than messages, and later messages were not tried. An error
/// before the last counts as taken. A message that was added before writes the mark
/// again, so that a `WAIT` waits for it.
pub(crate) fn route_spooled(
    wire: &mut Wire,
    routing: Routing<'_>,
    mark: SpoolMark<'_>,
    numbers: &[String],
    batch: &Outgoing,
    wait: Option<Wait>,
) -> Result<Option<(Vec<Result<SpooledAdd>>, Waited)>> {
    let (keys, backup, marks) = (routing.keys, routing.keys.backup(), routing.keys.spools());
    let call = ROUTE_SPOOLED.call(&[keys.stream(), &backup, &marks]);
    let mut call = with_once_keys(call, keys, batch)
        .number(routing.capacity)
        .shown(&routing.max_backup.map_or(-1, u64::cast_signed))
        .millis(routing.once.window)
        .number(batch.len() as u64)
        .arg(mark.spool)
        .millis(mark.memory)
        .number(u64::from(routing.once.rewrites));
    let (mut values, mut with_key) = (0, 0);
    for (message, number) in batch.iter().zip(numbers) {
        values += 2 * message.count;
        with_key += u64::from(message.key.is_some());
        let key = if message.key.is_some() { with_key } else { 0 };
        call = call
            .number(2 * message.count as u64)
            .number(key)
            .arg(number);
    }
    let call = call.packed(values, batch.fields());
    let (reply, waited) = run_and_wait(&call, wire, wait)?;
    let mut tokens = Tokens::new(&reply);
    let answers = tokens.array()? as usize;
    if answers > batch.len() {
        return Err(unexpected("a script"));
    }
    let mut placed = Vec::with_capacity(answers);
    for _ in 0..answers {
        if let Some(line) = tokens.error() {
            placed.push(Err(refusal(line)));
            continue;
        }
        placed.push(match tokens.bytes()? {
            b"?" => return Ok(None),
            b"=" => Ok(SpooledAdd::Before),
            text => place(text).map(SpooledAdd::Now),
        });
    }
    Ok(Some((placed, waited)))
}
