//! The replies of which this process holds entries.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;

use crate::command::Entries;
use crate::consumer::member::held::Held;
use crate::consumer::member::home::Home;
use crate::consumer::member::kin::Kin;
use crate::consumer::member::stage::{Company, Stage};
use crate::message::EntryId;

/// All replies with entries that are not settled. It keeps none of them alive.
#[derive(Debug)]
pub(crate) struct HeldReplies {
    replies: Mutex<Vec<Weak<Held>>>,
    home: Arc<Home>,
    /// For a partition: its replies with those of earlier members for it.
    kin: Option<Arc<Kin>>,
}

impl HeldReplies {
    pub(super) fn new(home: &Arc<Home>, kin: Option<Arc<Kin>>) -> Self {
        Self {
            replies: Mutex::default(),
            home: Arc::clone(home),
            kin,
        }
    }

    /// Registers entries as held. `asked` is when the request was sent that brought them.
    pub(crate) fn hold(&self, entries: Entries, company: Company, asked: Instant) -> Arc<Held> {
        let held = Arc::new(Held::new(entries, company, asked, &self.home));
        let mut replies = self.replies.lock();
        replies.retain(|known| known.strong_count() > 0);
        replies.push(Arc::downgrade(&held));
        drop(replies);
        if let Some(kin) = &self.kin {
            kin.hold(&held);
        }
        held
    }

    /// Whether another member of the consumer has the partition by now.
    pub(crate) fn are_succeeded(&self) -> bool {
        let kin = self.kin.as_ref();
        kin.is_some_and(|kin| kin.is_succeeded(self.home.number()))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Held>> {
        let replies = self.replies.lock();
        replies.iter().filter_map(Weak::upgrade).collect()
    }

    /// All replies with entries that Redis has under the consumer's name.
    fn all_of_name(&self) -> Vec<Arc<Held>> {
        self.kin
            .as_ref()
            .map_or_else(|| self.all(), |kin| kin.replies())
    }

    /// The ids of all entries that are not settled, with those of the partition's other
    /// members.
    pub(crate) fn ids(&self) -> Vec<EntryId> {
        self.all_of_name()
            .iter()
            .flat_map(|held| {
                (0..held.len())
                    .filter(|&index| held.stage(index) != Stage::Gone)
                    .map(|index| held.id(index))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// The most entries that Redis should count as ours: those that are not settled,
    /// without those that other consumers may have, with those of the partition's other
    /// members.
    pub(crate) fn count_ours(&self) -> usize {
        let is_ours = |held: &Held, index| !matches!(held.stage(index), Stage::Lost | Stage::Gone);
        self.all_of_name()
            .iter()
            .map(|held| {
                (0..held.len())
                    .filter(|&index| is_ours(held, index))
                    .count()
            })
            .sum()
    }

    /// Whether an entry has come again after `held`, in another reply.
    pub(crate) fn has_again(&self, held: &Arc<Held>, id: EntryId) -> bool {
        self.all().iter().any(|other| {
            !Arc::ptr_eq(other, held)
                && other.came_after(held)
                && (0..other.len())
                    .any(|index| other.id(index) == id && other.stage(index) != Stage::Gone)
        })
    }

    /// Whether a handler runs for an entry.
    pub(crate) fn are_running(&self) -> bool {
        self.all()
            .iter()
            .any(|held| held.running().next().is_some())
    }

    /// The bytes of the replies of all members of the consumer.
    pub(crate) fn bytes(&self) -> usize {
        self.home.bytes().load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn entry_has_come_again_if_it_came_later() {
        let replies = HeldReplies::new(&Arc::default(), None);
        let (id, asked) = (EntryId::new(1, 1), Instant::now());
        let hold = |asked| replies.hold(Entries::unread(id, 1), Company::Any, asked);
        let earlier = hold(asked);
        assert!(!replies.has_again(&earlier, id));
        let later = hold(asked + Duration::from_millis(1));
        assert!(replies.has_again(&earlier, id));
        assert!(!replies.has_again(&later, id), "it is the last");
        later.set_stage(0, Stage::Gone);
        assert!(!replies.has_again(&earlier, id));
    }
}
