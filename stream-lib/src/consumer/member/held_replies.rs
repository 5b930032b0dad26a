//! The replies that this process holds entries of.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::consumer::member::held::{Held, Stage};
use crate::message::EntryId;

/// Every reply of which an entry is still somewhere. This keeps none alive.
#[derive(Debug, Default)]
pub(crate) struct HeldReplies(Mutex<Vec<Weak<Held>>>);

impl HeldReplies {
    pub(crate) fn insert(&self, held: &Arc<Held>) {
        let mut replies = self.0.lock();
        replies.retain(|known| known.strong_count() > 0);
        replies.push(Arc::downgrade(held));
    }

    pub(crate) fn all(&self) -> Vec<Arc<Held>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// The ids of all entries that are not settled.
    pub(crate) fn ids(&self) -> Vec<EntryId> {
        self.all()
            .iter()
            .flat_map(|held| {
                (0..held.len())
                    .filter(|&index| held.stage(index) != Stage::Gone)
                    .map(|index| held.id(index))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}
