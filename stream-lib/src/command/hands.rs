//! Entries that consumers hold, and actions on those of dead consumers.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::cmd;

use super::beat::members;
use super::claim::with_ids;
use super::pack;
use super::reply::{Tokens, checked, unexpected};
use super::script::{Call, Script, script};
use super::{Group, reserved};
use crate::connection::{Wire, from_redis};
use crate::error::Result;
use crate::message::EntryId;

static ACT: Script = script!("part_hands.lua", "dead_hands.lua");
static REMOVE: Script = script!(
    flags: "#!lua flags=allow-oom\n",
    "part_hands.lua",
    "remove_consumer.lua"
);

/// About how many bytes of entries one script copies.
const COPY: u64 = 1 << 20;

/// The signs of life of a group's members: whether each is valid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signs(BTreeMap<Vec<u8>, bool>);

/// The state of a consumer by its sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Its sign is valid.
    Good,
    /// Its sign has lapsed.
    Lapsed,
    /// It gives no sign.
    Silent,
}

impl Signs {
    /// Reads them (`TIME`, `ZRANGE`), with the keys of the stem.
    pub(crate) fn ask(wire: &mut Wire, stem: &Group) -> Result<Self> {
        let (seconds, micros): (u64, u64) = cmd("TIME").query(wire).map_err(from_redis)?;
        let now = seconds * 1_000 + micros / 1_000;
        let signs = members(wire, stem)?.into_iter();
        Ok(Self(
            signs.map(|sign| (sign.member, sign.till > now)).collect(),
        ))
    }

    pub(crate) fn of(&self, consumer: &[u8]) -> Life {
        match self.0.get(consumer) {
            Some(true) => Life::Good,
            Some(false) => Life::Lapsed,
            None => Life::Silent,
        }
    }
}

/// A pending entry, and the consumer that holds it.
#[derive(Debug, Clone)]
pub(crate) struct HeldEntry {
    pub(crate) id: EntryId,
    pub(crate) consumer: Vec<u8>,
    pub(crate) idle: Duration,
    pub(crate) deliveries: u64,
}

/// Up to `most` pending entries of a group from `from` to `to`, of one consumer or all, the
/// oldest first (`XPENDING`).
pub(crate) fn held_entries(
    wire: &mut Wire,
    group: &Group,
    (from, to): (EntryId, EntryId),
    most: usize,
    consumer: Option<&[u8]>,
) -> Result<Vec<HeldEntry>> {
    let (from, to, most) = (from.to_string(), to.to_string(), most.to_string());
    let words = ["XPENDING", group.stream(), group.name(), &from, &to, &most];
    let mut command: Vec<&[u8]> = words.map(str::as_bytes).to_vec();
    command.extend(consumer);
    let mut packed = Vec::with_capacity(192);
    pack::command(&mut packed, &command);
    let reply = checked(wire.exchange(&packed)?)?;
    let mut tokens = Tokens::new(&reply);
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    (0..tokens.array()?)
        .map(|_| {
            if tokens.array()? != 4 {
                return Err(unexpected("XPENDING"));
            }
            Ok(HeldEntry {
                id: tokens.entry_id()?,
                consumer: tokens.bytes()?.to_vec(),
                idle: Duration::from_millis(number(tokens.int()?)),
                deliveries: number(tokens.int()?),
            })
        })
        .collect()
}

/// Actions on entries that no living consumer holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DeadHands<'a> {
    /// Makes them due at once, for any consumer.
    Release,
    /// Moves them to the dead letters.
    Bury {
        reason: &'a str,
        error: &'a str,
    },
    Ack,
}

/// The outcome for one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HandsOutcome {
    Done,
    NotPending,
    /// A living consumer holds it.
    Held(Vec<u8>),
    /// It was deleted from the stream, and is acknowledged.
    Deleted,
    /// It was not reached, and must be requested again.
    Later,
}

/// The signs to believe, and how long other consumers may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judgement<'a> {
    /// Signs at the stem; empty for a stream without partitions, whose script reads them
    /// itself.
    pub(crate) signs: &'a Signs,
    pub(crate) patience: Duration,
}

/// Acts on entries that no living consumer holds: one answer for each, of which at least
/// one isn't [`HandsOutcome::Later`].
pub(crate) fn act_on_dead_hands(
    wire: &mut Wire,
    group: &Group,
    judgement: Judgement<'_>,
    act: DeadHands<'_>,
    ids: &[EntryId],
) -> Result<Vec<HandsOutcome>> {
    let (what, reason, error) = match act {
        DeadHands::Release => ("release", "", ""),
        DeadHands::Bury { reason, error } => ("bury", reason, error),
        DeadHands::Ack => ("ack", "", ""),
    };
    let (members, meta) = own_signs(group);
    let call = ACT.call(&[
        group.stream(),
        &members,
        meta,
        group.waiting(),
        group.dead(),
    ]);
    let call = judged(call, group, judgement).arg(what).arg(reason);
    let reply = with_ids(call.arg(error).number(COPY), ids).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? as usize != ids.len() {
        return Err(unexpected("dead_hands"));
    }
    ids.iter()
        .map(|_| {
            tokens.array()?;
            Ok(match tokens.int()? {
                0 => HandsOutcome::NotPending,
                1 => HandsOutcome::Done,
                2 => HandsOutcome::Held(tokens.bytes()?.to_vec()),
                3 => HandsOutcome::Deleted,
                4 => HandsOutcome::Later,
                _ => return Err(unexpected("dead_hands")),
            })
        })
        .collect()
}

/// The outcome of removing a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsumerFate {
    None,
    Alive,
    /// It has handed this many entries over, and holds more.
    More(u64),
    /// It is gone, and has handed this many entries over.
    Removed(u64),
}

/// Removes a consumer that is dead or holds nothing, having handed at most `most` of its
/// entries over.
pub(crate) fn remove_dead_consumer(
    wire: &mut Wire,
    group: &Group,
    judgement: Judgement<'_>,
    consumer: &[u8],
    most: u64,
) -> Result<ConsumerFate> {
    let (members, meta) = own_signs(group);
    let call = REMOVE.call(&[group.stream(), &members, meta]);
    let call = judged(call, group, judgement).bytes(consumer);
    let reply = call.number(most).run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 2 {
        return Err(unexpected("remove_consumer"));
    }
    let what = tokens.bytes()?;
    let handed = u64::try_from(tokens.int()?).unwrap_or(0);
    match what {
        b"none" => Ok(ConsumerFate::None),
        b"alive" => Ok(ConsumerFate::Alive),
        b"more" => Ok(ConsumerFate::More(handed)),
        b"removed" => Ok(ConsumerFate::Removed(handed)),
        _ => Err(unexpected("remove_consumer")),
    }
}

/// Sets the position of a group (`XGROUP SETID`).
pub(crate) fn set_group_id(wire: &mut Wire, group: &Group, after: &str) -> Result<()> {
    cmd("XGROUP")
        .arg("SETID")
        .arg(group.stream())
        .arg(group.name())
        .arg(after)
        .exec(wire)
        .map_err(from_redis)
}

/// Whether a consumer is the library's own, such as `~waiting`.
pub(crate) fn is_reserved(consumer: &[u8]) -> bool {
    [reserved::WAITING, reserved::TAKEOVER, reserved::NOBODY]
        .iter()
        .any(|name| name.as_bytes() == consumer)
}

/// The members' set and the meta hash beside the stream itself: those of a partition are
/// empty, since its members give their signs at the stem, which is in another slot.
fn own_signs(group: &Group) -> (String, &str) {
    (group.keys().members(group.name()), group.meta())
}

fn judged<'a>(call: Call<'a>, group: &Group, judgement: Judgement<'_>) -> Call<'a> {
    let Judgement { signs, patience } = judgement;
    let call = call.arg(group.name()).millis(patience);
    let call = call.number(signs.0.len() as u64);
    signs.0.iter().fold(call, |call, (name, is_good)| {
        call.bytes(name).arg(if *is_good { "1" } else { "0" })
    })
}
