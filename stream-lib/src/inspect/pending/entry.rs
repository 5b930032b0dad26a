//! One entry that is pending.

use std::time::Duration;

use crate::inspect::address::EntryAddress;

/// An entry that was delivered and is not acknowledged (`XPENDING`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingEntry {
    /// Its address.
    pub at: EntryAddress,
    /// The consumer that holds it. Bytes that are not UTF-8 are replaced.
    pub consumer: String,
    /// Whether that consumer lives.
    pub holder: PendingHolder,
    /// The time since its delivery, or since its holder last confirmed the lease. For
    /// entries that wait, it counts from 1970.
    pub idle: Duration,
    /// The number of deliveries.
    pub deliveries: u64,
}

/// The state of a pending entry's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PendingHolder {
    /// A living consumer: its sign of life is good, or, for another library's, Redis has
    /// heard of it lately.
    Alive,
    /// A dead consumer: its sign of life has lapsed, or it gives none and Redis hasn't
    /// heard of it for [`dead_after`](crate::Pending::dead_after).
    Dead,
    /// No consumer: the entry waits for a retry, or to be read again.
    Waiting,
    /// No consumer: the entry waits for a takeover, as the entries of a removed consumer
    /// do, and an entry that is to run alone.
    Abandoned,
}

/// The pending entries that [`Pending::list`](crate::Pending::list) found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PendingPage {
    /// The entries, by partition, the oldest first.
    pub entries: Vec<PendingEntry>,
    /// The start of the next page, for
    /// [`PendingFilter::after`](crate::PendingFilter::after); `None` on the last page. A
    /// page without entries may have one, since a call looks at a bounded number of
    /// entries.
    pub next: Option<EntryAddress>,
}

impl PendingHolder {
    /// Whether no living consumer holds the entry.
    pub const fn is_nobody(self) -> bool {
        !matches!(self, Self::Alive)
    }

    /// Whether the consumer is dead, or was removed.
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Dead | Self::Abandoned)
    }
}
