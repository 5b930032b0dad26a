//! Removal of a group.

use super::stream_manager::StreamManager;
use crate::command::{self, Group};
use crate::error::{Result, Shown};
use crate::keys::StreamKeys;
use crate::split::Split;

impl StreamManager {
    /// Removes a consumer group from a stream (`XGROUP DESTROY`), with everything kept
    /// for it: the entries that it holds and those that wait for a retry are delivered to
    /// no one again, and retention no longer regards it. Returns whether any of it
    /// existed.
    ///
    /// The entries themselves stay in the stream, for other groups and for retention, and
    /// the dead letters stay, too. It is refused while a consumer of the group that is
    /// this library's lives, in any process. A consumer that has died counts as alive
    /// until its lease is over. Consumers of other libraries show no sign of life: they
    /// find that their group is gone. A consumer that starts later creates the group
    /// again.
    ///
    /// # Blocking
    ///
    /// A few round trips.
    ///
    /// # Delivery
    ///
    /// One script checks and removes: all or nothing. A stream with partitions takes one
    /// script for each of them; if one fails, the call can be repeated.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse), with the name of a living consumer;
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream can have,
    /// [`WrongType`](crate::ErrorKind::WrongType) if a key of that name is no stream,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost
    /// before the answer, [`PermissionDenied`](crate::ErrorKind::PermissionDenied).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let manager = stream_lib::StreamManager::connect("redis://127.0.0.1:6379")?;
    /// for blocked in manager.blocked_streams()? {
    ///     println!("{blocked}");
    /// }
    /// manager.remove_group("orders", "an_old_trial")?;
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn remove_group(&self, stream: &str, group: &str) -> Result<bool> {
        let keys = StreamKeys::new(stream)?;
        self.remove(&keys, group).map_err(|e| {
            e.while_doing(format_args!(
                "removing the group `{}` of `{}`",
                Shown(group),
                Shown(stream)
            ))
        })
    }

    fn remove(&self, keys: &StreamKeys, group: &str) -> Result<bool> {
        let stem = Group::new(keys.clone(), group);
        let split = self.splits.look_up(keys)?;
        let mut removed = false;
        if let Split::Into(_) = split {
            // Members give their signs of life at the stem.
            self.on_stream(keys, |wire| command::ensure_lifeless(wire, &stem))?;
            for keys in split.keys_of(keys) {
                let part = Group::new(keys, group);
                removed |= self.remove_alone(&part)?;
            }
        }
        Ok(self.remove_alone(&stem)? || removed)
    }

    fn remove_alone(&self, group: &Group) -> Result<bool> {
        let key = group.stream().as_bytes();
        self.topology
            .run_alone(key, |wire| command::remove_group(wire, group))
    }
}
