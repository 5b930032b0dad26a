//! Selections of pending entries.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::entry::PendingEntry;
use crate::inspect::address::EntryAddress;
use crate::message::EntryId;

/// The entries that [`Pending::list`](crate::Pending::list) returns: all of them, unless
/// a setter restricts it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use stream_lib::PendingFilter;
///
/// let stuck = PendingFilter::new().min_idle(Duration::from_secs(300)).limit(50);
/// # drop(stuck);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingFilter {
    pub(super) from: EntryId,
    pub(super) to: EntryId,
    pub(super) after: Option<EntryAddress>,
    pub(super) consumer: Option<String>,
    pub(super) min_idle: Duration,
    pub(super) min_deliveries: u64,
    pub(super) dead_only: bool,
    pub(super) limit: usize,
    pub(super) look: usize,
}

impl PendingFilter {
    /// All pending entries, at most 100.
    pub const fn new() -> Self {
        Self {
            from: EntryId::MIN,
            to: EntryId::MAX,
            after: None,
            consumer: None,
            min_idle: Duration::ZERO,
            min_deliveries: 0,
            dead_only: false,
            limit: 100,
            look: 100_000,
        }
    }

    /// Entries that may have killed their consumers: held by dead consumers, and
    /// delivered at least twice.
    pub const fn suspects() -> Self {
        Self::new().held_by_dead().min_deliveries(2)
    }

    /// Only entries with ids in this range, both ends included. Defaults to all.
    #[must_use]
    pub const fn between(mut self, ids: RangeInclusive<EntryId>) -> Self {
        self.from = *ids.start();
        self.to = *ids.end();
        self
    }

    /// Continues behind an entry: the [`next`](crate::PendingPage::next) of the page
    /// before. Defaults to the beginning.
    #[must_use]
    pub const fn after(mut self, after: EntryAddress) -> Self {
        self.after = Some(after);
        self
    }

    /// Only entries that this consumer holds. Defaults to all consumers.
    #[must_use]
    pub fn consumer(mut self, consumer: impl Into<String>) -> Self {
        self.consumer = Some(consumer.into());
        self
    }

    /// Only entries that have been idle for at least this time. Defaults to zero.
    #[must_use]
    pub const fn min_idle(mut self, idle: Duration) -> Self {
        self.min_idle = idle;
        self
    }

    /// Only entries with at least this number of deliveries. Defaults to zero.
    #[must_use]
    pub const fn min_deliveries(mut self, deliveries: u64) -> Self {
        self.min_deliveries = deliveries;
        self
    }

    /// Only entries of consumers that are dead or have been removed, without those that
    /// wait for a retry. Defaults to all.
    #[must_use]
    pub const fn held_by_dead(mut self) -> Self {
        self.dead_only = true;
        self
    }

    /// Bounds the number of entries returned. Defaults to 100.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Bounds the number of pending entries that one call looks at, in requests of 1,000.
    /// Defaults to 100,000.
    #[must_use]
    pub const fn look(mut self, look: usize) -> Self {
        self.look = look;
        self
    }

    pub(super) fn admits(&self, entry: &PendingEntry) -> bool {
        let is_dead = entry.holder.is_dead();
        entry.idle >= self.min_idle
            && entry.deliveries >= self.min_deliveries
            && (is_dead || !self.dead_only)
    }
}

impl Default for PendingFilter {
    fn default() -> Self {
        Self::new()
    }
}
