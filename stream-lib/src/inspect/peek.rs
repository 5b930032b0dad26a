//! The entries of a stream, for people to look at.

use std::cmp::Reverse;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::address::EntryAddress;
use super::parts::{StreamPart, StreamParts};
use crate::command::{self, Glance, GlancedEntry};
use crate::connection::Topology;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::{EntryId, RESERVED, RawMessage};
use crate::split::Splits;

/// The entries that [`StreamManager::peek`](crate::StreamManager::peek) returns, and
/// their bounds in bytes.
///
/// # Examples
///
/// ```
/// use stream_lib::{EntryId, Peek};
///
/// let newest = Peek::newest(10);
/// let hour = EntryId::new(1_700_000_000_000, 0)..=EntryId::new(1_700_003_600_000, 0);
/// let of_an_hour = Peek::oldest(100).between(hour).max_bytes(64 << 10);
/// # drop((newest, of_an_hour));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    newest_first: bool,
    limit: usize,
    from: EntryId,
    to: EntryId,
    after: Option<EntryAddress>,
    partition: Option<u16>,
    max_bytes: usize,
    max_value_bytes: usize,
}

impl Peek {
    /// The newest entries, at most `limit`, the newest first.
    pub const fn newest(limit: usize) -> Self {
        Self {
            newest_first: true,
            limit,
            from: EntryId::MIN,
            to: EntryId::MAX,
            after: None,
            partition: None,
            max_bytes: 1 << 20,
            max_value_bytes: 64 << 10,
        }
    }

    /// The oldest entries, at most `limit`, the oldest first.
    pub const fn oldest(limit: usize) -> Self {
        Self {
            newest_first: false,
            ..Self::newest(limit)
        }
    }

    /// Only entries with ids in this range, both ends included. Defaults to all.
    #[must_use]
    pub const fn between(mut self, ids: RangeInclusive<EntryId>) -> Self {
        self.from = *ids.start();
        self.to = *ids.end();
        self
    }

    /// Continues behind an entry: the [`next`](PeekPage::next) of the page before.
    /// Defaults to the beginning.
    #[must_use]
    pub const fn after(mut self, after: EntryAddress) -> Self {
        self.after = Some(after);
        self
    }

    /// Only entries of this partition. Defaults to all partitions, merged by ids.
    #[must_use]
    pub const fn partition(mut self, partition: u16) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Bounds the bytes of the page, approximately; at least one entry is always
    /// returned. Each partition may bring at least 4 KiB. Defaults to 1 MiB.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Bounds the bytes of each name and of each value. Defaults to 64 KiB.
    #[must_use]
    pub const fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// The request to one part, out of `parts`.
    fn glance(&self, part: &StreamPart, parts: usize) -> Option<Glance> {
        let (mut from, mut to) = (self.from, self.to);
        if let Some(after) = self.after {
            // Entries with equal ids are in the order of their partitions, or its
            // reverse.
            let is_behind = if self.newest_first {
                part.partition < after.partition
            } else {
                part.partition > after.partition
            };
            match (self.newest_first, is_behind) {
                (true, true) => to = to.min(after.id),
                (true, false) if after.id == EntryId::MIN => return None,
                (true, false) => to = to.min(after.id.previous()),
                (false, true) => from = from.max(after.id),
                (false, false) if after.id == EntryId::MAX => return None,
                (false, false) => from = from.max(after.id.next()),
            }
        }
        let bytes = if parts > 1 {
            (self.max_bytes / parts).max(4 << 10)
        } else {
            self.max_bytes
        };
        Some(Glance {
            from,
            to,
            newest_first: self.newest_first,
            most: self.limit,
            bytes,
            value_bytes: self.max_value_bytes,
        })
    }
}

/// The entries that [`StreamManager::peek`](crate::StreamManager::peek) found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PeekPage {
    /// The entries, in the requested order.
    pub entries: Vec<PeekedEntry>,
    /// The start of the next page, for [`Peek::after`]; `None` on the last page.
    pub next: Option<EntryAddress>,
}

/// One entry, or as much of it as the bounds allow. `Debug` shows no payload.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeekedEntry {
    /// Its address.
    pub at: EntryAddress,
    /// Its fields as stored, in order, with the library's own, whose names begin with
    /// `~`.
    pub fields: Vec<PeekedField>,
    /// The number of its fields: more than [`fields`](Self::fields) has if some were left
    /// out for their size.
    pub field_count: u64,
}

/// One field of an entry. `Debug` shows no payload.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeekedField {
    /// The name, of any bytes.
    pub name: Vec<u8>,
    /// The value, of any bytes: only its beginning if it is longer than the bound.
    pub value: Vec<u8>,
    /// The bytes of the whole value.
    pub length: u64,
}

impl PeekedField {
    /// Whether the value is complete.
    pub fn is_whole(&self) -> bool {
        self.value.len() as u64 == self.length
    }
}

impl PeekedEntry {
    fn new(part: &StreamPart, entry: GlancedEntry) -> Self {
        let field = |(name, value, length)| PeekedField {
            name,
            value,
            length,
        };
        Self {
            at: part.address(entry.id),
            fields: entry.fields.into_iter().map(field).collect(),
            field_count: entry.field_count,
        }
    }

    /// Whether all fields and values are complete.
    pub fn is_whole(&self) -> bool {
        let has_all = self.fields.len() as u64 == self.field_count;
        has_all && self.fields.iter().all(PeekedField::is_whole)
    }

    /// The value of a field; of duplicates, the last.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let field = self.fields.iter().rfind(|field| field.name == name);
        field.map(|field| field.value.as_slice())
    }

    /// Its fields except for the library's own, as far as they were fetched.
    pub fn message(&self) -> RawMessage {
        let fields = self.fields.iter();
        fields
            .filter(|field| field.name.first() != Some(&RESERVED))
            .map(|field| (field.name.as_slice(), field.value.as_slice()))
            .collect()
    }
}

impl fmt::Debug for PeekedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeekedEntry")
            .field("at", &self.at.to_string())
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PeekedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes", self.name.escape_ascii(), self.length)
    }
}

/// Looks at the entries of a stream, or of all its partitions.
pub(crate) fn peek(
    topology: Arc<Topology>,
    splits: Arc<Splits>,
    keys: StreamKeys,
    peek: &Peek,
) -> Result<PeekPage> {
    let stream = StreamParts::new(topology, splits, keys);
    let parts = match peek.partition {
        Some(_) => {
            let at = EntryAddress::new(peek.partition, EntryId::MIN);
            stream
                .of_each(&[at])?
                .into_iter()
                .map(|(part, _)| part)
                .collect()
        }
        None => stream.all()?,
    };
    let mut entries = Vec::new();
    // Nothing is known beyond the last entry of a part that has more.
    let mut horizons = Vec::new();
    for part in &parts {
        let Some(glance) = peek.glance(part, parts.len()) else {
            continue;
        };
        let key = part.keys.stream();
        let found = stream.looking(&part.keys, |wire| command::glance(wire, key, &glance))?;
        let ids = found.entries.last().map(|entry| part.address(entry.id));
        horizons.extend(ids.filter(|_| found.more));
        let found = found.entries.into_iter();
        entries.extend(found.map(|entry| PeekedEntry::new(part, entry)));
    }
    let order = |at: EntryAddress| (at.id, at.partition);
    let horizon = if peek.newest_first {
        entries.sort_by_key(|entry| Reverse(order(entry.at)));
        horizons.into_iter().max_by_key(|at| order(*at))
    } else {
        entries.sort_by_key(|entry| order(entry.at));
        horizons.into_iter().min_by_key(|at| order(*at))
    };
    let known = horizon.and_then(|horizon| entries.iter().position(|e| e.at == horizon));
    let known = known.map_or(entries.len(), |last| last + 1);
    let count = known.min(peek.limit);
    let has_more = horizon.is_some() || count < entries.len();
    entries.truncate(count);
    let next = entries.last().map(|entry| entry.at).filter(|_| has_more);
    Ok(PeekPage { entries, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StreamKeys;

    fn part(partition: u16) -> StreamPart {
        StreamPart {
            partition: Some(partition),
            keys: StreamKeys::new("orders").unwrap().partition(partition),
        }
    }

    #[test]
    fn the_next_page_begins_behind_the_last_entry_in_each_partition() {
        let after = EntryAddress::new(Some(1), EntryId::new(5, 0));
        let range = |peek: Peek, partition| {
            let glance = peek.after(after).glance(&part(partition), 3).unwrap();
            (glance.from, glance.to)
        };
        let (id, first, last) = (EntryId::new(5, 0), EntryId::MIN, EntryId::MAX);
        assert_eq!(range(Peek::oldest(9), 0), (id.next(), last));
        assert_eq!(range(Peek::oldest(9), 1), (id.next(), last));
        assert_eq!(range(Peek::oldest(9), 2), (id, last));
        assert_eq!(range(Peek::newest(9), 0), (first, id));
        assert_eq!(range(Peek::newest(9), 1), (first, id.previous()));
        assert_eq!(range(Peek::newest(9), 2), (first, id.previous()));
    }

    #[test]
    fn debug_shows_no_payload() {
        let entry = PeekedEntry {
            at: EntryAddress::new(None, EntryId::new(1, 0)),
            fields: vec![PeekedField {
                name: b"pin".to_vec(),
                value: b"secret".to_vec(),
                length: 6,
            }],
            field_count: 1,
        };
        let shown = format!("{entry:?}");
        assert!(
            shown.contains("pin: 6 bytes") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
