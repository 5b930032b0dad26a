//! An entry that a worker has taken.

use std::sync::Arc;

use crate::command::reserved::FOR_GROUP;
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::stage::Stage;
use crate::message::{DecodeError, OwnedMessage};

/// An entry that a worker has taken.
#[derive(Clone)]
pub(crate) struct TakenEntry {
    pub(crate) member: Arc<Member>,
    pub(crate) held: Arc<Held>,
    pub(crate) index: usize,
}

impl TakenEntry {
    /// Whether no other consumer can have the entry yet, as far as known.
    pub(crate) fn is_held(&self) -> bool {
        self.held.stage(self.index) != Stage::Lost
            && self.held.since_confirmed() < self.member.config.lease
    }

    /// Whether a redrive has put the entry back for another group, whose delivery had
    /// failed.
    pub(crate) fn is_for_another_group(&self) -> bool {
        let redriven_for = self.held.header(self.index, FOR_GROUP);
        redriven_for.is_some_and(|group| group != self.member.group.name().as_bytes())
    }

    pub(crate) fn decode<M: OwnedMessage>(&self) -> Result<M, DecodeError> {
        M::decode(self.held.fields(self.index))
    }
}
