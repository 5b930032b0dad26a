//! The metrics of a manager's producers and consumers.

use super::stream_manager::StreamManager;
use crate::metrics::Metrics;

impl StreamManager {
    /// What each producer and consumer of this manager has done since it was created, and
    /// has in hand: counts, and histograms of times. It sends nothing to Redis;
    /// [`stream_stats`](Self::stream_stats) has the figures of all processes together.
    ///
    /// Counting can't be turned off; it takes a few nanoseconds a message. With the
    /// feature `metrics`, the same figures go to the crate `metrics` every few seconds,
    /// for an exporter.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let manager = stream_lib::StreamManager::connect("redis://127.0.0.1:6379")?;
    /// for consumer in manager.metrics().consumers {
    ///     let slowest = consumer.handler_duration.quantile(0.99);
    ///     println!("{}: {} done, 99 % within {slowest:?}", consumer.name, consumer.completed);
    /// }
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        if !self.origin.is_here() {
            return Metrics::default();
        }
        self.registry.read().metrics()
    }
}
