//! The programs of `examples`, run as a user runs them.
#![expect(
    clippy::unwrap_used,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod backup;
mod dead;
mod ending;
mod ledger;
mod outage;
mod partitions;
mod permissions;
mod produce;
mod programs;
mod readme;
mod refusing;
mod scheduled;
mod spool;
mod status;
mod support;
mod work;

use std::time::Duration;

/// More than anything here needs, also on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
