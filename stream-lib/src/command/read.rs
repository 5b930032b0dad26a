//! `XREADGROUP … >`: new entries for one consumer.

use std::time::Duration;

use super::claim::ClaimDue;
use super::entries::Entries;
use super::settle::{pack_ack, receive_acked};
use super::{Group, pack};
use crate::connection::{USUAL_REPLY, Wire};
use crate::error::Result;
use crate::message::EntryId;

/// One request for new entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) group: &'a Group,
    pub(crate) consumer: &'a str,
    /// At most this many.
    pub(crate) count: usize,
    /// How long Redis waits for the first one.
    pub(crate) block: Option<Duration>,
}

impl Read<'_> {
    /// How far Redis may overrun the wait before the connection counts as
    /// stalled.
    pub(crate) const MARGIN: Duration = Duration::from_secs(5);

    /// Sends the request, and in front of it an `XACK` of `done`, if that isn't
    /// empty.
    pub(crate) fn send(&self, wire: &mut Wire, done: &[EntryId]) -> Result<()> {
        let mut packed = Vec::with_capacity(192);
        if !done.is_empty() {
            pack_ack(&mut packed, self.group, done);
        }
        self.pack_into(&mut packed);
        wire.expect_within(self.usual());
        wire.send(&packed, 1 + usize::from(!done.is_empty()))
    }

    /// Sends the request, and in front of it a claim of entries that are due, whose
    /// answer comes [first](ClaimDue::receive).
    pub(crate) fn send_behind(&self, wire: &mut Wire, claim: &ClaimDue<'_>) -> Result<()> {
        let mut packed = Vec::with_capacity(512);
        claim.pack_into(&mut packed);
        self.pack_into(&mut packed);
        wire.expect_within(self.usual());
        wire.send(&packed, 2)
    }

    /// How long an answer takes if nothing is wrong.
    fn usual(&self) -> Duration {
        self.block.unwrap_or_default() + USUAL_REPLY
    }

    fn pack_into(&self, packed: &mut Vec<u8>) {
        pack::array(packed, if self.block.is_some() { 11 } else { 9 });
        pack::bulk(packed, b"XREADGROUP");
        pack::bulk(packed, b"GROUP");
        pack::bulk(packed, self.group.name().as_bytes());
        pack::bulk(packed, self.consumer.as_bytes());
        pack::bulk(packed, b"COUNT");
        pack::number(packed, self.count as u64);
        if let Some(block) = self.block {
            pack::bulk(packed, b"BLOCK");
            // BLOCK 0 would wait for ever.
            let block = u64::try_from(block.as_millis()).unwrap_or(u64::MAX);
            pack::number(packed, block.max(1));
        }
        pack::bulk(packed, b"STREAMS");
        pack::bulk(packed, self.group.stream().as_bytes());
        pack::bulk(packed, b">");
    }

    /// Waits until the first answer to [`send`](Self::send) begins to come.
    pub(crate) fn await_answer(&self, wire: &mut Wire) -> Result<()> {
        wire.await_reply(self.timeout(wire))
    }

    /// Waits for the answer to the `XACK` in front, if there was one.
    pub(crate) fn receive_acked(&self, wire: &mut Wire) -> Result<()> {
        let timeout = self.timeout(wire);
        receive_acked(wire, timeout)
    }

    /// Waits for the answer to [`send`](Self::send). Empty if there was no entry, or the
    /// wait ended without one.
    pub(crate) fn receive(&self, wire: &mut Wire) -> Result<Entries> {
        let timeout = self.timeout(wire);
        let reply = wire.receive_owned(timeout)?;
        Entries::from_read(super::reply::checked(reply)?)
    }

    /// How long an answer may take.
    pub(crate) fn timeout(&self, wire: &Wire) -> Duration {
        match self.block {
            Some(block) => block + Self::MARGIN,
            None => wire.response_timeout(),
        }
    }
}
