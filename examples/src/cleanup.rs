//! Leaves a server as it was found.

use anyhow::Context;
use stream_lib::StreamManager;
use stream_tests::ServerHandle;

use crate::setup::config;

/// Deletes a stream, and what belongs to it, from a server that is the user's own.
/// A private one ends with everything in it. Nobody may use the stream any more.
///
/// # Errors
///
/// When it can't; the text names the stream, so that it can be done by hand.
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
