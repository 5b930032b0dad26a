//! The stages of an entry, from its delivery until Redis has confirmed its end.
//!
//! | from | to | when | by |
//! |---|---|---|---|
//! | Buffered | Running | the handler starts | a worker |
//! | Buffered | Settling | it is withdrawn at a stop, after a lease in the buffer, or to be buried unstarted | a worker, the keeper |
//! | Buffered | Gone | its lease was lost | the keeper |
//! | Running | Lost | its lease was lost, or reached the cap | the keeper |
//! | Running | Done | the handler has succeeded | the worker |
//! | Running, Lost | Settling | the delivery has ended in any other way | the worker |
//! | Done | Settling | an acknowledgement goes out | the acknowledger |
//! | Done | Gone | its lease was lost | the keeper |
//! | Settling | Done | the answer to the acknowledgement was lost | the reader |
//! | Settling | Gone | Redis has confirmed it | the acknowledger, the settler |
//!
//! If two threads may want a move at the same time, it is a compare and exchange, and the
//! thread that succeeds is responsible for the next step: so an entry never both runs and
//! is given back, and one thread acknowledges it. A running entry belongs to its worker,
//! which moves it to `Settling` even if its lease is lost at that moment; a settling one
//! belongs to the thread that asks Redis.
//!
//! Leases are renewed in all stages but `Lost` and `Gone`: a completed entry is held
//! until Redis has confirmed it. A settling entry that another consumer has taken over
//! keeps its stage, since Redis says so when it is asked to settle it.
//!
//! [`acknowledging`](super::acknowledging) describes how the step from `Done` is
//! announced.

/// The stage of an entry between its delivery and its settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Waits for a worker.
    Buffered = 0,
    /// A handler runs.
    Running = 1,
    /// A handler runs, and another consumer holds the entry, or soon may.
    Lost = 2,
    /// The handler has succeeded; its acknowledgement has not been sent yet.
    Done = 3,
    /// The delivery has ended, or the entry was withdrawn from the buffer; Redis has not
    /// confirmed it yet.
    Settling = 4,
    /// This process no longer holds it.
    Gone = 5,
}

/// The other entries that may run with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// All.
    Any,
    /// For an entry from a process that it may have killed: nothing in the same batch.
    OwnBatch,
    /// For an entry on its last delivery after such deaths: nothing at all. After a
    /// give-back it is left to the takeover.
    Alone,
}

impl Stage {
    /// The stage with this number.
    pub(crate) fn of(number: u8) -> Self {
        match number {
            0 => Self::Buffered,
            1 => Self::Running,
            2 => Self::Lost,
            3 => Self::Done,
            4 => Self::Settling,
            _ => Self::Gone,
        }
    }
}
