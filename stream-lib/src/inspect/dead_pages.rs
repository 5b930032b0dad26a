//! Dead letters read page by page, whatever their size.

use std::cmp;

use crate::command::{self, Entries};
use crate::connection::{Retry, Topology, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::EntryId;
use crate::runtime::Portion;

/// The largest number of dead letters in one answer, and in the first, which shows how
/// large they are.
const MOST: usize = 100;
const FIRST: usize = 10;
/// About how many bytes one answer may have.
const BYTES: usize = 4 << 20;

/// Reads the dead letters of a stream, the oldest first.
///
/// A page whose answer is lost is asked for again in halves, down to one dead letter.
pub(super) struct DeadPages<'a> {
    topology: &'a Topology,
    keys: &'a StreamKeys,
    wire: Option<Wire>,
    after: Option<EntryId>,
    portion: Portion,
    /// Bytes of the largest recent dead letters.
    letter_bytes: Option<usize>,
    is_over: bool,
}

impl<'a> DeadPages<'a> {
    pub(super) fn new(
        topology: &'a Topology,
        keys: &'a StreamKeys,
        after: Option<EntryId>,
    ) -> Self {
        Self {
            topology,
            keys,
            wire: None,
            after,
            portion: Portion::new(MOST),
            letter_bytes: None,
            is_over: false,
        }
    }

    /// The next page, with at most `most` dead letters; `None` at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Entries>> {
        let mut retry = Retry::within(self.topology.connect_timeout());
        loop {
            let count = self.count(most);
            if count == 0 || self.is_over {
                return Ok(None);
            }
            match self.read(count) {
                Ok(page) => {
                    self.portion.received(page.len());
                    return Ok(self.accept(page, count));
                }
                Err(e) => {
                    self.wire = None;
                    let is_smaller = Portion::is_about(&e) && self.portion.halve(count);
                    if !is_smaller && !self.topology.may_go_again(&mut retry, &e) {
                        return Err(e);
                    }
                }
            }
        }
    }

    fn count(&self, most: usize) -> usize {
        let fitting = match self.letter_bytes {
            Some(bytes) => (BYTES / bytes.max(1)).max(1),
            None => FIRST,
        };
        most.min(fitting).min(self.portion.size())
    }

    fn read(&mut self, count: usize) -> Result<Entries> {
        let wire = if let Some(wire) = &mut self.wire {
            wire
        } else {
            self.wire.insert(self.topology.dedicated(self.key())?)
        };
        command::dead_letters(wire, self.keys, self.after, count)
    }

    fn key(&self) -> &'a [u8] {
        self.keys.stream().as_bytes()
    }

    fn accept(&mut self, page: Entries, count: usize) -> Option<Entries> {
        self.is_over = page.len() < count;
        let last = page.len().checked_sub(1)?;
        self.after = Some(page.id(last));
        let mean = page.bytes() / page.len();
        let seen = self.letter_bytes.unwrap_or(0);
        self.letter_bytes = Some(cmp::max(mean, seen - seen / 8));
        Some(page)
    }
}
