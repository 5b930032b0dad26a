//! Retention: the entries that are removed, the time of that, and the entries that never
//! are.
#![expect(
    clippy::unwrap_used,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod cleaner;
mod groups;
mod limits;
mod priorities;
mod race;
mod settings;
mod stream;

use std::time::Duration;

/// More than anything here needs, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_hours(1);
