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

static REDRIVE: Script = script!("part_redrive.lua", "redrive.lua");
static REDRIVE_OLDEST: Script = script!("part_redrive.lua", "redrive_oldest.lua");
static REMOVE: Script = script!("remove_dead.lua");
static NEWEST: Script = script!("newest_dead.lua");

/// About how many bytes one script moves: a server is busy for milliseconds.
const MOVED: u64 = 1 << 20;

/// The outcome for one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redriven {
    /// It is in the stream again.
    Again,
    /// There is no such dead letter.
    Gone,
    /// Its body was too large to be kept: there is nothing to put back.
    Bare,
    /// It was not reached, and must be requested again.
    Later,
}

/// Up to `most` dead letters after `after`, the oldest first (`XRANGE`).
pub(crate) fn dead_letters(
    wire: &mut Wire,
    keys: &StreamKeys,
    after: Option<EntryId>,
    most: usize,
) -> Result<Entries> {
    let (dead, after, most) = (keys.dead(), from(after), most.to_string());
    let command = ["XRANGE", &dead, &after, "+", "COUNT", &most];
    let mut packed = Vec::with_capacity(128);
    pack::command(&mut packed, &command.map(str::as_bytes));
    Entries::from_range(checked(wire.exchange(&packed)?)?)
}

/// The start of a range.
fn from(after: Option<EntryId>) -> String {
    after.map_or_else(|| "-".to_owned(), |id| format!("({id}"))
}

/// The id of the newest dead letter.
pub(crate) fn newest_dead_letter(wire: &mut Wire, keys: &StreamKeys) -> Result<Option<EntryId>> {
    let reply = NEWEST.call(&[&keys.dead()]).run(wire)?;
    match Tokens::new(&reply).bytes()? {
        b"" => Ok(None),
        id => parsed(id).map(Some),
    }
}

fn parsed(id: &[u8]) -> Result<EntryId> {
    EntryId::parse(id).map_err(|_| unexpected("an entry id"))
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
    counted(reply::int(wire.exchange(&packed)?.as_ref())?)
}

/// Removes the oldest dead letters up to `last`, at most `most`. Returns how many,
/// and whether there may be more.
pub(crate) fn remove_dead_letters_until(
    wire: &mut Wire,
    keys: &StreamKeys,
    last: EntryId,
    most: usize,
) -> Result<(usize, bool)> {
    let call = REMOVE.call(&[&keys.dead()]).shown(&last);
    let reply = call.number(most as u64).number(MOVED).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 2 {
        return Err(unexpected("remove_dead"));
    }
    Ok((counted(tokens.int()?)?, tokens.int()? == 1))
}

fn counted(count: i64) -> Result<usize> {
    usize::try_from(count).map_err(|_| unexpected("a count"))
}

/// A change of one field: its name, and its new value, or `None` for no such field.
pub(crate) type FieldEdit = (Vec<u8>, Option<Vec<u8>>);

/// Puts dead letters back into the stream, for the group that failed on them, with some
/// fields changed. One answer for each id; at least one isn't [`Redriven::Later`].
pub(crate) fn redrive(
    wire: &mut Wire,
    keys: &StreamKeys,
    ids: &[EntryId],
    edits: &[FieldEdit],
) -> Result<Vec<Redriven>> {
    let call = REDRIVE.call(&[keys.stream(), &keys.dead()]).number(MOVED);
    let call = call.number(edits.len() as u64);
    let call = edits.iter().fold(call, |call, (name, value)| {
        let call = call
            .bytes(name)
            .arg(if value.is_some() { "set" } else { "" });
        call.bytes(value.as_deref().unwrap_or_default())
    });
    let reply = with_ids(call, ids).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? as usize != ids.len() {
        return Err(unexpected("redrive"));
    }
    ids.iter()
        .map(|_| match tokens.bytes()? {
            b"gone" => Ok(Redriven::Gone),
            b"bare" => Ok(Redriven::Bare),
            b"later" => Ok(Redriven::Later),
            id => parsed(id).map(|_| Redriven::Again),
        })
        .collect()
}

/// One step through the oldest dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RedriveStep {
    /// How many were put back.
    pub(crate) redriven: usize,
    /// How many stay, since their body was too large to be kept.
    pub(crate) bare: usize,
    /// The letter to continue after; `None` at the end.
    pub(crate) next: Option<EntryId>,
}

/// Puts dead letters after `after` up to `last` back, at most `most`.
pub(crate) fn redrive_oldest(
    wire: &mut Wire,
    keys: &StreamKeys,
    after: Option<EntryId>,
    last: EntryId,
    most: usize,
) -> Result<RedriveStep> {
    let reply = REDRIVE_OLDEST
        .call(&[keys.stream(), &keys.dead()])
        .arg(&from(after))
        .shown(&last)
        .number(most as u64)
        .number(MOVED)
        .run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 3 {
        return Err(unexpected("redrive_oldest"));
    }
    let next = match tokens.bytes()? {
        [b'(', id @ ..] => Some(parsed(id)?),
        _ => None,
    };
    Ok(RedriveStep {
        next,
        redriven: counted(tokens.int()?)?,
        bare: counted(tokens.int()?)?,
    })
}
