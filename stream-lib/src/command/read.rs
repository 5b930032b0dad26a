//! `XREADGROUP … >`: new entries for one consumer.

use std::time::Duration;

use super::entries::Entries;
use super::{Group, pack};
use crate::connection::Wire;
use crate::error::Result;

/// One request for new entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) group: &'a Group,
    pub(crate) consumer: &'a str,
    /// At most this many.
    pub(crate) count: usize,
    /// How long Redis waits for the first one.
    pub(crate) block: Duration,
}

impl Read<'_> {
    /// How far Redis may overrun the wait before the connection counts as
    /// stalled.
    const MARGIN: Duration = Duration::from_secs(5);

    pub(crate) fn send(&self, wire: &mut Wire) -> Result<()> {
        let mut packed = Vec::with_capacity(192);
        pack::array(&mut packed, 11);
        pack::bulk(&mut packed, b"XREADGROUP");
        pack::bulk(&mut packed, b"GROUP");
        pack::bulk(&mut packed, self.group.name().as_bytes());
        pack::bulk(&mut packed, self.consumer.as_bytes());
        pack::bulk(&mut packed, b"COUNT");
        pack::number(&mut packed, self.count as u64);
        pack::bulk(&mut packed, b"BLOCK");
        // BLOCK 0 would wait for ever.
        let block = u64::try_from(self.block.as_millis()).unwrap_or(u64::MAX);
        pack::number(&mut packed, block.max(1));
        pack::bulk(&mut packed, b"STREAMS");
        pack::bulk(&mut packed, self.group.stream().as_bytes());
        pack::bulk(&mut packed, b">");
        wire.send(&packed, 1)
    }

    /// Waits until the answer to [`send`](Self::send) begins to come.
    pub(crate) fn await_answer(&self, wire: &mut Wire) -> Result<()> {
        wire.await_reply(self.block + Self::MARGIN)
    }

    /// Waits for the answer to [`send`](Self::send). Empty where the wait ended
    /// without an entry.
    pub(crate) fn receive(&self, wire: &mut Wire) -> Result<Entries> {
        let reply = wire.receive_owned(self.block + Self::MARGIN)?;
        Entries::from_read(super::reply::checked(reply)?)
    }
}
