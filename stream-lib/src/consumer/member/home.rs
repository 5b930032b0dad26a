//! The member to which the entries of a reply belong, for threads that handle entries of
//! many members.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::runtime::Bell;

/// One member, as its entries know it: they wait for workers together with those of other
/// members of the consumer.
#[derive(Debug, Default)]
pub(crate) struct Home {
    /// The member's number within its consumer's life.
    number: u32,
    /// The keeper's bell.
    keeper: Bell,
    /// How many times a reply with its returning entries is queued for workers.
    returning: AtomicUsize,
    /// The bytes of all living replies of the consumer.
    bytes: Arc<AtomicUsize>,
}

impl Home {
    pub(super) fn new(number: u32, keeper: &Bell, bytes: &Arc<AtomicUsize>) -> Self {
        Self {
            number,
            keeper: keeper.clone(),
            returning: AtomicUsize::new(0),
            bytes: Arc::clone(bytes),
        }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn bytes(&self) -> &AtomicUsize {
        &self.bytes
    }

    /// Whether returning entries wait for a worker.
    pub(super) fn has_returning(&self) -> bool {
        self.returning.load(Ordering::SeqCst) > 0
    }

    /// Notes that a reply with returning entries is about to be queued.
    pub(super) fn expect_returning(&self) {
        self.returning.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that the reply was not queued after all.
    pub(super) fn returning_failed(&self) {
        self.returning.fetch_sub(1, Ordering::SeqCst);
    }

    /// Notes that a worker has taken the reply: there is room for others, which the
    /// keeper may claim.
    pub(super) fn returning_taken(&self) {
        self.returning_failed();
        self.keeper.ring();
    }
}
