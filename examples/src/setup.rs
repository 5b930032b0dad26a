//! How each program begins.

use std::time::Duration;

use anyhow::Context;
use stream_lib::{ConnectionConfig, StreamManager};
use stream_tests::ServerHandle;

/// Takes the server of `REDIS_URL`, else starts a private one, and connects to
/// it. The private server ends with its handle, so it must outlive the manager.
///
/// # Errors
///
/// When there is no server, or it refuses us.
pub fn connect() -> anyhow::Result<(ServerHandle, StreamManager)> {
    let server = ServerHandle::from_env_or_private().context("no private server")?;
    let manager = StreamManager::connect(server.url())?;
    Ok((server, manager))
}

/// As [`connect`], for a program that goes on while the server is away.
///
/// # Errors
///
/// When there is no server to look for.
pub fn connect_lazily() -> anyhow::Result<(ServerHandle, StreamManager)> {
    let server = ServerHandle::from_env_or_private().context("no private server")?;
    let config = ConnectionConfig::new(server.url())?;
    Ok((server, StreamManager::connect_lazy(config)?))
}

/// Shows what the library logs: warnings and errors, or what `RUST_LOG` says.
pub fn log_to_stderr() {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
}

/// Takes as long as real work would.
#[expect(
    clippy::disallowed_methods,
    reason = "the time that a handler takes, and the pace of a producer, are made up here"
)]
pub fn pretend_to_work(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}
