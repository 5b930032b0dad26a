//! How deliveries end: what is asked of the thread that settles them.

use std::sync::Arc;
use std::time::Duration;

use crate::consumer::member::held::Held;

/// What has ended; or the end of the thread that settles it.
pub(crate) enum Settle {
    /// Entries of it are done: see [`Held::take_done`].
    Done(Arc<Held>),
    Entry(Unsettled),
    /// Nothing comes behind this.
    Finish,
}

/// An entry whose delivery has ended, and that is not simply done.
pub(crate) struct Unsettled {
    pub(crate) held: Arc<Held>,
    pub(crate) index: usize,
    pub(crate) action: Action,
}

/// How a delivery ended.
#[derive(Debug)]
pub(crate) enum Action {
    /// Done, if the entry is still ours: Redis must be asked.
    AckHeld,
    /// It did not run: the count of deliveries goes back by one.
    GiveBack,
    Retry {
        delay: Duration,
    },
    Bury {
        reason: Reason,
        error: String,
    },
}

impl Settle {
    pub(crate) fn new(held: &Arc<Held>, index: usize, action: Action) -> Self {
        Self::Entry(Unsettled {
            held: Arc::clone(held),
            index,
            action,
        })
    }
}

/// Why an entry is among the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    RetriesExhausted,
    Permanent,
    Undecodable,
    Crashed,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RetriesExhausted => "retries-exhausted",
            Self::Permanent => "permanent",
            Self::Undecodable => "undecodable",
            Self::Crashed => "crashed",
        }
    }
}
