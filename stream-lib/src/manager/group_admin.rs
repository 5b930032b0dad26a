//! Administration of groups and their consumers.

use std::sync::Arc;
use std::time::Duration;

use super::stream_manager::StreamManager;
use crate::config::StartFrom;
use crate::error::{Error, Result, Shown};
use crate::inspect::{ConsumerRemoved, GroupConsumer, GroupView, Pending};
use crate::keys::StreamKeys;

/// The silence after which a consumer of another library counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(60);

impl StreamManager {
    /// Creates a consumer group (`XGROUP CREATE … MKSTREAM`), in all partitions if the
    /// stream has any, and the stream if it doesn't exist. Returns whether a group was
    /// created; an existing group stays as it is. A consumer creates its group by itself.
    ///
    /// # Blocking
    ///
    /// A few round trips.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream can have,
    /// [`WrongType`](crate::ErrorKind::WrongType) if the key is no stream,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost
    /// before the answer, [`PermissionDenied`](crate::ErrorKind::PermissionDenied).
    pub fn create_group(&self, stream: &str, group: &str, from: StartFrom) -> Result<bool> {
        let made = self.group_view(stream, group)?.create(from);
        made.map_err(|e| describe(e, "making", group, stream))
    }

    /// Sets the position of a group (`XGROUP SETID`), in all partitions if the stream has
    /// any: the entries behind the position are read next, also those that were read
    /// before. Pending entries stay pending. It is refused while a consumer of the group
    /// lives, or Redis has heard of another library's consumer less than a minute ago,
    /// unless `force` is set.
    ///
    /// # Blocking
    ///
    /// A few round trips.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse), with the name of a consumer, if it is refused;
    /// [`NoGroup`](crate::ErrorKind::NoGroup) if the group doesn't exist, else as
    /// [`create_group`](Self::create_group).
    pub fn set_group_id(
        &self,
        stream: &str,
        group: &str,
        to: StartFrom,
        force: bool,
    ) -> Result<()> {
        let dead_after = (!force).then_some(DEAD_AFTER);
        let set = self.group_view(stream, group)?.set_id(to, dead_after);
        set.map_err(|e| describe(e, "setting the position of", group, stream))
    }

    /// The consumers of a group (`XINFO CONSUMERS`), alive or not, by name; none if the
    /// group doesn't exist.
    ///
    /// # Blocking
    ///
    /// Two round trips, and one for each partition.
    ///
    /// # Errors
    ///
    /// As [`create_group`](Self::create_group).
    pub fn group_consumers(&self, stream: &str, group: &str) -> Result<Vec<GroupConsumer>> {
        let found = self.group_view(stream, group)?.consumers();
        found.map_err(|e| describe(e, "looking at the consumers of", group, stream))
    }

    /// Removes a consumer that is dead, or holds no entries and gives no sign of life,
    /// from a group (`XGROUP DELCONSUMER`). Its pending entries stay with the group, for
    /// a takeover.
    ///
    /// A consumer of this library is dead once its sign of life has lapsed; a consumer of
    /// another library that holds entries, once Redis hasn't heard of it for a minute.
    /// The library removes its own dead consumers once others have taken over their
    /// entries.
    ///
    /// # Blocking
    ///
    /// A few round trips, and one for each 500 entries that it holds.
    ///
    /// # Delivery
    ///
    /// One script sees that the consumer is dead and hands its entries over; the last
    /// script removes it. If the call fails, it can be repeated.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse) if the consumer lives,
    /// [`NoGroup`](crate::ErrorKind::NoGroup) if the group doesn't exist, else as
    /// [`create_group`](Self::create_group).
    pub fn remove_group_consumer(
        &self,
        stream: &str,
        group: &str,
        consumer: &str,
    ) -> Result<ConsumerRemoved> {
        let removed = self.group_view(stream, group)?.remove(consumer, DEAD_AFTER);
        removed.map_err(|e| {
            let doing = format!("removing the consumer `{}` of", Shown(consumer));
            describe(e, &doing, group, stream)
        })
    }

    /// The pending entries of a group: listed, and, if no living consumer holds them,
    /// released, buried and acknowledged. Works for any group.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for an invalid name,
    /// [`Closed`](crate::ErrorKind::Closed) in a forked child.
    pub fn pending(&self, stream: &str, group: &str) -> Result<Pending> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::of_any(stream)?;
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        Ok(Pending::new(topology, splits, keys, group))
    }

    fn group_view(&self, stream: &str, group: &str) -> Result<GroupView> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::of_any(stream)?;
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        Ok(GroupView::new(topology, splits, keys, group))
    }
}

fn describe(error: Error, doing: &str, group: &str, stream: &str) -> Error {
    let (group, stream) = (Shown(group), Shown(stream));
    error.while_doing(format_args!("{doing} the group `{group}` of `{stream}`"))
}
