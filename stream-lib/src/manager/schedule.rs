//! The scheduled messages of a manager's streams.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::schedule::Scheduled;

impl StreamManager {
    /// The scheduled messages of a stream: listed, cancelled, moved to other times. Works
    /// for any stream.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream can have,
    /// [`Closed`](crate::ErrorKind::Closed) in a forked child.
    pub fn scheduled(&self, stream: &str) -> Result<Scheduled> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        let alarm = self.timekeeper.alarm(&keys, None);
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        Ok(Scheduled::new(topology, splits, keys, alarm))
    }
}
