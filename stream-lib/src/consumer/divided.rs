//! The partitions of a stream that a consumer is about to read.

use crate::command::{self, Group};
use crate::connection::Wire;
use crate::error::{ErrorKind, Result};
use crate::partition::Partitions;

/// The number of partitions of a group's stream (`HGET`); `None` for a user who may not
/// read the stream's settings, too.
pub(crate) fn find_partitions(group: &Group, wire: &mut Wire) -> Result<Option<Partitions>> {
    match command::known_partitions(wire, group.keys()) {
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(None),
        found => found,
    }
}
