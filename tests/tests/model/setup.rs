//! The bounds of a search, and the planted bug.

use crate::bug::Bug;

pub(crate) const PROCESSES: usize = 3;
pub(crate) const ENTRIES: usize = 2;
/// How many deliveries a process has in hand at most.
pub(crate) const HANDS: usize = 3;

/// A lease in ticks: a sign of life is given, and what was confirmed a tick ago renewed,
/// each third of it.
pub(crate) const LEASE: i8 = 3;
/// By how much a server's clock may be off unnoticed.
pub(crate) const TOLERANCE: i8 = LEASE / 3;
/// By how much the clock is set: so little that nobody notices, or more than a lease.
pub(crate) const STEPS: [i8; 4] = [TOLERANCE, -TOLERANCE, LEASE + 2, -LEASE - 2];

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Crash,
    Freeze,
    /// Of all data.
    Flush,
    /// Of the scripts.
    ScriptFlush,
    Clock,
    /// A handler that runs for too long.
    Cap,
    /// Requests that take their time.
    Slow,
    /// Requests, answers, and connections.
    Lost,
    /// Requests that are carried out after their connection was given up.
    Late,
}

impl Kind {
    pub(crate) const ALL: &[Self] = &[
        Self::Crash,
        Self::Freeze,
        Self::Flush,
        Self::ScriptFlush,
        Self::Clock,
        Self::Cap,
        Self::Slow,
        Self::Lost,
        Self::Late,
    ];
}

/// One search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// How many processes may begin.
    pub(crate) processes: usize,
    /// How many entries are added at most; the first is there from the beginning.
    pub(crate) entries: usize,
    /// Deliveries after which an entry is buried.
    pub(crate) deliveries: u8,
    /// How many faults a path has at most.
    pub(crate) faults: u8,
    /// Of which kinds.
    pub(crate) kinds: &'static [Kind],
    pub(crate) bug: Option<Bug>,
    /// Of so many states, one is followed to its end: see `ending`.
    pub(crate) ends: u64,
}

impl Setup {
    pub(crate) const PLAIN: Self = Self {
        processes: PROCESSES,
        entries: 1,
        deliveries: 3,
        faults: 2,
        kinds: Kind::ALL,
        bug: None,
        ends: 16,
    };

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}
