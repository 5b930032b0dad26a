//! The members of groups, and the events of streams.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::command::{self, Group};
use crate::error::{Result, Shown};
use crate::inspect::{Member, StreamEvents, members_of};
use crate::keys::StreamKeys;

impl StreamManager {
    /// The consumers of a group, by name, in all processes: whether each lives, what it
    /// holds, and the facts that it reports of itself. Consumers of other libraries give
    /// no signs of life and report nothing.
    ///
    /// # Blocking
    ///
    /// A few round trips, and one more for each partition.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream can have,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the Redis user lacks a
    /// permission, [`WrongType`](crate::ErrorKind::WrongType) if the key is no stream.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let manager = stream_lib::StreamManager::connect("redis://127.0.0.1:6379")?;
    /// for member in manager.members("orders", "orders_group")? {
    ///     let program = member.facts.map(|facts| facts.program);
    ///     println!("{}: holds {}, of {program:?}", member.name, member.pending);
    /// }
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn members(&self, stream: &str, group: &str) -> Result<Vec<Member>> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::of_any(stream)?;
        self.look_at_members(&keys, group).map_err(|e| {
            e.while_doing(format_args!(
                "looking at the group `{}` of `{}`",
                Shown(group),
                Shown(stream)
            ))
        })
    }

    fn look_at_members(&self, keys: &StreamKeys, group: &str) -> Result<Vec<Member>> {
        let stem = Group::new(keys.clone(), group);
        let roster = self.on_stream(keys, |wire| command::roster(wire, &stem))?;
        let parts = self.splits.look_up(keys)?.keys_of(keys);
        let parts = parts.into_iter().map(|keys| {
            let part = Group::new(keys.clone(), group);
            self.on_stream(&keys, |wire| command::consumers(wire, &part))
        });
        let parts: Vec<_> = parts.collect::<Result<_>>()?;
        Ok(members_of(&roster, &parts))
    }

    /// The recent events of a stream: entries taken over or buried, groups created again,
    /// consumers removed, retention blocked, holds, redrives, failovers. About the last
    /// thousand are kept, for all processes together.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream can have.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let manager = stream_lib::StreamManager::connect("redis://127.0.0.1:6379")?;
    /// for event in manager.events("orders")?.newest(20)? {
    ///     println!("{event}");
    /// }
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn events(&self, stream: &str) -> Result<StreamEvents> {
        self.origin.ensure_here()?;
        StreamEvents::new(Arc::clone(&self.topology), stream)
    }
}
