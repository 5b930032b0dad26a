//! The answers to the messages of callers.

use crate::command::{Outgoing, Placed};
use crate::error::{Error, ErrorKind, Result};
use crate::message::EntryId;

/// Where an added message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Added {
    /// In the stream, under this id.
    Main(EntryId),
    /// In the backup stream, under this id, until there is room in the stream.
    /// There it gets a new id; this one travels with it.
    Backup(EntryId),
    /// On disk, in the producer's spool, until Redis is back.
    Spooled,
}

impl Added {
    /// The entry's id in Redis, if it is there already.
    pub fn id(self) -> Option<EntryId> {
        match self {
            Self::Main(id) | Self::Backup(id) => Some(id),
            Self::Spooled => None,
        }
    }
}

impl From<Placed> for Added {
    fn from(placed: Placed) -> Self {
        match placed {
            Placed::Main(id) => Self::Main(id),
            Placed::Backup(id) => Self::Backup(id),
        }
    }
}

/// One answer for each message of a batch, in order.
pub(crate) type Answers = Vec<Result<Added>>;

/// The answers of a batch that failed as a whole.
pub(crate) fn all_fail(batch: &Outgoing, error: &Error) -> Answers {
    (0..batch.len()).map(|_| Err(error.clone())).collect()
}

/// Every message that was sent has an answer.
pub(crate) fn no_answer() -> Result<Added> {
    Err(Error::new(ErrorKind::Protocol, "no answer"))
}

pub(crate) fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the producer was removed, or its manager shut down",
    )
}
