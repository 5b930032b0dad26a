//! The start of each program.

use std::time::Duration;

use anyhow::Context;
use stream_lib::{ConnectionConfig, StreamManager};
use stream_tests::ServerHandle;

/// Connects to the server of `REDIS_URL`, which may be one behind sentinels, else to a
/// private one, which it starts. The private server ends with its handle, so the handle
/// must outlive the manager.
///
/// # Errors
///
/// When there is no server, or it refuses the connection.
pub fn connect() -> anyhow::Result<(ServerHandle, StreamManager)> {
    let server = ServerHandle::from_env_or_private().context("no private server")?;
    let manager = StreamManager::connect_with(config(&server)?)?;
    Ok((server, manager))
}

/// As [`connect`], for a program that goes on while the server is away.
///
/// # Errors
///
/// When there is neither an address nor a private server.
pub fn connect_lazily() -> anyhow::Result<(ServerHandle, StreamManager)> {
    let server = ServerHandle::from_env_or_private().context("no private server")?;
    let manager = StreamManager::connect_lazy(config(&server)?)?;
    Ok((server, manager))
}

/// The private server, else the user's, by the environment.
pub(crate) fn config(server: &ServerHandle) -> stream_lib::Result<ConnectionConfig> {
    match server.server() {
        Some(private) => ConnectionConfig::new(private.url()),
        None => ConnectionConfig::from_env(),
    }
}

/// Writes the log to standard error: warnings and errors, or the levels of `RUST_LOG`.
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
