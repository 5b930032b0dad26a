//! What callers are told of their messages.

use super::Added;
use crate::command::Batch;
use crate::error::{Error, ErrorKind, Result};

/// One for each message of a batch.
pub(super) type Answers = Vec<Result<Added>>;

/// The answers of a batch that failed as a whole.
pub(super) fn all_fail(batch: &Batch, error: &Error) -> Answers {
    (0..batch.len()).map(|_| Err(error.again())).collect()
}

/// Every message that was sent has an answer.
pub(super) fn no_answer() -> Result<Added> {
    Err(Error::new(ErrorKind::Protocol, "no answer"))
}

pub(super) fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the producer was removed, or its manager shut down",
    )
}
