//! Where the entries of a reply belong, for those who handle entries of many members.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::runtime::Bell;

/// One member, as its entries know it: they wait for workers together with those of
/// other members of the consumer.
#[derive(Debug, Default)]
pub(crate) struct Home {
    /// Of the member within its consumer's life. No other one has it.
    number: u32,
    /// Of the keeper.
    keeper: Bell,
    /// How often a reply with its returning entries waits for a worker.
    returning: AtomicUsize,
    /// Of all replies of the consumer that live.
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

    /// Notes that a reply with returning entries is about to wait.
    pub(super) fn expect_returning(&self) {
        self.returning.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that it doesn't wait after all.
    pub(super) fn returning_failed(&self) {
        self.returning.fetch_sub(1, Ordering::SeqCst);
    }

    /// Notes that a worker has taken it: there is room for others, which the keeper
    /// may claim.
    pub(super) fn returning_taken(&self) {
        self.returning_failed();
        self.keeper.ring();
    }
}
