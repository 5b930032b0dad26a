//! What the streams of a manager have scheduled.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::schedule::Scheduled;

impl StreamManager {
    /// The scheduled messages of a stream: to look at, to cancel, to move. Works for any
    /// stream.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream has,
    /// [`Closed`](crate::ErrorKind::Closed) in a child that was forked off.
    pub fn scheduled(&self, stream: &str) -> Result<Scheduled> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        let alarm = self.timekeeper.alarm(&keys, None);
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        Ok(Scheduled::new(topology, splits, keys, alarm))
    }
}
