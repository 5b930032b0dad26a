//! How far and how long turns are asked for.

use std::time::Duration;

/// How far ahead turns are taken: as in a queue that long, nobody is passed over.
pub(super) const AHEAD: Duration = Duration::from_secs(30);

/// How long a worker waits for a connection, and for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a worker or an entry waits at most because the group is held, before it looks
/// again: a hold may be released before its end.
pub(super) const HELD: Duration = Duration::from_secs(1);
