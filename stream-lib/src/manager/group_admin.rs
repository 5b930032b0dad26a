//! Groups and their consumers, from outside.

use std::sync::Arc;
use std::time::Duration;

use super::stream_manager::StreamManager;
use crate::config::StartFrom;
use crate::error::{Error, Result, Shown};
use crate::inspect::{ConsumerRemoved, GroupConsumer, GroupView, Pending};
use crate::keys::StreamKeys;

/// How long a consumer of another library may be silent before it counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(60);

impl StreamManager {
    /// Makes a consumer group (`XGROUP CREATE … MKSTREAM`), in all partitions where the
    /// stream has any, and the stream where it doesn't exist. Returns whether it was made;
    /// one that stands stays as it is. A consumer makes its group by itself.
    ///
    /// # Blocking
    ///
    /// A few round trips.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream has,
    /// [`WrongType`](crate::ErrorKind::WrongType),
    /// [`Unavailable`](crate::ErrorKind::Unavailable),
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown),
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied).
    pub fn create_group(&self, stream: &str, group: &str, from: StartFrom) -> Result<bool> {
        let made = self.group_view(stream, group)?.create(from);
        made.map_err(|e| describe(e, "making", group, stream))
    }

    /// Sets the position of a group (`XGROUP SETID`), in all partitions where the stream has
    /// any: what comes after it is read next, also what was read before. Pending entries
    /// stay pending. Refused while a consumer of the group lives, or Redis has heard of
    /// another library's less than a minute ago; `force` sets it all the same.
    ///
    /// # Blocking
    ///
    /// A few round trips.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse), with the name of a consumer;
    /// [`NoGroup`](crate::ErrorKind::NoGroup), else as
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

    /// The consumers of a group (`XINFO CONSUMERS`), alive or not, by name; none where there
    /// is no such group.
    ///
    /// # Blocking
    ///
    /// Two round trips, and one per partition.
    ///
    /// # Errors
    ///
    /// As [`create_group`](Self::create_group).
    pub fn group_consumers(&self, stream: &str, group: &str) -> Result<Vec<GroupConsumer>> {
        let found = self.group_view(stream, group)?.consumers();
        found.map_err(|e| describe(e, "looking at the consumers of", group, stream))
    }

    /// Removes a consumer from a group (`XGROUP DELCONSUMER`) that is dead, or holds
    /// nothing and gives no sign of life. Its pending entries stay with the group, for
    /// whoever takes over.
    ///
    /// A consumer of this library is dead once its sign of life has lapsed; another's, which
    /// holds entries, once Redis hasn't heard of it for a minute. The library removes its
    /// dead ones by itself, once others have taken over what they held.
    ///
    /// # Blocking
    ///
    /// A few round trips, and one for each 500 entries that it holds.
    ///
    /// # Delivery
    ///
    /// One script sees that it is dead, and hands its entries over; the last one removes
    /// it. Where the call fails, it can be made again.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse) where it lives,
    /// [`NoGroup`](crate::ErrorKind::NoGroup), else as
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

    /// The pending entries of a group: to look at, and, where nobody lives who holds them,
    /// to release, bury and acknowledge. Works for any group.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that is none,
    /// [`Closed`](crate::ErrorKind::Closed) in a child that was forked off.
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
