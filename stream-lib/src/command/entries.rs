//! Entries as they came over the wire: offsets into one reply.

use std::ops::Range;

use super::reply::{Tokens, unexpected};
use crate::connection::Reply;
use crate::error::Result;
use crate::message::{EntryId, Fields, Span};

/// The entries of one reply. Their fields stay where the connection put them.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    entries: Vec<EntryAt>,
}

#[derive(Debug)]
struct EntryAt {
    id: EntryId,
    /// Which delivery of the entry this is, from 1.
    deliveries: u32,
    spans: Range<u32>,
}

impl Entries {
    /// Reads the answer to `XREADGROUP` on one stream: `None` where the wait
    /// ended without an entry.
    pub(super) fn from_read(reply: Reply) -> Result<Self> {
        let mut entries = Self::default();
        let mut tokens = Tokens::new(&reply);
        if tokens.nil() {
            return Ok(entries);
        }
        let streams = tokens.array()?;
        if streams != 1 || tokens.array()? != 2 {
            return Err(unexpected("XREADGROUP"));
        }
        tokens.bulk()?;
        for _ in 0..tokens.array()? {
            if tokens.array()? != 2 {
                return Err(unexpected("XREADGROUP"));
            }
            let id = tokens.entry_id()?;
            entries.push(&mut tokens, id, 1)?;
        }
        entries.bytes = reply.bytes;
        Ok(entries)
    }

    /// Reads `{id, delivery count, fields}` triples, as the scripts give them.
    pub(super) fn push_claimed(&mut self, tokens: &mut Tokens<'_>) -> Result<()> {
        for _ in 0..tokens.array()? {
            if tokens.array()? != 3 {
                return Err(unexpected("a script"));
            }
            let id = tokens.entry_id()?;
            let deliveries = u32::try_from(tokens.int()?).unwrap_or(u32::MAX);
            self.push(tokens, id, deliveries)?;
        }
        Ok(())
    }

    /// Reads ids whose fields nobody needs.
    pub(super) fn push_ids(&mut self, tokens: &mut Tokens<'_>) -> Result<()> {
        for _ in 0..tokens.array()? {
            self.entries.push(EntryAt {
                id: tokens.entry_id()?,
                deliveries: 0,
                spans: 0..0,
            });
        }
        Ok(())
    }

    /// Takes over the bytes that the spans point into.
    pub(super) fn with_bytes(mut self, bytes: Vec<u8>) -> Self {
        self.bytes = bytes;
        self
    }

    fn push(&mut self, tokens: &mut Tokens<'_>, id: EntryId, deliveries: u32) -> Result<()> {
        let start = self.span_count();
        // A nil stands for an entry that was deleted from the stream: it has
        // no fields, and the first script to look for it acknowledges it.
        if !tokens.nil() {
            for _ in 0..tokens.array()? {
                self.spans.push(tokens.bulk()?);
            }
        }
        self.entries.push(EntryAt {
            id,
            deliveries,
            spans: start..self.span_count(),
        });
        Ok(())
    }

    /// The connection refuses replies whose tokens are beyond 32 bits.
    fn span_count(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The size of the reply, which lives until its last entry is done.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn id(&self, index: usize) -> EntryId {
        self.entries.get(index).map_or(EntryId::MIN, |e| e.id)
    }

    pub(crate) fn deliveries(&self, index: usize) -> u32 {
        self.entries.get(index).map_or(0, |e| e.deliveries)
    }

    pub(crate) fn fields(&self, index: usize) -> Fields<'_> {
        let spans = self
            .entries
            .get(index)
            .and_then(|e| self.spans.get(e.spans.start as usize..e.spans.end as usize))
            .unwrap_or_default();
        Fields::new(&self.bytes, spans)
    }
}
