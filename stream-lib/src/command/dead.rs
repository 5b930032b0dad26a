//! Dead letters: looked at, and put back.

use super::claim::with_ids;
use super::entries::Entries;
use super::pack;
use super::reply::{Tokens, checked, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::EntryId;

static REDRIVE: Script = script!("redrive.lua");

/// What became of one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redriven {
    /// It is in the stream again, under this id.
    As(EntryId),
    /// There is no such dead letter.
    Gone,
    /// Its body was too large to be kept: there is nothing to put back.
    Bare,
}

/// Up to `most` dead letters from behind `after` on, the oldest first
/// (`XRANGE`).
pub(crate) fn dead_letters(
    wire: &mut Wire,
    keys: &StreamKeys,
    after: Option<EntryId>,
    most: usize,
) -> Result<Entries> {
    let after = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
    range(wire, ["XRANGE", &keys.dead(), &after, "+"], most)
}

/// The id of the newest dead letter (`XREVRANGE`).
pub(crate) fn newest_dead_letter(wire: &mut Wire, keys: &StreamKeys) -> Result<Option<EntryId>> {
    let last = range(wire, ["XREVRANGE", &keys.dead(), "+", "-"], 1)?;
    Ok((!last.is_empty()).then(|| last.id(0)))
}

fn range(wire: &mut Wire, command: [&str; 4], most: usize) -> Result<Entries> {
    let most = most.to_string();
    let [name, key, from, to] = command.map(str::as_bytes);
    let mut packed = Vec::with_capacity(128);
    pack::command(
        &mut packed,
        &[name, key, from, to, b"COUNT", most.as_bytes()],
    );
    wire.send(&packed, 1)?;
    let timeout = wire.response_timeout();
    Entries::from_range(checked(wire.receive_owned(timeout)?)?)
}

/// Puts dead letters back into the stream, for the group that failed on them.
/// One answer for each id.
pub(crate) fn redrive(
    wire: &mut Wire,
    keys: &StreamKeys,
    ids: &[EntryId],
) -> Result<Vec<Redriven>> {
    let dead = keys.dead();
    let call = REDRIVE.call(&[keys.stream(), &dead]);
    let reply = with_ids(call, ids).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? as usize != ids.len() {
        return Err(unexpected("redrive"));
    }
    ids.iter()
        .map(|_| match tokens.bytes()? {
            b"gone" => Ok(Redriven::Gone),
            b"bare" => Ok(Redriven::Bare),
            id => EntryId::parse(id)
                .map(Redriven::As)
                .map_err(|_| unexpected("redrive")),
        })
        .collect()
}
