//! Entries that come to a consumer by other ways than a read: due again,
//! abandoned by others, or delivered and never seen.

use std::time::Duration;

use super::Group;
use super::entries::Entries;
use super::mark::Mark;
use super::reply::{Tokens, checked, unexpected};
use super::script::{Call, Script, script};
use crate::connection::{Reply, Wire};
use crate::error::Result;
use crate::message::EntryId;

static CLAIM_DUE: Script = script!(flags: "#!lua flags=allow-oom\n", "claim_due.lua");
static TAKE_OVER: Script = script!(flags: "#!lua flags=allow-oom\n", "take_over.lua");
static GATHER: Script = script!(flags: "#!lua flags=allow-oom\n", "gather.lua");
static RECOVER: Script = script!(flags: "#!lua flags=allow-oom\n", "recover.lua");

/// Entries that this consumer holds now.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) entries: Entries,
    /// How many more were found deleted from the stream, and acknowledged.
    pub(crate) deleted: u64,
    /// The marks that some were parked with.
    pub(crate) marks: Vec<(EntryId, Mark)>,
}

/// The expected times of the server's clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockWindow {
    pub(crate) earliest: u64,
    pub(crate) latest: u64,
}

impl ClockWindow {
    /// No time is expected: nothing is done.
    pub(crate) const NEVER: Self = Self {
        earliest: u64::MAX,
        latest: 0,
    };
}

/// An answer with the time of the server's clock.
#[derive(Debug)]
pub(crate) struct Timed<T> {
    pub(crate) server_ms: u64,
    /// `None` if that time wasn't expected: nothing was done.
    pub(crate) answer: Option<T>,
}

/// The result of a [`ClaimDue`].
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) claimed: Claimed,
    /// When the next entry of `~waiting` is due, if there is one.
    pub(crate) next: Option<Duration>,
    /// How many times due times were moved with the clock.
    pub(crate) moves: u64,
}

/// A claim of entries of `~waiting` that are due.
#[derive(Debug)]
pub(crate) struct ClaimDue<'a> {
    pub(crate) group: &'a Group,
    pub(crate) consumer: &'a str,
    /// The most entries to claim.
    pub(crate) most: usize,
    pub(crate) window: Option<ClockWindow>,
    /// How late an entry may come and still keep its turn.
    pub(crate) late: Duration,
    /// Entries to leave to others.
    pub(crate) leave: &'a [EntryId],
}

impl ClaimDue<'_> {
    /// Claims them by a request of their own.
    pub(crate) fn run(&self, wire: &mut Wire) -> Result<Timed<Due>> {
        due(self.call().run(wire)?)
    }

    /// Packs the request, to go in front of another one.
    pub(super) fn pack_into(&self, packed: &mut Vec<u8>) {
        self.call().pack_into(packed);
    }

    /// Waits for the answer to a request that went in front of another one; `None` if the
    /// server doesn't know the script yet, and has done nothing.
    pub(crate) fn receive(wire: &mut Wire) -> Result<Option<Timed<Due>>> {
        let timeout = wire.response_timeout();
        let reply = wire.receive_owned(timeout)?;
        if Script::is_missing(reply.as_ref()) {
            return Ok(None);
        }
        due(checked(reply)?).map(Some)
    }

    fn call(&self) -> Call<'_> {
        let call = CLAIM_DUE
            .call(&[self.group.stream(), self.group.waiting(), self.group.meta()])
            .arg(self.group.name())
            .arg(self.consumer)
            .number(self.most as u64);
        let call = with_window(call, self.window).millis(self.late);
        with_ids(call, self.leave)
    }
}

fn due(reply: Reply) -> Result<Timed<Due>> {
    let mut tokens = Tokens::new(&reply);
    let Some(server_ms) = timed(&mut tokens, 6)? else {
        return not_now(&reply);
    };
    let next = u64::try_from(tokens.int()?).ok().map(Duration::from_millis);
    let deleted = u64::try_from(tokens.int()?).unwrap_or(0);
    let mut entries = Entries::default();
    entries.push_claimed(&mut tokens)?;
    let moves = u64::try_from(tokens.int()?).unwrap_or(0);
    let marks = (0..tokens.array()? / 2)
        .map(|_| Ok((tokens.entry_id()?, Mark::read(tokens.int()?))))
        .collect::<Result<_>>()?;
    let entries = entries.with_bytes(reply.bytes);
    Ok(Timed {
        server_ms,
        answer: Some(Due {
            claimed: Claimed {
                entries,
                deleted,
                marks,
            },
            next,
            moves,
        }),
    })
}

/// One step of a takeover.
#[derive(Debug, Clone)]
pub(crate) struct TakeOver<'a> {
    /// The consumers that are dead.
    pub(crate) dead: &'a [Vec<u8>],
    /// How long the lock for an entry that runs alone is held.
    pub(crate) lease: Duration,
    /// The least idle time of entries to take.
    pub(crate) idle: Duration,
    /// The last id looked at, or none to begin with the oldest.
    pub(crate) after: Option<EntryId>,
    /// How many entries of each consumer to look at.
    pub(crate) look: usize,
    /// How many to take.
    pub(crate) take: usize,
    /// Deliveries after which an entry is not run again.
    pub(crate) max_deliveries: u32,
    pub(crate) window: Option<ClockWindow>,
    /// Entries to leave to others.
    pub(crate) leave: &'a [EntryId],
}

/// The result of one step of a takeover.
#[derive(Debug, Default)]
pub(crate) struct TakenOver {
    pub(crate) claimed: Claimed,
    /// Claimed entries without deliveries left: for the dead letters.
    pub(crate) spent: Entries,
    /// At most one, on its last delivery. The lock is held for it.
    pub(crate) alone: Entries,
    /// The place to continue; `None` at the end.
    pub(crate) next: Option<EntryId>,
}

/// Takes over entries of dead consumers, the oldest first.
pub(crate) fn take_over(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    step: &TakeOver<'_>,
) -> Result<Timed<TakenOver>> {
    let call = TAKE_OVER
        .call(&[group.stream(), group.lock_alone()])
        .arg(group.name())
        .arg(consumer)
        .millis(step.lease)
        .millis(step.idle)
        .arg(&after(step.after))
        .number(step.look as u64)
        .number(step.take as u64)
        .number(u64::from(step.max_deliveries))
        .arg(consumer);
    let call = with_window(call, step.window).number(step.dead.len() as u64);
    let call = step.dead.iter().fold(call, |call, name| call.bytes(name));
    let reply = with_ids(call, step.leave).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    let Some(server_ms) = timed(&mut tokens, 6)? else {
        return not_now(&reply);
    };
    let next = following(tokens.text()?)?;
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
    Ok(Timed {
        server_ms,
        answer: Some(TakenOver {
            claimed: Claimed {
                entries,
                deleted,
                marks: Vec::new(),
            },
            spent,
            alone,
            next,
        }),
    })
}

/// Leaves entries of `~waiting` whose due times are lost to the takeover, looking at
/// `look` of them after `from`. Returns the place to continue, `None` at the end.
pub(crate) fn gather(
    wire: &mut Wire,
    group: &Group,
    from: Option<EntryId>,
    look: usize,
) -> Result<Option<EntryId>> {
    let reply = GATHER
        .call(&[group.stream(), group.waiting()])
        .arg(group.name())
        .arg(&after(from))
        .number(look as u64)
        .run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 2 {
        return Err(unexpected("gather"));
    }
    following(tokens.text()?)
}

/// Fetches `ids`, which were delivered to `consumer` according to Redis, with their
/// delivery counts.
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

fn after(id: Option<EntryId>) -> String {
    id.map_or_else(|| "-".to_owned(), |id| format!("({id}"))
}

fn following(text: &str) -> Result<Option<EntryId>> {
    let id = text.strip_prefix('(').map(str::parse).transpose();
    id.map_err(|_| unexpected("a script"))
}

fn with_window(call: Call<'_>, window: Option<ClockWindow>) -> Call<'_> {
    match window {
        Some(window) => call.number(window.earliest).number(window.latest),
        None => call.arg("").arg(""),
    }
}

/// The server's time at the head of an answer with `whole` parts; `None` if the answer
/// has nothing else.
fn timed(tokens: &mut Tokens<'_>, whole: u32) -> Result<Option<u64>> {
    match tokens.array()? {
        1 => Ok(None),
        parts if parts == whole => server_ms(tokens).map(Some),
        _ => Err(unexpected("a script")),
    }
}

/// The answer of a script that didn't expect the time of the server's clock.
fn not_now<T>(reply: &Reply) -> Result<Timed<T>> {
    let mut tokens = Tokens::new(reply);
    tokens.array()?;
    Ok(Timed {
        server_ms: server_ms(&mut tokens)?,
        answer: None,
    })
}

fn server_ms(tokens: &mut Tokens<'_>) -> Result<u64> {
    u64::try_from(tokens.int()?).map_err(|_| unexpected("a time"))
}
