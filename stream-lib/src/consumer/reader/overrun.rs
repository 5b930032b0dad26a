//! Reads that wait for longer than they asked for.
//!
//! Some servers restart the wait of all readers whenever one of them is served (Redis
//! 7.2.0 to 7.2.4), and a server that is paused for a failover answers after the pause.
//! So a late answer is no outage as long as the server answers other requests.

use std::time::{Duration, Instant};

use crate::command::{self, Read};
use crate::connection::Wire;
use crate::consumer::member::Member;
use crate::error::Result;

/// How often a late answer is waited for again, each time for [`Read::MARGIN`]. After
/// that the connection is replaced, since it may be broken.
const PATIENCE: u32 = 12;

/// How long the server may take to show that it lives.
const SOON: Duration = Duration::from_secs(1);

/// Waits until the answer to `read` begins to come. Returns false if it doesn't come on
/// this connection, although the server lives.
pub(super) fn await_answer(member: &Member, read: &Read<'_>, wire: &mut Wire) -> Result<bool> {
    if read.block.is_none() {
        return read.await_answer(wire).map(|()| true);
    }
    let mut wait = read.timeout(wire);
    let mut waited = Duration::ZERO;
    for _ in 0..=PATIENCE {
        if wire.reply_begins(wait)? {
            return Ok(true);
        }
        waited += wait;
        if member.stop.is_set() || !lives(member) {
            return Err(wire.overdue(waited));
        }
        wait = Read::MARGIN;
    }
    Ok(false)
}

/// Whether the server answers on another connection.
fn lives(member: &Member) -> bool {
    let key = member.group.stream().as_bytes();
    member.topology.pooled(key, SOON).is_ok_and(|mut wire| {
        wire.answer_by(Instant::now() + SOON);
        command::answers(&mut wire)
    })
}
