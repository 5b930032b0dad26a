//! The members of one consumer for one partition.
//!
//! A partition may come back to a consumer while the last handlers of its earlier member
//! still run. Redis knows both by one name, so each has to know what the other holds, and
//! must not take it for deliveries whose answers were lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::consumer::member::held::Held;

/// The state that the members for one partition share.
#[derive(Debug, Default)]
pub(crate) struct Kin {
    /// The replies of which any of them holds entries.
    replies: Mutex<Vec<Weak<Held>>>,
    /// The number of the latest one, which reads.
    latest: AtomicU32,
}

/// The kin of each partition that has members.
#[derive(Debug, Default)]
pub(super) struct AllKin(Mutex<BTreeMap<u16, Weak<Kin>>>);

impl AllKin {
    /// Enters a member, whose number is the highest so far.
    pub(super) fn enter(&self, partition: u16, number: u32) -> Arc<Kin> {
        let mut all = self.0.lock();
        let known = all.get(&partition).and_then(Weak::upgrade);
        let kin = known.unwrap_or_default();
        all.insert(partition, Arc::downgrade(&kin));
        kin.latest.store(number, Ordering::SeqCst);
        kin
    }
}

impl Kin {
    /// Whether the member with this number has a successor.
    pub(super) fn is_succeeded(&self, number: u32) -> bool {
        self.latest.load(Ordering::SeqCst) != number
    }

    pub(super) fn hold(&self, held: &Arc<Held>) {
        let mut replies = self.replies.lock();
        replies.retain(|known| known.strong_count() > 0);
        replies.push(Arc::downgrade(held));
    }

    pub(super) fn replies(&self) -> Vec<Arc<Held>> {
        let replies = self.replies.lock();
        replies.iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::member::stage::Company;

    #[test]
    fn a_successor_knows_what_the_one_before_holds_and_others_do_not() {
        let all = AllKin::default();
        let before = all.enter(3, 1);
        let other = all.enter(4, 2);
        let held = Held::for_test(2, Company::Any);
        before.hold(&held);
        assert!(!before.is_succeeded(1));
        let after = all.enter(3, 3);
        assert!(before.is_succeeded(1) && !after.is_succeeded(3));
        assert_eq!(after.replies().len(), 1);
        assert!(other.replies().is_empty() && !other.is_succeeded(2));
        drop(held);
        assert!(after.replies().is_empty());
        drop((before, after));
        assert!(all.enter(3, 4).replies().is_empty());
    }
}
