//! The requests to the settler: how deliveries end.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::command::{Mark, Parking};
use crate::consumer::cause::Cause;
use crate::consumer::member::held::Held;
use crate::consumer::member::outputs::{Output, Outputs};
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;

/// A request to the settler.
#[derive(Debug)]
pub(crate) enum Settle {
    /// Entries of it are done: see [`Held::take_done`].
    Done(Arc<Held>),
    Entry(Unsettled),
}

/// An entry whose delivery has ended, other than by being done.
#[derive(Debug)]
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
    /// Done, and acknowledged together with what is to be written, if the entry is
    /// still ours.
    Produce(Outputs),
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
    /// It has not run, since it is to wait for its turn.
    AwaitTurn {
        delay: Duration,
        mark: Mark,
    },
    /// Its handler was told of a rate limit, so that the group is held for so long. The
    /// delivery doesn't count.
    RateLimited {
        delay: Duration,
        mark: Mark,
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

    /// The outputs that are to be written with its acknowledgement.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Output> {
        let outputs = match &self.action {
            Action::Produce(outputs) => Some(outputs),
            _ => None,
        };
        outputs.into_iter().flat_map(Outputs::iter)
    }

    /// How much they take.
    pub(crate) fn output_bytes(&self) -> usize {
        match &self.action {
            Action::Produce(outputs) => outputs.bytes(),
            _ => 0,
        }
    }

    /// Its way to `~waiting`.
    pub(crate) fn parking(&self) -> Parking {
        let (delay, again) = match &self.action {
            Action::Retry { delay } => (*delay, false),
            Action::PutOff { delay }
            | Action::AwaitTurn { delay, .. }
            | Action::RateLimited { delay, .. } => (*delay, true),
            Action::GiveBack
            | Action::AckHeld
            | Action::Produce(_)
            | Action::Skip
            | Action::Bury { .. } => (Duration::ZERO, true),
        };
        let mark = match &self.action {
            Action::AwaitTurn { mark, .. } | Action::RateLimited { mark, .. } => *mark,
            // What has not run keeps what it had.
            Action::GiveBack | Action::PutOff { .. } => self.held.mark(self.index),
            _ => Mark::default(),
        };
        let attempt = self.held.attempt(self.index);
        if attempt == 0 {
            // A takeover has found its deliveries used up, and is to find that again.
            return Parking {
                id: self.id(),
                attempt,
                delay: None,
                deliveries: None,
                mark: Mark::default(),
            };
        }
        Parking {
            id: self.id(),
            attempt,
            // One that is to run alone is found by the takeover, with its lock.
            delay: (!(again && self.held.is_alone())).then_some(delay),
            deliveries: again.then(|| attempt.saturating_sub(1)),
            mark,
        }
    }
}
