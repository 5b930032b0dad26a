//! Scheduled messages: added, listed, and moved to the stream when they are due.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::body::body_of;
use super::outgoing::Encoded;
use super::pack;
use super::reply::{Tokens, checked, int, unexpected};
use super::route::{Once, Placed, place, refusal};
use super::scheduled_keys::once_keys;
use super::script::{Script, script};
use super::wait::{Wait, Waited, run_and_wait};
use crate::config::{Delay, Retention, WhenTaken};
use crate::connection::{Reply, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::schedule_id::ScheduleId;

static LATER: Script = script!("part_once.lua", "later.lua");
static PROMOTE: Script = script!(
    flags: "#!lua flags=allow-oom\n",
    "part_room.lua",
    "promote.lua"
);
static CANCEL: Script = script!("cancel.lua");
static RESCHEDULE: Script = script!("reschedule.lua");
static LIST: Script = script!("scheduled.lua");

/// How many messages one script moves at most, and about how many bytes: Redis is
/// busy for a few milliseconds.
const MOST: u64 = 100;
const PORTION: u64 = 1 << 20;

/// A message to schedule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Later<'a> {
    pub(crate) keys: &'a StreamKeys,
    pub(crate) when: Delay,
    /// A token of the call; a repeat of the call has the same.
    pub(crate) token: &'a str,
    pub(crate) unique: Option<(&'a str, WhenTaken)>,
    pub(crate) once: Once,
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheduling {
    pub(crate) outcome: ScheduleOutcome,
    /// The time until the scheduled message is due.
    pub(crate) wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScheduleOutcome {
    /// It is scheduled, or one with its unique key.
    Scheduled(ScheduleId),
    /// One with its idempotency key was scheduled or added before.
    Once(Placed),
    /// The message that holds its unique key.
    Refused(ScheduleId),
}

impl Later<'_> {
    /// Schedules a message, and waits for the replicas if asked for.
    pub(crate) fn schedule(
        &self,
        wire: &mut Wire,
        message: Encoded<'_>,
        wait: Option<Wait>,
    ) -> Result<(Scheduling, Waited)> {
        let keys = self.keys;
        let call = LATER.call(&[&keys.due(), &keys.later(), &keys.unique(), &keys.meta()]);
        let call = match message.key {
            Some(key) => call.key(&keys.once(key)),
            None => call,
        };
        let (name, choice) = match self.unique {
            None => ("", "keep"),
            Some((name, WhenTaken::Keep)) => (name, "keep"),
            Some((name, WhenTaken::Replace)) => (name, "replace"),
            Some((name, WhenTaken::Refuse)) => (name, "refuse"),
        };
        let call = call
            .shown(&self.when)
            .arg(self.token)
            .arg(name)
            .arg(choice)
            .millis(self.once.window)
            .number(u64::from(self.once.rewrites))
            .bytes(&body_of(message));
        let (reply, waited) = run_and_wait(&call, wire, wait)?;
        let mut tokens = Tokens::new(&reply);
        if tokens.array()? != 4 {
            return Err(unexpected("later"));
        }
        let (state, id) = (tokens.bytes()?, tokens.bytes()?);
        let outcome = match state {
            b"once" => ScheduleOutcome::Once(place(id)?),
            b"refused" => ScheduleOutcome::Refused(id_of(id)?),
            _ => ScheduleOutcome::Scheduled(id_of(id)?),
        };
        let (at, now) = (tokens.int()?, tokens.int()?);
        Ok((
            Scheduling {
                outcome,
                wait: millis(at.saturating_sub(now)),
            },
            waited,
        ))
    }
}

/// The state of scheduled messages, before or after a move.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promoted {
    /// The time until the next one is due; `None` if there is none.
    pub(crate) next: Option<Duration>,
    /// How many were moved.
    pub(crate) moved: u64,
    /// How many of these went to the backup stream.
    pub(crate) to_backup: u64,
    /// The error of Redis or the script that ended the move.
    pub(crate) refused: Option<Error>,
    /// Messages with an unreadable body, which stay.
    pub(crate) broken: Vec<String>,
    /// Messages without a body, which are removed.
    pub(crate) missing: Vec<String>,
}

/// Moves the scheduled messages of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Promotion {
    /// With the backup stream that was stored at the last call.
    keys: StreamKeys,
    /// The length at which the backup stream is full.
    pub(crate) max_backup: Option<u64>,
}

impl Promotion {
    pub(crate) fn new(keys: StreamKeys) -> Self {
        Self {
            keys,
            max_backup: None,
        }
    }

    pub(crate) fn stream(&self) -> &str {
        self.keys.stream()
    }

    /// The time until the first one is due (`ZRANGE`, `TIME`); `None` if nothing is
    /// scheduled that can become due.
    pub(crate) fn look(&self, wire: &mut Wire) -> Result<Option<Duration>> {
        let mut packed = Vec::with_capacity(128);
        let due = self.keys.due();
        pack::command(
            &mut packed,
            &[b"ZRANGE", due.as_bytes(), b"0", b"0", b"WITHSCORES"],
        );
        pack::command(&mut packed, &[b"TIME"]);
        let mut replies = wire.exchange_all(&packed, 2)?.into_iter();
        let (Some(first), Some(time)) = (replies.next(), replies.next()) else {
            return Err(unexpected("two answers"));
        };
        let (first, time) = (checked(first)?, checked(time)?);
        let mut tokens = Tokens::new(&first);
        if tokens.array()? != 2 {
            return Ok(None);
        }
        tokens.bytes()?;
        let Some(at) = due_ms(tokens.text()?) else {
            return Ok(None);
        };
        Ok(Some(millis(at.saturating_sub(time_ms(&time)?))))
    }

    /// Moves due messages, as many as fit into one script.
    pub(crate) fn step(&mut self, wire: &mut Wire) -> Result<Promoted> {
        self.step_at(wire, None)
    }

    /// As [`step`](Self::step), with `now` ms after 1970 as the time.
    pub(crate) fn step_at(&mut self, wire: &mut Wire, now: Option<u64>) -> Result<Promoted> {
        /// How many times in a row the backup stream may have changed.
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            let keys = &self.keys;
            let (due, later, unique) = (keys.due(), keys.later(), keys.unique());
            let (backup, meta) = (keys.backup(), keys.meta());
            let reply = PROMOTE
                .call(&[&due, &later, &unique, keys.stream(), &backup, &meta])
                .number(MOST)
                .number(PORTION)
                .number(Retention::default().max_length)
                .shown(&self.max_backup.map_or(-1, u64::cast_signed))
                .arg(&now.map(|now| now.to_string()).unwrap_or_default())
                .run(wire)?;
            let mut tokens = Tokens::new(&reply);
            if tokens.array()? != 7 {
                return Err(unexpected("promote"));
            }
            let (next, moved, to_backup) = (tokens.int()?, tokens.int()?, tokens.int()?);
            let (refused, known) = (tokens.bytes()?, tokens.bytes()?);
            if known.is_empty() {
                return Ok(Promoted {
                    next: (next >= 0).then(|| millis(next)),
                    moved: moved.unsigned_abs(),
                    to_backup: to_backup.unsigned_abs(),
                    refused: (!refused.is_empty()).then(|| refusal(refused)),
                    broken: texts(&mut tokens)?,
                    missing: texts(&mut tokens)?,
                });
            }
            // Another program may have written it.
            let known = String::from_utf8_lossy(known);
            self.keys = self.keys.with_known_backup(&known)?;
        }
        Err(Error::new(
            ErrorKind::Refused,
            "the name of its backup stream keeps changing",
        ))
    }
}

/// A scheduled message as it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: ScheduleId,
    /// As the server has it.
    pub(crate) score: String,
    pub(crate) due: Option<SystemTime>,
    pub(crate) unique: Vec<u8>,
    /// Names and values in turn.
    pub(crate) values: Vec<Vec<u8>>,
}

/// Up to `most` scheduled messages after `after`, a due time and an id, as far as they
/// fit into an answer of moderate size.
pub(crate) fn list_scheduled(
    wire: &mut Wire,
    keys: &StreamKeys,
    after: Option<(&str, ScheduleId)>,
    most: usize,
) -> Result<Vec<Waiting>> {
    let call = LIST.call(&[&keys.due(), &keys.later()]);
    let call = match after {
        Some((score, id)) => call.arg(score).shown(&id.in_partition(None)),
        None => call.arg("").arg(""),
    };
    let reply = call.number(most as u64).number(PORTION).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    let mut list = Vec::new();
    for _ in 0..tokens.array()? {
        if tokens.array()? != 4 {
            return Err(unexpected("scheduled"));
        }
        let (id, score) = (tokens.bytes()?, tokens.text()?.to_owned());
        let unique = tokens.bytes()?.to_vec();
        let values = (0..tokens.array()?)
            .map(|_| tokens.bytes().map(<[u8]>::to_vec))
            .collect::<Result<_>>()?;
        list.push(Waiting {
            id: id_of(id)?,
            due: due_ms(&score).map(|ms| UNIX_EPOCH + millis(ms)),
            score,
            unique,
            values,
        });
    }
    Ok(list)
}

/// How many messages are scheduled (`ZCARD`).
pub(crate) fn count_scheduled(wire: &mut Wire, keys: &StreamKeys) -> Result<u64> {
    let mut packed = Vec::with_capacity(64);
    pack_count(&mut packed, keys);
    let count = int(wire.exchange(&packed)?.as_ref())?;
    Ok(count.unsigned_abs())
}

/// Packs the request for the number of scheduled messages.
pub(super) fn pack_count(out: &mut Vec<u8>, keys: &StreamKeys) {
    pack::command(out, &[b"ZCARD", keys.due().as_bytes()]);
}

/// Cancels scheduled messages, and frees their keys. Returns for each whether it was
/// scheduled.
pub(crate) fn cancel_scheduled(
    wire: &mut Wire,
    keys: &StreamKeys,
    ids: &[ScheduleId],
) -> Result<Vec<bool>> {
    let unique = keys.unique();
    let call = CANCEL.call(&[&keys.due(), &keys.later(), &unique]);
    let once = once_keys(wire, keys, ids)?;
    let call = once.iter().fold(call, |call, key| {
        call.key(key.as_deref().unwrap_or(unique.as_bytes()))
    });
    let call = ids
        .iter()
        .fold(call, |call, id| call.shown(&id.in_partition(None)));
    let reply = call.run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? as usize != ids.len() {
        return Err(unexpected("cancel"));
    }
    ids.iter().map(|_| Ok(tokens.int()? == 1)).collect()
}

/// Gives a scheduled message another due time. Returns the time until then; `None` if it
/// isn't scheduled.
pub(crate) fn reschedule(
    wire: &mut Wire,
    keys: &StreamKeys,
    id: ScheduleId,
    when: Delay,
) -> Result<Option<Duration>> {
    let due = keys.due();
    let once = once_keys(wire, keys, &[id])?.pop().flatten();
    let call = RESCHEDULE.call(&[&due]);
    let call = call.key(once.as_deref().unwrap_or(due.as_bytes()));
    let call = call.shown(&id.in_partition(None)).shown(&when);
    let reply = call.run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 2 {
        return Err(unexpected("reschedule"));
    }
    let (found, wait) = (tokens.int()?, tokens.int()?);
    Ok((found == 1).then(|| millis(wait)))
}

fn id_of(text: &[u8]) -> Result<ScheduleId> {
    ScheduleId::parse(text).map_err(|_| unexpected("the id of a scheduled message"))
}

/// A due time; `None` for one that never comes.
fn due_ms(score: &str) -> Option<i64> {
    let score: f64 = score.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
    score.is_finite().then_some(score as i64)
}

/// The answer to `TIME`, in ms.
pub(super) fn time_ms(reply: &Reply) -> Result<i64> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 2 {
        return Err(unexpected("TIME"));
    }
    let mut number = || -> Result<i64> { tokens.text()?.parse().map_err(|_| unexpected("TIME")) };
    let (seconds, micros) = (number()?, number()?);
    Ok(seconds.saturating_mul(1_000) + micros / 1_000)
}

/// Zero for a time that has passed.
fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn texts(tokens: &mut Tokens<'_>) -> Result<Vec<String>> {
    (0..tokens.array()?)
        .map(|_| Ok(String::from_utf8_lossy(tokens.bytes()?).into_owned()))
        .collect()
}
