//! The requests to the settler: the ends of deliveries.

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

/// An entry whose delivery has ended, but not with success alone.
#[derive(Debug)]
pub(crate) struct Unsettled {
    pub(crate) held: Arc<Held>,
    pub(crate) index: usize,
    pub(crate) action: Action,
    /// The answer to an earlier request was lost.
    pub(crate) is_repeated: bool,
}

/// The end of a delivery.
#[derive(Debug)]
pub(crate) enum Action {
    /// Done, and to be acknowledged if Redis says that the entry is still ours.
    AckHeld,
    /// Done, and acknowledged together with the writing of its outputs, if the entry is
    /// still ours.
    Produce(Outputs),
    /// As [`AckHeld`](Self::AckHeld), without a handler.
    Skip,
    /// It did not run: the count of deliveries goes back by one.
    GiveBack,
    Retry {
        delay: Duration,
    },
    /// It has ended, but Redis did not take its end: it is delivered again, with the same
    /// number.
    PutOff {
        delay: Duration,
    },
    /// It has not run, since its turn comes later.
    AwaitTurn {
        delay: Duration,
        mark: Mark,
    },
    /// Its handler was told of a rate limit, so the group is held for `delay`. The
    /// delivery doesn't count.
    RateLimited {
        delay: Duration,
        mark: Mark,
    },
    Bury {
        reason: DeadReason,
        cause: Cause,
        /// The text of the cause, for Redis and the log.
        text: String,
        /// Whether the failure is logged, though the entry isn't buried yet.
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

    /// The bytes of its outputs.
    pub(crate) fn output_bytes(&self) -> usize {
        match &self.action {
            Action::Produce(outputs) => outputs.bytes(),
            _ => 0,
        }
    }

    /// The request that moves it to `~waiting`.
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
            // An entry that has not run keeps its mark.
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
            // An entry that is to run alone is left to the takeover, with its lock.
            delay: (!(again && self.held.is_alone())).then_some(delay),
            deliveries: again.then(|| attempt.saturating_sub(1)),
            mark,
        }
    }
}
