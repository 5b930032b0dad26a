//! Entries that no server has given: for tests of users' handlers and producers.

use super::entries::Entries;
use super::pack;
use super::reply::{Tokens, unexpected};
use crate::connection::{Limits, Reply, Scanner};
use crate::error::Result;
use crate::message::EntryId;

impl Entries {
    /// One entry with `count` fields, which `fields` holds as they go over the
    /// wire, and with `more` fields behind them.
    pub(crate) fn made_up(
        id: EntryId,
        deliveries: u32,
        (count, fields): (usize, &[u8]),
        more: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<Self> {
        let mut bytes = Vec::with_capacity(fields.len() + 128);
        pack::array(&mut bytes, 1);
        pack::array(&mut bytes, 3);
        pack::bulk(&mut bytes, id.to_string().as_bytes());
        bytes.extend_from_slice(format!(":{deliveries}\r\n").as_bytes());
        pack::array(&mut bytes, 2 * (count + more.len()));
        bytes.extend_from_slice(fields);
        for (name, value) in more {
            pack::bulk(&mut bytes, name);
            pack::bulk(&mut bytes, value);
        }
        let mut scanner = Scanner::new(Limits::DEFAULT);
        scanner
            .scan(&bytes)
            .map_err(|_| unexpected("an entry for a test"))?;
        let reply = Reply {
            bytes,
            tokens: scanner.take_tokens(),
        };
        let mut entries = Self::default();
        entries.push_claimed(&mut Tokens::new(&reply))?;
        Ok(entries.with_bytes(reply.bytes))
    }
}
