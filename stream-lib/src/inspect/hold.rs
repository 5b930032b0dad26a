//! Holds of groups, for people.

use std::time::{Duration, SystemTime};

use crate::command::GroupHold;

/// A group that is held: see [`StreamManager::hold`](crate::StreamManager::hold).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// The end of the hold, by the server's clock.
    pub until: SystemTime,
    /// The reason given for it.
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
