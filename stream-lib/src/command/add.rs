//! `XADD`, one or many in one request.

use super::{Outgoing, pack};
use crate::connection::{Deadline, Wire};
use crate::error::Result;
use crate::message::EntryId;

/// Packs an `XADD` to `stream` for every message of a batch.
pub(crate) fn pack_adds(out: &mut Vec<u8>, stream: &str, batch: &Outgoing) {
    let mut start = Vec::with_capacity(stream.len() + 32);
    pack::bulk(&mut start, b"XADD");
    pack::bulk(&mut start, stream.as_bytes());
    pack::bulk(&mut start, b"*");
    out.reserve(batch.fields().len() + batch.len() * (start.len() + 8));
    for message in batch.iter() {
        pack::array(out, 3 + 2 * message.count);
        out.extend_from_slice(&start);
        out.extend_from_slice(message.fields);
    }
}

/// Reads the answers to `count` `XADD`s, in order. If the connection fails, the messages
/// without an answer get its error.
///
/// The deadline is shared: a stalled server costs it once.
pub(crate) fn receive_ids(
    wire: &mut Wire,
    deadline: &mut Deadline,
    count: usize,
) -> Vec<Result<EntryId>> {
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        match wire.receive_within(deadline) {
            Ok(reply) => ids.push(super::reply::entry_id(reply)),
            Err(e) => {
                ids.resize_with(count, || Err(e.clone()));
            }
        }
    }
    ids
}
