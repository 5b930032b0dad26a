//! The simple producer: straight to the stream.

use super::Added;
use crate::command::{self, Batch};
use crate::config::StreamConfig;
use crate::connection::Wire;
use crate::keys::StreamKeys;

use super::core::Executed;

/// Adds every message of a batch to the stream: plain `XADD`s, or a script
/// where a message has an idempotency key.
pub(super) fn execute(
    wire: &mut Wire,
    keys: &StreamKeys,
    config: &StreamConfig,
    batch: &Batch,
) -> Executed {
    if batch.has_keys() {
        command::add_once(wire, keys, config.idempotency_window, batch).into()
    } else {
        let ids = command::add(wire, keys.stream(), batch);
        Executed::Answered(ids.into_iter().map(|id| id.map(Added::Main)).collect())
    }
}
