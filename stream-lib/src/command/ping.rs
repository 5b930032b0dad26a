//! Whether the server lives.

use redis::cmd;

use crate::connection::{Wire, from_redis};
use crate::error::ErrorKind;

/// Whether the server answers (`PING`), even with a refusal.
pub(crate) fn answers(wire: &mut Wire) -> bool {
    match cmd("PING").exec(wire).map_err(from_redis) {
        Ok(()) => true,
        Err(e) => matches!(
            e.kind(),
            ErrorKind::PermissionDenied | ErrorKind::Refused | ErrorKind::Server
        ),
    }
}
