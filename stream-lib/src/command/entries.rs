//! Entries as they came over the wire: offsets into one reply.

use std::ops::Range;

use super::reply::{Tokens, unexpected};
use crate::connection::Reply;
use crate::error::Result;
use crate::message::{EntryId, Fields, RESERVED, Span};

/// The entries of one reply. Their fields stay where the connection put them.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    places: Vec<EntryPlace>,
}

#[derive(Debug)]
struct EntryPlace {
    id: EntryId,
    /// Which delivery of the entry this is, from 1.
    deliveries: u32,
    spans: Range<u32>,
    /// Whether there are reserved fields.
    headed: bool,
}

impl Entries {
    /// Reads the answer to `XREADGROUP` on one stream: `None` if the wait ended without
    /// an entry.
    pub(crate) fn from_read(reply: Reply) -> Result<Self> {
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
        entries.push_range(&mut tokens)?;
        Ok(entries.with_bytes(reply.bytes))
    }

    /// Reads the answer to `XRANGE`.
    pub(super) fn from_range(reply: Reply) -> Result<Self> {
        let mut entries = Self::default();
        entries.push_range(&mut Tokens::new(&reply))?;
        Ok(entries.with_bytes(reply.bytes))
    }

    /// Reads `{id, fields}` pairs.
    fn push_range(&mut self, tokens: &mut Tokens<'_>) -> Result<()> {
        let count = tokens.array()?;
        self.reserve(count, 3, tokens);
        for _ in 0..count {
            if tokens.array()? != 2 {
                return Err(unexpected("entries"));
            }
            let id = tokens.entry_id()?;
            self.push(tokens, id, 1)?;
        }
        Ok(())
    }

    /// Reads `{id, delivery count, fields}` triples, as the scripts give them.
    pub(super) fn push_claimed(&mut self, tokens: &mut Tokens<'_>) -> Result<()> {
        let count = tokens.array()?;
        self.reserve(count, 4, tokens);
        for _ in 0..count {
            if tokens.array()? != 3 {
                return Err(unexpected("a script"));
            }
            let id = tokens.entry_id()?;
            let deliveries = u32::try_from(tokens.int()?).unwrap_or(u32::MAX);
            self.push(tokens, id, deliveries)?;
        }
        Ok(())
    }

    /// Reserves room for the next entries, each with `around` values beside its fields,
    /// but no more than the values that have come.
    fn reserve(&mut self, count: u32, around: usize, tokens: &Tokens<'_>) {
        let (count, left) = (count as usize, tokens.left());
        if count > 0 {
            self.places.reserve_exact(count.min(left));
            let fields = left.saturating_sub(count.saturating_mul(around));
            self.spans.reserve_exact(fields);
        }
    }

    /// Reads ids of entries whose fields aren't needed.
    pub(super) fn push_ids(&mut self, tokens: &mut Tokens<'_>) -> Result<()> {
        for _ in 0..tokens.array()? {
            self.places.push(EntryPlace {
                id: tokens.entry_id()?,
                deliveries: 0,
                spans: 0..0,
                headed: false,
            });
        }
        Ok(())
    }

    /// One entry that can't be fetched, on this delivery.
    pub(crate) fn unread(id: EntryId, deliveries: u32) -> Self {
        let place = EntryPlace {
            id,
            deliveries,
            spans: 0..0,
            headed: false,
        };
        Self {
            places: vec![place],
            ..Self::default()
        }
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
        let mut headed = false;
        if !tokens.nil() {
            for at in 0..tokens.array()? {
                let span = tokens.bulk()?;
                headed |= at % 2 == 0 && tokens.starts_with(span, RESERVED);
                self.spans.push(span);
            }
        }
        self.places.push(EntryPlace {
            id,
            deliveries,
            spans: start..self.span_count(),
            headed,
        });
        Ok(())
    }

    /// The connection refuses replies whose tokens are beyond 32 bits.
    fn span_count(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The size of the reply, which lives until its last entry is done.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn id(&self, index: usize) -> EntryId {
        self.places.get(index).map_or(EntryId::MIN, |e| e.id)
    }

    pub(crate) fn deliveries(&self, index: usize) -> u32 {
        self.places.get(index).map_or(0, |e| e.deliveries)
    }

    /// One reserved field, named with its `~`. Costs nothing if there is none.
    pub(crate) fn header(&self, index: usize, name: &str) -> Option<&[u8]> {
        let headed = self.places.get(index)?.headed;
        headed.then(|| self.fields(index).header(name))?
    }

    pub(crate) fn fields(&self, index: usize) -> Fields<'_> {
        let spans = self
            .places
            .get(index)
            .and_then(|e| self.spans.get(e.spans.start as usize..e.spans.end as usize))
            .unwrap_or_default();
        Fields::new(&self.bytes, spans)
    }
}
