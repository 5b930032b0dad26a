//! Completed entries, taken to be acknowledged together.

use std::sync::Arc;
use std::time::Duration;

use crate::consumer::member::held::Held;
use crate::consumer::member::settle::{Action, Unsettled};
use crate::message::EntryId;

/// Most entries in one request.
pub(crate) const CHUNK: usize = 1_000;

/// Entries taken from [`Stage::Done`](super::stage::Stage): the owner of this value has
/// to settle them.
#[derive(Debug, Default)]
pub(crate) struct Done {
    replies: Vec<(Arc<Held>, Vec<usize>)>,
    len: usize,
}

impl Done {
    /// Takes the entries of an announced reply that are done.
    pub(crate) fn take(&mut self, held: Arc<Held>) {
        let taken = held.take_done();
        if !taken.is_empty() {
            self.len += taken.len();
            self.replies.push((held, taken));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn ids(&self) -> Vec<EntryId> {
        self.replies
            .iter()
            .flat_map(|(held, taken)| taken.iter().map(|&index| held.id(index)))
            .collect()
    }

    /// Splits off the entries that another consumer may have by now, which need a
    /// question to Redis.
    pub(crate) fn split_doubtful(&mut self, lease: Duration) -> Vec<Unsettled> {
        let doubtful = self
            .replies
            .extract_if(.., |(held, _)| !is_ours(held, lease));
        let doubtful: Vec<_> = doubtful
            .flat_map(|(held, taken)| {
                taken
                    .into_iter()
                    .map(move |index| Unsettled::new(&held, index, Action::AckHeld))
            })
            .collect();
        self.len -= doubtful.len();
        doubtful
    }

    /// The replies, each with the indexes of its entries.
    pub(crate) fn replies(&self) -> &[(Arc<Held>, Vec<usize>)] {
        &self.replies
    }
}

/// Whether no other consumer can be about to take the entries over. The server's clock
/// may be off by a third of a lease without notice, so that others may have them after
/// two thirds; some time is left for the request.
pub(crate) fn is_ours(held: &Held, lease: Duration) -> bool {
    !held.is_doubtful() && held.since_confirmed() < lease * 5 / 8
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::command::Entries;
    use crate::consumer::member::stage::Company;

    const LEASE: Duration = Duration::from_secs(600);

    /// A reply that was asked for `ago` before now.
    fn asked_ago(ago: Duration) -> Option<Held> {
        let entries = Entries::unread(EntryId::new(1, 1), 1);
        let asked = Instant::now().checked_sub(ago)?;
        Some(Held::new(entries, Company::Any, asked, &Arc::default()))
    }

    #[test]
    fn redis_is_asked_once_a_clock_that_is_off_may_have_ended_the_lease() {
        // A machine that has just started has no earlier time.
        let (Some(soon), Some(late)) = (asked_ago(LEASE * 6 / 10), asked_ago(LEASE * 2 / 3)) else {
            return;
        };
        assert!(is_ours(&soon, LEASE));
        assert!(!is_ours(&late, LEASE));
    }

    #[test]
    fn redis_is_asked_after_a_renewal_that_found_an_entry_with_somebody_else() {
        let held = Held::for_test(2, Company::Any);
        assert!(is_ours(&held, LEASE));
        held.doubt(true);
        assert!(!is_ours(&held, LEASE));
        held.doubt(false);
        assert!(is_ours(&held, LEASE));
    }
}
