//! Deliveries whose outputs can't be written.

use std::sync::Arc;

use crate::consumer::handler::verdict::Outcome;
use crate::consumer::member::Member;
use crate::consumer::member::settle::Unsettled;
use crate::consumer::worker;
use crate::error::{Error, ErrorKind};

/// Whether waiting may mend a refusal, so that the delivery's handler need not run again.
pub(super) fn passes(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Refused
            | ErrorKind::Unavailable
            | ErrorKind::OutcomeUnknown
            | ErrorKind::Protocol
            | ErrorKind::Authentication
            | ErrorKind::Full
            | ErrorKind::Closed
    )
}

/// Ends a delivery as if its handler had returned this error. Nothing of it was
/// written.
pub(super) fn end_unwritten(member: &Member, entry: &Unsettled, error: &Error) {
    let error = error.clone().while_doing(
        "the handler has succeeded, and its outputs can't be written, so that the entry was not \
         acknowledged",
    );
    let outcome = Outcome::Failed(Arc::new(error));
    worker::end(member, &entry.held, entry.index, outcome, None);
}
