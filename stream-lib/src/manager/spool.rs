//! The contents of a producer's spool.

use super::stream_manager::StreamManager;
use crate::error::Result;
use crate::producer::SpoolStats;

impl StreamManager {
    /// The contents of a producer's spool and the damage found in it; `None` for a
    /// producer without a spool. Requires the feature `spool`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no producer has this name.
    pub fn spool_stats(&self, producer: &str) -> Result<Option<SpoolStats>> {
        self.origin.ensure_here()?;
        let producer = self.registry.read().producers.get("producer", producer)?;
        let Some(spooler) = producer.spooler() else {
            return Ok(None);
        };
        Ok(spooler.stats())
    }
}
