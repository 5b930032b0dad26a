//! The same program, wherever Redis is: on a managed service, behind sentinels whose
//! master fails, and on a cluster.
#![expect(
    clippy::unwrap_used,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod cluster;
mod drills;
mod managed;
mod naming;
mod sentinel;

use std::time::Duration;

/// More than anything here needs, also on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
