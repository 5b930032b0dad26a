//! Holds of groups, for people.

use std::time::{Duration, SystemTime};

use crate::command::GroupHold;

/// A group that is held: see [`StreamManager::hold`](crate::StreamManager::hold).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// When it ends, by the server's clock.
    pub until: SystemTime,
    /// The reason that was given for it.
    pub why: String,
}

impl Hold {
    pub(crate) fn of(hold: GroupHold) -> Self {
        Self {
            until: SystemTime::UNIX_EPOCH + Duration::from_millis(hold.until_ms),
            why: hold.why,
        }
    }
}
