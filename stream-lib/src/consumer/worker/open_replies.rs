//! The replies from which batches are gathered.

use std::sync::Arc;

use crate::consumer::member::Buffer;
use crate::consumer::member::held::Held;

/// One reply of new entries, and one of returning entries.
#[derive(Debug, Default)]
pub(crate) struct OpenReplies {
    new: Option<Arc<Held>>,
    returning: Option<Arc<Held>>,
    /// Whether returning entries are first in the next batch; it alternates, so that
    /// neither kind waits for the other to end.
    returning_first: bool,
}

impl OpenReplies {
    /// Replaces used-up replies. Returns whether there is any other.
    pub(crate) fn refill(&mut self, buffer: &Buffer) -> bool {
        while is_used_up(self.new.as_ref()) {
            self.new = buffer.next_new();
            if self.new.is_none() {
                break;
            }
        }
        while is_used_up(self.returning.as_ref()) {
            self.returning = buffer.next_returning();
            if self.returning.is_none() {
                break;
            }
        }
        self.first().is_some()
    }

    pub(crate) fn first(&self) -> Option<&Arc<Held>> {
        self.new.as_ref().or(self.returning.as_ref())
    }

    /// The open replies, in the order of this turn.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &Arc<Held>> {
        let mut order = [&self.new, &self.returning];
        if self.returning_first {
            order.reverse();
        }
        order.into_iter().flatten()
    }

    /// Ends a turn.
    pub(crate) fn turn(&mut self) {
        self.returning_first = !self.returning_first;
    }
}

fn is_used_up(held: Option<&Arc<Held>>) -> bool {
    held.is_none_or(|held| held.is_used_up())
}
