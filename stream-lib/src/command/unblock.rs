//! Ends another connection's wait.

use super::settle::pack_ack;
use super::{Group, pack, reply};
use crate::connection::Wire;
use crate::error::Result;
use crate::message::EntryId;

/// Ends the read of the group that another connection is blocked in (`CLIENT
/// UNBLOCK`).
pub(crate) fn unblock(wire: &mut Wire, group: &Group, client: i64) -> Result<()> {
    let mut packed = Vec::new();
    // A server that pauses writes, for a failover for example, holds the read back, and
    // may crash when it is unblocked. So the request follows a write, which waits for the
    // end of the pause, too.
    pack_ack(&mut packed, group, &[EntryId::new(0, 1)]);
    let client = client.to_string();
    pack::command(&mut packed, &[b"CLIENT", b"UNBLOCK", client.as_bytes()]);
    let timeout = wire.response_timeout();
    wire.send(&packed, 2)?;
    wire.receive(timeout)?;
    reply::int(wire.receive(timeout)?).map(drop)
}
