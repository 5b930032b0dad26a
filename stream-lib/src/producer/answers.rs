//! What callers are told of their messages.

use crate::command::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::producer::Added;

/// One for each message of a batch.
pub(crate) type Answers = Vec<Result<Added>>;

/// The answers of a batch that failed as a whole.
pub(crate) fn all_fail(batch: &Batch, error: &Error) -> Answers {
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
