//! An entry whose every answer is lost with the connection.

use std::error::Error as StdError;
use std::fmt;

/// The error of its delivery.
#[derive(Debug)]
pub(super) struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "each answer with this entry was lost with its connection: it may be larger than the \
             server's output buffer limit, or than a proxy lets pass",
        )
    }
}

impl StdError for Unreadable {}
