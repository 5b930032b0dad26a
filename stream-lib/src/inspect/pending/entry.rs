//! One entry that is pending.

use std::time::Duration;

use crate::inspect::address::EntryAddress;

/// An entry that was delivered and is not acknowledged (`XPENDING`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingEntry {
    /// Which one it is.
    pub at: EntryAddress,
    /// The consumer that holds it. Bytes that are no text are replaced.
    pub consumer: String,
    /// Whether that lives.
    pub holder: PendingHolder,
    /// How long ago it was delivered, or its holder last confirmed that it holds it. Of
    /// entries that wait, it counts from 1970.
    pub idle: Duration,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// Who holds a pending entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PendingHolder {
    /// A consumer that lives: its sign of life is good, or, of another library's, it was
    /// heard of lately.
    Alive,
    /// A consumer that is dead: its sign of life has lapsed, or it gives none and was not
    /// heard of for [`dead_after`](crate::Pending::dead_after).
    Dead,
    /// Nobody: it waits for a retry, or to be read again.
    Waiting,
    /// Nobody: it waits for somebody to take it over, such as the entries of a consumer
    /// that was removed, and an entry that is to run alone.
    Abandoned,
}

/// Pending entries that [`Pending::list`](crate::Pending::list) has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PendingPage {
    /// The entries: by partition, and the oldest first.
    pub entries: Vec<PendingEntry>,
    /// Where to go on, for [`PendingFilter::after`](crate::PendingFilter::after); `None`
    /// where that was all. There may be one though no entry was found: a call looks at so
    /// many only.
    pub next: Option<EntryAddress>,
}

impl PendingHolder {
    /// Whether no living consumer holds it.
    pub const fn is_nobody(self) -> bool {
        !matches!(self, Self::Alive)
    }

    /// Whether its consumer is dead, or was removed.
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Dead | Self::Abandoned)
    }
}
