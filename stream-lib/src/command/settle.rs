//! Requests that end or prolong deliveries.

use std::time::Duration;

use super::claim::with_ids;
use super::mark::Mark;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use super::{Group, pack};
use crate::connection::{Reply, Wire};
use crate::error::Result;
use crate::message::EntryId;

static PARK: Script = script!(flags: "#!lua flags=allow-oom\n", "park.lua");
static RENEW: Script = script!(flags: "#!lua flags=allow-oom\n", "renew.lua");
static SETTLE: Script = script!(flags: "#!lua flags=allow-oom\n", "settle.lua");

/// The state in which a script found an entry that a consumer believed to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The consumer held it, and the operation was carried out.
    Ours,
    /// Another consumer holds it, or none.
    NotOurs,
    /// The consumer held it, but the entry is gone from the stream.
    Deleted,
}

/// Acknowledges entries, whichever consumer holds them (`XACK`).
pub(crate) fn ack(wire: &mut Wire, group: &Group, ids: &[EntryId]) -> Result<()> {
    let mut packed = Vec::new();
    pack_ack(&mut packed, group, ids);
    super::reply::int(wire.exchange(&packed)?.as_ref()).map(drop)
}

/// Packs the request of [`ack`].
pub(super) fn pack_ack(packed: &mut Vec<u8>, group: &Group, ids: &[EntryId]) {
    packed.reserve(64 + 32 * ids.len());
    pack::array(packed, 3 + ids.len());
    pack::bulk(packed, b"XACK");
    pack::bulk(packed, group.stream().as_bytes());
    pack::bulk(packed, group.name().as_bytes());
    let mut text = Vec::with_capacity(32);
    for id in ids {
        text.clear();
        id.write_to(&mut text);
        pack::bulk(packed, &text);
    }
}

/// Waits for the answer to [`pack_ack`].
pub(super) fn receive_acked(wire: &mut Wire, timeout: Duration) -> Result<()> {
    super::reply::int(wire.receive(timeout)?).map(drop)
}

/// Acknowledges the entries that `consumer` still holds.
pub(crate) fn ack_held(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    ids: &[EntryId],
) -> Result<Vec<Found>> {
    let call = SETTLE
        .call(&[group.stream()])
        .arg(group.name())
        .arg(consumer);
    outcomes(&with_ids(call, ids).run(wire)?, ids.len())
}

/// Renews the leases of the entries that `consumer` still holds.
pub(crate) fn renew(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    ids: &[EntryId],
) -> Result<Vec<Found>> {
    let call = RENEW
        .call(&[group.stream()])
        .arg(group.name())
        .arg(consumer);
    outcomes(&with_ids(call, ids).run(wire)?, ids.len())
}

/// An entry on its way to `~waiting`, or to `~takeover`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parking {
    pub(crate) id: EntryId,
    /// The delivery that has ended: a later one of the same consumer stays. 0 for
    /// any.
    pub(crate) attempt: u32,
    /// How long it waits; `None` leaves it to the next takeover.
    pub(crate) delay: Option<Duration>,
    /// The delivery count to give it; `None` keeps the present one.
    pub(crate) deliveries: Option<u32>,
    /// The mark for the consumer that claims it.
    pub(crate) mark: Mark,
}

/// Moves entries that `consumer` holds to `~waiting`, or to `~takeover`.
pub(crate) fn park(
    wire: &mut Wire,
    group: &Group,
    consumer: &str,
    entries: &[Parking],
) -> Result<Vec<Found>> {
    let mut call = PARK
        .call(&[group.stream(), group.waiting()])
        .arg(group.name())
        .arg(consumer);
    for entry in entries {
        call = call.shown(&entry.id).number(u64::from(entry.attempt));
        call = match entry.delay {
            Some(delay) if entry.mark == Mark::default() => call.millis(delay),
            Some(delay) => {
                let part = entry.mark.part();
                call.shown(&format_args!("{}{}", delay.as_millis(), behind_point(part)))
            }
            None => call.arg(""),
        };
        call = match entry.deliveries {
            Some(count) => call.number(u64::from(count)),
            None => call.arg(""),
        };
    }
    outcomes(&call.run(wire)?, entries.len())
}

/// A fraction, in the form that follows the digits of a number.
fn behind_point(part: f64) -> String {
    format!("{part:.10}").trim_start_matches('0').to_owned()
}

fn outcomes(reply: &Reply, expected: usize) -> Result<Vec<Found>> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? as usize != expected {
        return Err(unexpected("a script"));
    }
    (0..expected).map(|_| found(tokens.int()?)).collect()
}

pub(super) fn found(outcome: i64) -> Result<Found> {
    match outcome {
        // 2: an earlier try, whose answer was lost, has done it.
        1 | 2 => Ok(Found::Ours),
        3 => Ok(Found::Deleted),
        0 => Ok(Found::NotOurs),
        _ => Err(unexpected("a script")),
    }
}
