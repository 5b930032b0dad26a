//! The question to one sentinel.

use redis::Value;

use super::answer::{self, Answer};
use super::roster::{ANSWER, Member};
use crate::connection::cold::to_value;
use crate::connection::credentials::command;
use crate::connection::deadline::Deadline;
use crate::connection::server_error::from_redis;
use crate::connection::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

/// Asks a sentinel for the master in one round trip, on the connection of the last
/// question or on a new one.
///
/// # Blocking
///
/// At most [`ANSWER`], for both.
///
/// # Errors
///
/// The problem of the sentinel or its answer.
pub(super) fn ask(sentinel: &Member, master: &str) -> Result<Answer> {
    let mut deadline = Deadline::of(ANSWER).unless(&sentinel.asking);
    let rested = sentinel.rested.lock().take();
    let rested = rested.filter(|wire| !wire.is_broken() && !wire.is_stale());
    let mut wire = match rested {
        Some(wire) => wire,
        None => Wire::connect_by(&sentinel.endpoint, &mut deadline)?,
    };
    let values = exchange(&mut wire, master, &mut deadline)?;
    *sentinel.rested.lock() = Some(wire);
    let [address, state, others, id] = values;
    answer::read(address, state, others, id)
}

fn exchange(wire: &mut Wire, master: &str, deadline: &mut Deadline) -> Result<[Value; 4]> {
    let mut packed = Vec::new();
    for words in [
        &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master][..],
        &["SENTINEL", "MASTER", master],
        &["SENTINEL", "SENTINELS", master],
        &["SENTINEL", "MYID"],
    ] {
        packed.extend(command(words).get_packed_command());
    }
    let unanswered = |e: Error| match e.kind() {
        ErrorKind::OutcomeUnknown => e.of_kind(ErrorKind::Unavailable),
        _ => e,
    };
    wire.send_within(&packed, 4, deadline).map_err(unanswered)?;
    let mut next = || -> Result<Value> {
        let reply = wire.receive_within(deadline).map_err(unanswered)?;
        to_value(reply).map_err(from_redis)
    };
    Ok([next()?, next()?, next()?, next()?])
}
