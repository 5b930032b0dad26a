//! `XADD`, one or many in one request.

use std::time::Instant;

use super::pack;
use crate::connection::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{EntryId, FieldWriter, StreamMessage};

/// Adds to one stream, packed one behind the other.
#[derive(Debug)]
pub(crate) struct Adds<'a> {
    stream: &'a str,
    packed: Vec<u8>,
    count: usize,
}

impl<'a> Adds<'a> {
    pub(crate) fn to(stream: &'a str) -> Self {
        Self {
            stream,
            packed: Vec::with_capacity(512),
            count: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Packs one message. On an error nothing of it is left in the request.
    pub(crate) fn push<M: StreamMessage + ?Sized>(&mut self, message: &M) -> Result<()> {
        let start = self.packed.len();
        match self.pack(message, start) {
            Ok(()) => {
                self.count += 1;
                Ok(())
            }
            Err(e) => {
                self.packed.truncate(start);
                Err(e)
            }
        }
    }

    fn pack<M: StreamMessage + ?Sized>(&mut self, message: &M, start: usize) -> Result<()> {
        // XADD key * and two per field: two digits until 48 fields.
        const GUESS: usize = 10;
        pack::array(&mut self.packed, GUESS);
        let head = self.packed.len();
        pack::bulk(&mut self.packed, b"XADD");
        pack::bulk(&mut self.packed, self.stream.as_bytes());
        pack::bulk(&mut self.packed, b"*");
        let mut fields = FieldWriter::new(&mut self.packed);
        message.encode(&mut fields)?;
        let fields = fields.count();
        if fields == 0 {
            return Err(Error::new(
                ErrorKind::Encode,
                "the message has no field to write, and Redis keeps no empty entry",
            ));
        }
        let mut header = Vec::with_capacity(8);
        pack::array(&mut header, 3 + 2 * fields);
        self.packed.splice(start..head, header);
        Ok(())
    }

    /// Sends all of them and reads the answers, in the order of the pushes.
    ///
    /// The outer error is the connection's; each inner one is an entry that
    /// Redis refused.
    pub(crate) fn execute(&self, wire: &mut Wire) -> Result<Vec<Result<EntryId>>> {
        let mut ids = Vec::with_capacity(self.count);
        if self.count > 0 {
            wire.send(&self.packed, self.count)?;
        }
        // One deadline for all: a stalled server costs it once.
        let deadline = Instant::now() + wire.response_timeout();
        for _ in 0..self.count {
            let left = deadline.saturating_duration_since(Instant::now());
            ids.push(super::reply::entry_id(wire.receive(left)?));
        }
        Ok(ids)
    }
}
