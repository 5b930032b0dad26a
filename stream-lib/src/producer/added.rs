//! The results of adding messages.

use crate::command::{Outgoing, Placed};
use crate::error::{Error, ErrorKind, Result};
use crate::message::EntryId;
use crate::message::schedule_id::ScheduleId;
use crate::metrics::Fate;

/// The place of an added message.
///
/// More variants may be added, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Added {
    /// In the stream, under this id.
    Main(EntryId),
    /// In the backup stream, under this id, until there is room in the stream. There it
    /// gets a new id; this id travels with it.
    Backup(EntryId),
    /// On disk, in the producer's spool, until Redis is back, or until the
    /// [`replicas`](crate::StreamConfig::replicas) that the producer asks for are.
    /// Whether its idempotency key was added before shows only when it reaches Redis: a
    /// repeat is then left out silently.
    Spooled,
    /// Not added: its idempotency key was added within the window, by any producer, and
    /// this is the id of the first entry, which went to the stream or to the backup
    /// stream. That entry may have moved since, or be gone.
    ///
    /// It is also the answer when a caller adds a message again after
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown), and the first try was
    /// written. A message that the library itself has sent again after a lost connection
    /// is [`Main`](Self::Main) or [`Backup`](Self::Backup), though: its key can't tell
    /// the library's own first try from another producer's.
    Duplicate(EntryId),
    /// Scheduled under this id, until it is due. If its idempotency key was scheduled
    /// before within the window, or another message holds its unique key
    /// ([`WhenTaken::Keep`](crate::WhenTaken::Keep)), this is the id of that message,
    /// which may be in the stream by now.
    Scheduled(ScheduleId),
}

impl Added {
    /// The entry's id in Redis, if it is there already; for a duplicate the id of the
    /// first entry.
    pub fn id(self) -> Option<EntryId> {
        match self {
            Self::Main(id) | Self::Backup(id) | Self::Duplicate(id) => Some(id),
            Self::Spooled | Self::Scheduled(_) => None,
        }
    }

    /// The id under which the message is scheduled, if it is.
    pub fn schedule_id(self) -> Option<ScheduleId> {
        match self {
            Self::Scheduled(id) => Some(id),
            _ => None,
        }
    }

    /// Whether nothing was added, because the message's idempotency key was known.
    pub fn is_duplicate(self) -> bool {
        matches!(self, Self::Duplicate(_))
    }

    /// The answer to a message that was sent again after its outcome was unknown: the
    /// first entry of its key counts as its own.
    pub(crate) fn after_resend(placed: Placed) -> Self {
        if let Some(id) = placed.scheduled {
            Self::Scheduled(id)
        } else if placed.in_backup {
            Self::Backup(placed.id)
        } else {
            Self::Main(placed.id)
        }
    }
}

impl From<Placed> for Added {
    fn from(placed: Placed) -> Self {
        if placed.is_first && placed.scheduled.is_none() {
            Self::Duplicate(placed.id)
        } else {
            Self::after_resend(placed)
        }
    }
}

/// One answer for each message of a batch, in order.
pub(crate) type Answers = Vec<Result<Added>>;

/// The answers of a batch that failed as a whole.
pub(crate) fn all_fail(batch: &Outgoing, error: &Error) -> Answers {
    (0..batch.len()).map(|_| Err(error.clone())).collect()
}

/// The fate of a message, for the record.
pub(crate) fn fate_of(answer: &Result<Added>) -> Fate {
    match answer {
        Ok(Added::Main(_)) => Fate::Main,
        Ok(Added::Backup(_)) => Fate::Backup,
        Ok(Added::Spooled) => Fate::Spooled,
        Ok(Added::Duplicate(_)) => Fate::Duplicate,
        Ok(Added::Scheduled(_)) => Fate::Scheduled,
        Err(e) => Fate::Failed(e.kind()),
    }
}

/// The answer of a sent message that Redis has not answered.
pub(crate) fn no_answer() -> Result<Added> {
    Err(Error::new(ErrorKind::Protocol, "no answer"))
}

pub(crate) fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the producer was removed, or its manager shut down",
    )
}
