//! Whether a stream has partitions, for a consumer that is about to read it.

use crate::command::{self, Group};
use crate::connection::Wire;
use crate::error::{ErrorKind, Result};
use crate::partition::Partitions;

/// How many partitions the stream of a group has (`HGET`). A user who may not read the
/// settings of the stream sees none.
pub(crate) fn find_partitions(group: &Group, wire: &mut Wire) -> Result<Option<Partitions>> {
    match command::known_partitions(wire, group.keys()) {
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(None),
        found => found,
    }
}
