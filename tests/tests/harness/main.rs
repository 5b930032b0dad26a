//! The harness of the other tests.
#![expect(
    clippy::unwrap_used,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod cluster;
mod ensure_server;
mod log_capture;
mod process;
mod proxy;
mod scripts;
mod sentinels;
mod server;
mod server_options;

use std::time::Duration;

/// More than anything here needs, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);
