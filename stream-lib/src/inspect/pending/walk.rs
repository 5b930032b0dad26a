//! A walk through pending entries: of all consumers at once, or of some, merged.
//!
//! Redis has one list for the group, and one for each consumer. The lists of dead
//! consumers are walked one by one, so that those of living ones cost nothing; entries
//! already read of each list are kept until their turn.

use std::collections::VecDeque;

use super::entry::{PendingEntry, PendingPage};
use super::filter::PendingFilter;
use super::holders::Holders;
use crate::command::{self, Group, HeldEntry};
use crate::error::Result;
use crate::inspect::parts::{StreamPart, StreamParts};
use crate::message::EntryId;

/// Entries that one request asks for.
const PAGE: usize = 1_000;

/// A walk through the pending entries of one part.
pub(super) struct Walk<'a> {
    stream: &'a StreamParts,
    part: &'a StreamPart,
    group: Group,
    filter: &'a PendingFilter,
    holders: Holders,
    /// The id behind which the walk begins.
    before: EntryId,
    lists: Vec<List>,
}

/// One list of pending entries, as far as it was read.
struct List {
    /// `None`: that of the group.
    consumer: Option<Vec<u8>>,
    read: VecDeque<HeldEntry>,
    /// The next id to read; `None` at the end.
    from: Option<EntryId>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        stream: &'a StreamParts,
        part: &'a StreamPart,
        group: Group,
        filter: &'a PendingFilter,
        holders: Holders,
    ) -> Self {
        let after = filter
            .after
            .filter(|after| after.partition == part.partition);
        let from = match after {
            Some(after) => following(after.id).map(|next| next.max(filter.from)),
            None => Some(filter.from),
        };
        let names = match (&filter.consumer, filter.dead_only) {
            (Some(consumer), _) => vec![Some(consumer.clone().into_bytes())],
            (None, true) => holders.dead().into_iter().map(Some).collect(),
            (None, false) => vec![None],
        };
        let list = |consumer| List {
            consumer,
            read: VecDeque::new(),
            from,
        };
        Self {
            stream,
            part,
            group,
            filter,
            holders,
            before: after.map_or(EntryId::MIN, |after| after.id),
            lists: names.into_iter().map(list).collect(),
        }
    }

    /// Adds the found entries to the page. Returns whether the page is full, or the bound
    /// on entries looked at is reached.
    pub(super) fn go(&mut self, page: &mut PendingPage, look: &mut usize) -> Result<bool> {
        let mut last = None;
        loop {
            if page.entries.len() >= self.filter.limit || *look == 0 {
                page.next = Some(self.part.address(last.unwrap_or(self.before)));
                return Ok(true);
            }
            let Some(held) = self.next()? else {
                return Ok(false);
            };
            *look -= 1;
            last = Some(held.id);
            let entry = PendingEntry {
                at: self.part.address(held.id),
                holder: self.holders.of(&held),
                consumer: String::from_utf8_lossy(&held.consumer).into_owned(),
                idle: held.idle,
                deliveries: held.deliveries,
            };
            if self.filter.admits(&entry) {
                page.entries.push(entry);
            }
        }
    }

    /// The next entry of all lists.
    fn next(&mut self) -> Result<Option<HeldEntry>> {
        let each = (PAGE / self.lists.len().max(1)).max(10);
        for list in &mut self.lists {
            let Some(from) = list.from.filter(|_| list.read.is_empty()) else {
                continue;
            };
            if from > self.filter.to {
                list.from = None;
                continue;
            }
            let (range, consumer) = ((from, self.filter.to), list.consumer.as_deref());
            let read = self.stream.looking(&self.part.keys, |wire| {
                command::held_entries(wire, &self.group, range, each, consumer)
            })?;
            let is_full = read.len() == each;
            let last = read.last().filter(|_| is_full);
            list.from = last.and_then(|last| following(last.id));
            list.read = read.into();
        }
        let first = self.lists.iter_mut().filter(|list| !list.read.is_empty());
        let first = first.min_by_key(|list| list.read.front().map(|held| held.id));
        Ok(first.and_then(|list| list.read.pop_front()))
    }
}

/// The next id, if there is one.
fn following(id: EntryId) -> Option<EntryId> {
    (id != EntryId::MAX).then(|| id.next())
}
