//! Cleaning up after a program.

use anyhow::Context;
use stream_lib::StreamManager;
use stream_tests::ServerHandle;

use crate::setup::config;

/// Deletes a stream and all its keys from the user's own server. A private server ends
/// with everything in it. No consumer of the stream may live.
///
/// # Errors
///
/// When the deletion fails; the text names the stream.
pub fn remove_stream(server: &ServerHandle, stream: &str) -> anyhow::Result<()> {
    if server.server().is_some() {
        return Ok(());
    }
    config(server)
        .and_then(StreamManager::connect_with)
        .and_then(|manager| manager.delete_stream(stream))
        .with_context(|| format!("deleting the stream `{stream}`"))?;
    Ok(())
}
