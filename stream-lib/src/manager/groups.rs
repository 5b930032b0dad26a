//! Removing a group.

use super::stream_manager::StreamManager;
use crate::command::{self, Group};
use crate::error::{Result, Shown};
use crate::keys::StreamKeys;

impl StreamManager {
    /// Removes a consumer group from a stream (`XGROUP DESTROY`), with all that is
    /// kept for it: the entries that it holds and those that wait for a retry come
    /// back to nobody, and retention heeds it no more. Returns whether there was
    /// anything.
    ///
    /// The entries themselves stay in the stream, for other groups and for
    /// retention, and the dead letters stay, too. It is refused while a consumer of
    /// the group lives that is this library's, in any process. One that has died lives
    /// on for its lease. Consumers of other libraries show no sign of life: they
    /// find that their group is gone. A consumer that starts later makes the group
    /// again.
    ///
    /// # Blocking
    ///
    /// A few round trips.
    ///
    /// # Delivery
    ///
    /// One script looks and removes: either all is gone, or nothing.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse), with the name of a consumer that lives;
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream has,
    /// [`WrongType`](crate::ErrorKind::WrongType) where a key of that name is no
    /// stream, [`Unavailable`](crate::ErrorKind::Unavailable),
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown),
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied).
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
        let members = Group::new(StreamKeys::new(stream)?, group);
        self.topology
            .run_alone(stream.as_bytes(), |wire| {
                command::remove_group(wire, &members)
            })
            .map_err(|e| {
                e.while_doing(format_args!(
                    "removing the group `{}` of `{}`",
                    Shown(group),
                    Shown(stream)
                ))
            })
    }
}
