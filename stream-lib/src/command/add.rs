//! `XADD`, one or many in one request.

use std::time::Instant;

use super::pack;
use crate::connection::Wire;
use crate::error::Result;
use crate::message::{EntryId, FieldWriter, StreamMessage};

/// Adds to one stream, packed one behind the other.
#[derive(Debug)]
pub(crate) struct Adds<'a> {
    stream: &'a str,
    packed: Vec<u8>,
    /// Where the beginning of a command is made, once its length is known.
    header: Vec<u8>,
    count: usize,
}

impl<'a> Adds<'a> {
    pub(crate) fn to(stream: &'a str) -> Self {
        Self {
            stream,
            packed: Vec::with_capacity(512),
            header: Vec::with_capacity(8),
            count: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Packs one message. On an error nothing of it is left in the request.
    pub(crate) fn push<M: StreamMessage + ?Sized>(&mut self, message: &M) -> Result<()> {
        let start = self.packed.len();
        // XADD, key, id, and two per field: two digits, until 48 fields.
        pack::array(&mut self.packed, 10);
        let head = self.packed.len();
        pack::bulk(&mut self.packed, b"XADD");
        pack::bulk(&mut self.packed, self.stream.as_bytes());
        pack::bulk(&mut self.packed, b"*");
        let fields = match FieldWriter::message(&mut self.packed, message) {
            Ok(fields) => fields,
            Err(e) => {
                self.packed.truncate(start);
                return Err(e.into());
            }
        };
        self.header.clear();
        pack::array(&mut self.header, 3 + 2 * fields);
        self.packed.splice(start..head, self.header.iter().copied());
        self.count += 1;
        Ok(())
    }

    /// Sends all of them and reads the answers: one for each, in the order of
    /// the pushes. Where the connection fails, those without an answer get its
    /// error.
    pub(crate) fn execute(&self, wire: &mut Wire) -> Vec<Result<EntryId>> {
        let mut ids = Vec::with_capacity(self.count);
        if self.count > 0
            && let Err(e) = self.exchange(wire, &mut ids)
        {
            while ids.len() < self.count {
                ids.push(Err(e.again()));
            }
        }
        ids
    }

    fn exchange(&self, wire: &mut Wire, ids: &mut Vec<Result<EntryId>>) -> Result<()> {
        wire.send(&self.packed, self.count)?;
        // One deadline for all: a stalled server costs it once.
        let deadline = Instant::now() + wire.response_timeout();
        for _ in 0..self.count {
            let left = deadline.saturating_duration_since(Instant::now());
            ids.push(super::reply::entry_id(wire.receive(left)?));
        }
        Ok(())
    }
}
