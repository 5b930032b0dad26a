//! Adding by script: to the stream or its backup stream, and only once.

use std::time::Duration;

use super::Outgoing;
use super::reply::{Tokens, unexpected};
use super::script::{Call, Script, script};
use super::wait::{Wait, Waited, run_and_wait};
use crate::config::{BackupStreamConfig, StreamConfig};
use crate::connection::{Deadline, ReplyRef, ServerError, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::EntryId;
use crate::message::schedule_id::ScheduleId;

static ROUTE: Script = script!(
    "part_plain.lua",
    "part_room.lua",
    "part_once.lua",
    "route.lua"
);
static ADD_ONCE: Script = script!("part_once.lua", "add_once.lua");

/// The entry that a script made or found for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) id: EntryId,
    /// It was put into the backup stream.
    pub(crate) in_backup: bool,
    /// It is the first entry of the message's key, from an earlier add.
    pub(crate) is_first: bool,
    /// The first message of the key was scheduled; there is no entry.
    pub(crate) scheduled: Option<ScheduleId>,
}

impl Placed {
    /// The same, for an answer of this partition.
    pub(crate) fn in_partition(mut self, partition: Option<u16>) -> Self {
        self.scheduled = self.scheduled.map(|id| id.in_partition(partition));
        self
    }
}

/// The settings that decide where messages go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routing<'a> {
    pub(super) keys: &'a StreamKeys,
    /// The backlog at which messages go to the backup stream.
    pub(super) capacity: u64,
    /// The length at which the backup stream is full.
    pub(super) max_backup: Option<u64>,
    pub(super) once: Once,
}

/// How idempotency keys are remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Once {
    pub(crate) window: Duration,
    /// A repeat writes its key again, so that a later `WAIT` has something to wait for.
    pub(crate) rewrites: bool,
}

impl<'a> Routing<'a> {
    pub(crate) fn new(keys: &'a StreamKeys, config: &BackupStreamConfig, capacity: u64) -> Self {
        Self {
            keys,
            capacity,
            max_backup: config.max_backup_length,
            once: Once::of(&config.stream),
        }
    }
}

impl Once {
    pub(crate) fn of(config: &StreamConfig) -> Self {
        Self {
            window: config.idempotency_window,
            rewrites: config.replicas.is_some(),
        }
    }
}

/// Adds every message of a batch to the stream or its backup stream, in one round trip,
/// and waits for the replicas if asked for.
///
/// The outer error concerns the batch: nothing was written, unless its kind is
/// `OutcomeUnknown`. Each inner error is a message that was not written.
pub(crate) fn route(
    wire: &mut Wire,
    routing: Routing<'_>,
    batch: &Outgoing,
    wait: Option<Wait>,
) -> Result<(Vec<Result<Placed>>, Waited)> {
    run(wire, &route_call(routing, batch), batch, wait)
}

/// Packs the request of [`route`]; [`receive_placed`] reads the answer.
pub(crate) fn pack_route(out: &mut Vec<u8>, routing: Routing<'_>, batch: &Outgoing) {
    route_call(routing, batch).pack_into(out);
}

/// Adds every message of a batch to the stream, those with a key only once
/// within a window; waits and fails as [`route`].
pub(crate) fn add_once(
    wire: &mut Wire,
    keys: &StreamKeys,
    once: Once,
    batch: &Outgoing,
    wait: Option<Wait>,
) -> Result<(Vec<Result<Placed>>, Waited)> {
    run(wire, &once_call(keys, once, batch), batch, wait)
}

/// Packs the request of [`add_once`]; [`receive_placed`] reads the answer.
pub(crate) fn pack_add_once(out: &mut Vec<u8>, keys: &StreamKeys, once: Once, batch: &Outgoing) {
    once_call(keys, once, batch).pack_into(out);
}

/// Reads the answer to a packed call for `count` messages; `None` if the server doesn't
/// know the script, and has done nothing.
pub(crate) fn receive_placed(
    wire: &mut Wire,
    deadline: &mut Deadline,
    count: usize,
) -> Result<Option<Vec<Result<Placed>>>> {
    let reply = wire.receive_within(deadline)?;
    if Script::is_missing(reply) {
        return Ok(None);
    }
    if let Some(line) = reply.error() {
        return Err(ServerError::new(line).into_error());
    }
    placed(reply, count).map(Some)
}

fn run(
    wire: &mut Wire,
    call: &Call<'_>,
    batch: &Outgoing,
    wait: Option<Wait>,
) -> Result<(Vec<Result<Placed>>, Waited)> {
    let (reply, waited) = run_and_wait(call, wire, wait)?;
    Ok((placed(reply.as_ref(), batch.len())?, waited))
}

fn route_call<'a>(routing: Routing<'_>, batch: &'a Outgoing) -> Call<'a> {
    let (keys, backup) = (routing.keys, routing.keys.backup());
    let each = values_of_each(batch);
    let most_in_backup = routing.max_backup.map_or(-1, u64::cast_signed);
    let Once { window, rewrites } = routing.once;
    let (window, rewrites) = (window.as_millis(), u8::from(rewrites));
    let call = with_once_keys(ROUTE.call(&[keys.stream(), &backup]), keys, batch)
        .number(routing.capacity)
        .number(each.unwrap_or(0) as u64)
        .shown(&format_args!(
            "{most_in_backup} {window} {} {rewrites}",
            batch.len()
        ));
    match each {
        Some(values) => call.packed(values * batch.len(), batch.fields()),
        None => with_messages(call, batch),
    }
}

fn once_call<'a>(keys: &StreamKeys, once: Once, batch: &'a Outgoing) -> Call<'a> {
    let call = with_once_keys(ADD_ONCE.call(&[keys.stream()]), keys, batch)
        .millis(once.window)
        .number(batch.len() as u64)
        .number(u64::from(once.rewrites));
    with_messages(call, batch)
}

/// The number of values of each message, if all have the same number and no key.
fn values_of_each(batch: &Outgoing) -> Option<usize> {
    let first = batch.iter().next()?.count;
    batch
        .iter()
        .all(|message| message.count == first && message.key.is_none())
        .then_some(2 * first)
}

pub(super) fn with_once_keys<'a>(call: Call<'a>, keys: &StreamKeys, batch: &Outgoing) -> Call<'a> {
    batch
        .iter()
        .filter_map(|message| message.key)
        .fold(call, |call, key| call.key(&keys.once(key)))
}

fn with_messages<'a>(mut call: Call<'a>, batch: &'a Outgoing) -> Call<'a> {
    let mut keys = 0;
    let mut values = 0;
    for message in batch.iter() {
        values += 2 * message.count;
        call = call.number(2 * message.count as u64);
        call = match message.key {
            Some(_) => {
                keys += 1;
                call.number(keys)
            }
            None => call.number(0),
        };
    }
    call.packed(values, batch.fields())
}

fn placed(reply: ReplyRef<'_>, expected: usize) -> Result<Vec<Result<Placed>>> {
    if expected == 1
        && let Some(text) = reply.text()
    {
        return Ok(vec![place(text)]);
    }
    let mut tokens = Tokens::of(reply);
    if tokens.array()? as usize != expected {
        return Err(unexpected("a script"));
    }
    (0..expected)
        .map(|_| {
            if let Some(line) = tokens.error() {
                return Ok(Err(refusal(line)));
            }
            Ok(place(tokens.bytes()?))
        })
        .collect()
}

/// Reads the answer to one message. It fails for this message alone: others of
/// its batch may have been written.
pub(super) fn place(text: &[u8]) -> Result<Placed> {
    let (is_first, text) = split_mark(text, b"d");
    if let (true, Some(id)) = (is_first, text.strip_prefix(b"s")) {
        let id = ScheduleId::parse(id).map_err(|_| no_id_under_its_key())?;
        return Ok(Placed {
            id: EntryId::MIN,
            in_backup: false,
            is_first,
            scheduled: Some(id),
        });
    }
    let (in_backup, id) = split_mark(text, b"b");
    let id = EntryId::parse(id).map_err(|_| {
        if is_first {
            no_id_under_its_key()
        } else {
            unexpected("an entry id")
        }
    })?;
    Ok(Placed {
        id,
        in_backup,
        is_first,
        scheduled: None,
    })
}

fn split_mark<'t>(text: &'t [u8], mark: &[u8]) -> (bool, &'t [u8]) {
    match text.strip_prefix(mark) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

/// The error of a message that was not written because another program has written the
/// value under its idempotency key.
fn no_id_under_its_key() -> Error {
    Error::new(
        ErrorKind::WrongType,
        "the message was not written: the value under its idempotency key is not the id of \
         an entry, so another program must have written it; delete that key",
    )
}

/// The error of a message that was not written.
pub(super) fn refusal(line: &[u8]) -> Error {
    let error = ServerError::new(line);
    match error.line().strip_prefix("FULL ") {
        // From the library's own script.
        Some(text) => Error::new(ErrorKind::Full, text),
        None => error.into_error(),
    }
}
