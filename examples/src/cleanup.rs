//! Leaves a server as it was found.

use anyhow::Context;
use stream_tests::ServerHandle;

/// Deletes a stream, and what belongs to it and its group, from a server that
/// is the user's own. A private one ends with everything in it.
///
/// # Errors
///
/// When it can't; the text names the stream, so that it can be done by hand.
pub fn remove_stream(server: &ServerHandle, stream: &str, group: &str) -> anyhow::Result<()> {
    if server.server().is_some() {
        return Ok(());
    }
    let mut delete = redis::cmd("DEL");
    delete
        .arg(stream)
        .arg(format!("{{{stream}}}:waiting:{group}"));
    for suffix in ["dead", "backup", "meta"] {
        delete.arg(format!("{{{stream}}}:{suffix}"));
    }
    let deleted = redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .and_then(|mut connection| delete.exec(&mut connection));
    deleted.with_context(|| format!("deleting the stream `{stream}`"))
}
