//! The requests to the settler: how deliveries end.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::command::Parking;
use crate::consumer::cause::Cause;
use crate::consumer::member::held::Held;
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;

/// A request to the settler.
pub(crate) enum Settle {
    /// Entries of it are done: see [`Held::take_done`].
    Done(Arc<Held>),
    Entry(Unsettled),
    /// Nothing comes behind this: the thread ends.
    Finish,
}

/// An entry whose delivery has ended, other than by being done.
pub(crate) struct Unsettled {
    pub(crate) held: Arc<Held>,
    pub(crate) index: usize,
    pub(crate) action: Action,
    /// The answer to an earlier request was lost.
    pub(crate) is_repeated: bool,
}

/// How a delivery ended.
#[derive(Debug)]
pub(crate) enum Action {
    /// Done, if the entry is still ours: Redis must be asked.
    AckHeld,
    /// As [`AckHeld`](Self::AckHeld), with no handler for it.
    Skip,
    /// It did not run: the count of deliveries goes back by one.
    GiveBack,
    Retry {
        delay: Duration,
    },
    /// It has ended, and Redis would not take its end: it comes once more, with the
    /// same number.
    PutOff {
        delay: Duration,
    },
    Bury {
        reason: DeadReason,
        cause: Cause,
        /// Of the cause, for Redis and the log.
        text: String,
        /// Whether the log has the failure, though the entry isn't buried yet.
        is_told: Cell<bool>,
    },
}

impl Action {
    pub(crate) fn bury(reason: DeadReason, cause: Cause, text: String) -> Self {
        Self::Bury {
            reason,
            cause,
            text,
            is_told: Cell::new(false),
        }
    }
}

impl Settle {
    pub(crate) fn new(held: &Arc<Held>, index: usize, action: Action) -> Self {
        Self::Entry(Unsettled::new(held, index, action))
    }
}

impl Unsettled {
    pub(crate) fn new(held: &Arc<Held>, index: usize, action: Action) -> Self {
        Self {
            held: Arc::clone(held),
            index,
            action,
            is_repeated: false,
        }
    }

    pub(crate) fn id(&self) -> EntryId {
        self.held.id(self.index)
    }

    /// Its way to `~waiting`.
    pub(crate) fn parking(&self) -> Parking {
        let (delay, again) = match &self.action {
            Action::Retry { delay } => (*delay, false),
            Action::PutOff { delay } => (*delay, true),
            Action::GiveBack | Action::AckHeld | Action::Skip | Action::Bury { .. } => {
                (Duration::ZERO, true)
            }
        };
        let attempt = self.held.attempt(self.index);
        if attempt == 0 {
            // A takeover has found its deliveries used up, and is to find that again.
            return Parking {
                id: self.id(),
                attempt,
                delay: None,
                deliveries: None,
            };
        }
        Parking {
            id: self.id(),
            attempt,
            // One that is to run alone is found by the takeover, with its lock.
            delay: (!(again && self.held.is_alone())).then_some(delay),
            deliveries: again.then(|| attempt.saturating_sub(1)),
        }
    }
}
