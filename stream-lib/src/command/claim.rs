//! Entries that come to a consumer by other ways than a read: due again,
//! abandoned by others, or delivered and never seen.

use std::time::Duration;

use super::Group;
use super::entries::Entries;
use super::reply::{Tokens, unexpected};
use super::script::{Call, Script, script};
use crate::connection::Wire;
use crate::error::Result;
use crate::message::EntryId;

static CLAIM_DUE: Script = script!("claim_due.lua");
static TAKE_OVER: Script = script!("take_over.lua");
static RECOVER: Script = script!("recover.lua");

/// Entries that are this consumer's now.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) entries: Entries,
    /// How many more were found deleted from the stream, and acknowledged.
    pub(crate) deleted: u64,
}

/// What [`claim_due`] brought.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) claimed: Claimed,
    /// When the next entry of `~waiting` is due, if there is one.
    pub(crate) next: Option<Duration>,
}

/// Claims at most `most` entries of `~waiting` that are due.
pub(crate) fn claim_due(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    most: usize,
) -> Result<Due> {
    let reply = CLAIM_DUE
        .call(&[group.stream(), group.waiting()])
        .arg(group.name())
        .arg(consumer)
        .number(most as u64)
        .run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 3 {
        return Err(unexpected("claim_due"));
    }
    let next = u64::try_from(tokens.int()?).ok().map(Duration::from_millis);
    let deleted = u64::try_from(tokens.int()?).unwrap_or(0);
    let mut entries = Entries::default();
    entries.push_claimed(&mut tokens)?;
    let entries = entries.with_bytes(reply.bytes);
    Ok(Due {
        claimed: Claimed { entries, deleted },
        next,
    })
}

/// One step of a takeover.
#[derive(Debug, Clone)]
pub(crate) struct TakeOver {
    /// Only what has been idle for longer.
    pub(crate) lease: Duration,
    /// The last id looked at, or none to begin with the oldest.
    pub(crate) after: Option<EntryId>,
    /// How many to look at.
    pub(crate) look: usize,
    /// How many to take.
    pub(crate) take: usize,
    /// Deliveries after which an entry is not run again.
    pub(crate) max_deliveries: u32,
    /// Take at most one entry on its last delivery, with the lock for it.
    pub(crate) alone: bool,
}

/// What one step of a takeover brought.
#[derive(Debug, Default)]
pub(crate) struct TakenOver {
    pub(crate) claimed: Claimed,
    /// Claimed, with no delivery left: for the dead letters.
    pub(crate) spent: Entries,
    /// At most one, on its last delivery. The lock is held for it.
    pub(crate) alone: Entries,
    /// Where to go on; `None` at the end.
    pub(crate) next: Option<EntryId>,
}

/// Takes over entries whose consumer let its lease lapse, the oldest first.
pub(crate) fn take_over(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    step: &TakeOver,
) -> Result<TakenOver> {
    let after = step
        .after
        .map_or_else(|| "-".to_owned(), |id| format!("({id}"));
    let reply = TAKE_OVER
        .call(&[group.stream(), group.waiting(), group.lock_alone()])
        .arg(group.name())
        .arg(consumer)
        .millis(step.lease)
        .arg(&after)
        .number(step.look as u64)
        .number(step.take as u64)
        .number(u64::from(step.max_deliveries))
        .arg(if step.alone { consumer } else { "" })
        .run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 5 {
        return Err(unexpected("take_over"));
    }
    let next = tokens.text()?;
    let next = match next.strip_prefix('(') {
        Some(id) => Some(id.parse().map_err(|_| unexpected("take_over"))?),
        None => None,
    };
    let deleted = u64::try_from(tokens.int()?).unwrap_or(0);
    let mut entries = Entries::default();
    entries.push_claimed(&mut tokens)?;
    let mut spent = Entries::default();
    spent.push_ids(&mut tokens)?;
    let mut alone = Entries::default();
    alone.push_claimed(&mut tokens)?;
    if !alone.is_empty() {
        alone = alone.with_bytes(reply.bytes.clone());
    }
    let entries = entries.with_bytes(reply.bytes);
    Ok(TakenOver {
        claimed: Claimed { entries, deleted },
        spent,
        alone,
        next,
    })
}

/// Fetches `ids`, which Redis has as delivered to `consumer`, with the
/// delivery counts they have.
pub(crate) fn recover(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    ids: &[EntryId],
) -> Result<Entries> {
    let reply = with_ids(
        RECOVER
            .call(&[group.stream()])
            .arg(group.name())
            .arg(consumer),
        ids,
    )
    .run(wire)?;
    let mut entries = Entries::default();
    entries.push_claimed(&mut Tokens::new(&reply))?;
    Ok(entries.with_bytes(reply.bytes))
}

/// Appends ids as arguments.
pub(super) fn with_ids<'a>(call: Call<'a>, ids: &[EntryId]) -> Call<'a> {
    ids.iter().fold(call, Call::shown)
}
