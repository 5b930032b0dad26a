//! Dead letters: looked at, put back, and removed.

use super::claim::with_ids;
use super::entries::Entries;
use super::pack;
use super::reply::{self, Tokens, checked, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::EntryId;

static REDRIVE: Script = script!("redrive.lua");
static REMOVE: Script = script!("remove_dead.lua");

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

/// Removes dead letters (`XDEL`). Returns how many there were.
pub(crate) fn remove_dead_letters(
    wire: &mut Wire,
    keys: &StreamKeys,
    ids: &[EntryId],
) -> Result<usize> {
    let texts: Vec<_> = ids.iter().map(EntryId::to_string).collect();
    let dead = keys.dead();
    let mut command = vec![&b"XDEL"[..], dead.as_bytes()];
    command.extend(texts.iter().map(String::as_bytes));
    let mut packed = Vec::with_capacity(64 + 32 * ids.len());
    pack::command(&mut packed, &command);
    wire.send(&packed, 1)?;
    let timeout = wire.response_timeout();
    removed(reply::int(wire.receive(timeout)?)?)
}

/// Removes the oldest dead letters up to `last`, at most `most`. Returns how many
/// there were.
pub(crate) fn remove_dead_letters_until(
    wire: &mut Wire,
    keys: &StreamKeys,
    last: EntryId,
    most: usize,
) -> Result<usize> {
    let call = REMOVE.call(&[&keys.dead()]).shown(&last);
    let reply = call.number(most as u64).run(wire)?;
    removed(Tokens::new(&reply).int()?)
}

fn removed(count: i64) -> Result<usize> {
    usize::try_from(count).map_err(|_| unexpected("XDEL"))
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
