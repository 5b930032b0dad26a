//! The ledger of added and handled orders, with times.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stream_lib::{Added, ErrorKind, Result};

/// What became of adding an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Redis has it.
    Confirmed,
    /// The spool has it.
    Spooled,
    /// Redis may have it.
    Unknown,
    /// Redis has it, and too few replicas.
    NotReplicated,
    /// Redis doesn't have it.
    Refused,
}

/// One order, and the call that added it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) fate: Fate,
    /// What went wrong.
    pub(super) error: Option<String>,
}

/// The calls of one producer, in their order.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<Vec<Call>>);

impl Calls {
    pub(super) fn enter(&self, number: u64, began: Instant, result: &Result<Added>) {
        let fate = match result {
            Ok(Added::Spooled) => Fate::Spooled,
            Ok(_) => Fate::Confirmed,
            Err(e) => match e.kind() {
                ErrorKind::OutcomeUnknown => Fate::Unknown,
                ErrorKind::NotReplicated => Fate::NotReplicated,
                _ => Fate::Refused,
            },
        };
        self.0.lock().push(Call {
            number,
            began,
            ended: Instant::now(),
            fate,
            error: result.as_ref().err().map(ToString::to_string),
        });
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.0.lock().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// The call that took longest.
    pub(super) fn longest(&self) -> Option<Call> {
        let calls = self.0.lock();
        calls.iter().max_by_key(|call| call.took()).cloned()
    }
}

impl Call {
    pub(super) fn took(&self) -> Duration {
        self.ended - self.began
    }
}

/// One run of a handler for one order.
#[derive(Debug, Clone)]
pub(super) struct Handling {
    pub(super) number: u64,
    pub(super) at: Instant,
}

/// What the consumers of one group have handled of one stream.
#[derive(Debug, Default)]
pub(super) struct Handled(Mutex<Vec<Handling>>);

impl Handled {
    pub(super) fn enter(&self, number: u64) {
        let at = Instant::now();
        self.0.lock().push(Handling { number, at });
    }

    pub(super) fn all(&self) -> Vec<Handling> {
        self.0.lock().clone()
    }
}
