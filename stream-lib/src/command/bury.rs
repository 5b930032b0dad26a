//! Burials: entries on their way to the dead letters.

use std::error::Error as _;
use std::time::Duration;

use super::Group;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use super::settle::{Found, found};
use crate::connection::{Reply, ServerError, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::message::EntryId;

static BURY: Script = script!("bury.lua");

/// An entry on its way to the dead letters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Burial<'a> {
    pub(crate) id: EntryId,
    pub(crate) reason: &'a str,
    pub(crate) error: &'a str,
}

/// The bounds of the dead letters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeadBounds {
    /// The most that are kept.
    pub(crate) length: u64,
    /// How long one is kept.
    pub(crate) age: Duration,
}

/// The outcome of a request to bury entries.
#[derive(Debug, Default)]
pub(crate) struct Burials {
    /// One for each entry; `None` if it was not reached.
    pub(crate) outcomes: Vec<Option<Found>>,
    /// How many old dead letters were removed for the bounds.
    pub(crate) removed: u64,
    /// Redis's refusal of the first entry that was not reached, if that was the reason.
    /// The connection is still good.
    pub(crate) refused: Option<Error>,
}

/// About how many bytes of entries one script copies.
const COPY: u64 = 1 << 20;

/// Moves entries that `consumer` holds to the dead letters, in their order and
/// as many as one script may: at least one is reached, unless it is refused.
pub(crate) fn bury(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    bounds: DeadBounds,
    burials: &[Burial<'_>],
) -> Result<Burials> {
    let mut call = BURY
        .call(&[group.stream(), group.dead(), group.waiting()])
        .arg(group.name())
        .arg(consumer)
        .number(bounds.length)
        .millis(bounds.age)
        .number(COPY);
    for burial in burials {
        call = call.shown(&burial.id).arg(burial.reason).arg(burial.error);
    }
    match call.run(wire) {
        Ok(reply) => read(&reply, burials.len()),
        Err(e) if is_about_the_entries(&e) => Ok(Burials {
            outcomes: vec![None; burials.len()],
            removed: 0,
            refused: Some(e),
        }),
        Err(e) => Err(e),
    }
}

fn read(reply: &Reply, expected: usize) -> Result<Burials> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 3 || tokens.array()? as usize != expected {
        return Err(unexpected("bury"));
    }
    let outcomes = (0..expected).map(|_| match tokens.int()? {
        4 => Ok(None),
        outcome => found(outcome).map(Some),
    });
    let outcomes = outcomes.collect::<Result<_>>()?;
    let removed = u64::try_from(tokens.int()?).unwrap_or(0);
    let refused = tokens.bytes()?;
    Ok(Burials {
        outcomes,
        removed,
        refused: (!refused.is_empty()).then(|| ServerError::new(refused).into_error()),
    })
}

/// Whether Redis serves, but has no memory for copies, or refuses this one.
fn is_about_the_entries(error: &Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let is_oom = source.is_some_and(|source: &ServerError| source.code() == "OOM");
    is_oom || matches!(error.kind(), ErrorKind::Server | ErrorKind::Encode)
}
