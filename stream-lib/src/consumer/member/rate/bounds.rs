//! Bounds of requests for turns.

use std::time::Duration;

/// How far ahead turns are taken: within this time, every entry gets one in order.
pub(super) const AHEAD: Duration = Duration::from_secs(30);

/// How long a worker waits for a connection, and for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a worker or an entry waits at most while the group is held, before it looks
/// again: a hold may be released before its end.
pub(super) const HELD: Duration = Duration::from_secs(1);
