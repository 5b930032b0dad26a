//! `XADD`, one or many in one request.

use std::time::Instant;

use super::{Batch, pack};
use crate::connection::Wire;
use crate::error::Result;
use crate::message::EntryId;

/// Adds every message of a batch to `stream`, and reads the answers: one for
/// each, in order. Where the connection fails, those without an answer get its
/// error.
pub(crate) fn add(wire: &mut Wire, stream: &str, batch: &Batch) -> Vec<Result<EntryId>> {
    let mut ids = Vec::with_capacity(batch.len());
    if !batch.is_empty()
        && let Err(e) = exchange(wire, stream, batch, &mut ids)
    {
        while ids.len() < batch.len() {
            ids.push(Err(e.again()));
        }
    }
    ids
}

fn exchange(
    wire: &mut Wire,
    stream: &str,
    batch: &Batch,
    ids: &mut Vec<Result<EntryId>>,
) -> Result<()> {
    let overhead = stream.len() + 48;
    let mut packed = Vec::with_capacity(batch.fields().len() + batch.len() * overhead);
    for message in batch.iter() {
        pack::array(&mut packed, 3 + 2 * message.count);
        pack::bulk(&mut packed, b"XADD");
        pack::bulk(&mut packed, stream.as_bytes());
        pack::bulk(&mut packed, b"*");
        packed.extend_from_slice(message.fields);
    }
    wire.send(&packed, batch.len())?;
    // One deadline for all: a stalled server costs it once.
    let deadline = Instant::now() + wire.response_timeout();
    for _ in 0..batch.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        ids.push(super::reply::entry_id(wire.receive(left)?));
    }
    Ok(())
}
