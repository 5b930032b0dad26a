//! Looks at the streams of a manager, and at any other.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::error::Result;
use crate::inspect::{self, DeadLetters, StreamStats};
use crate::keys::StreamKeys;

impl StreamManager {
    /// Length, unread, pending, backup and dead letters of every stream that a
    /// producer or consumer of this manager uses.
    ///
    /// # Blocking
    ///
    /// A few round trips per stream.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable),
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    /// [`WrongType`](crate::ErrorKind::WrongType).
    pub fn stats(&self) -> Result<Vec<StreamStats>> {
        self.origin.ensure_here()?;
        self.streams()
            .iter()
            .map(|stream| self.stream_stats(stream))
            .collect()
    }

    /// The streams that a producer or consumer uses, sorted.
    pub(super) fn streams(&self) -> Vec<String> {
        let mut streams: Vec<_> = {
            let registry = self.registry.read();
            let producers = registry.producers.all();
            let consumers = registry.consumers.all();
            let all = producers.iter().chain(registry.defaults.values());
            let producers = all.map(|p| p.stream().to_owned());
            producers
                .chain(consumers.iter().map(|c| c.stream().to_owned()))
                .collect()
        };
        streams.sort();
        streams.dedup();
        streams
    }

    /// The facts of [`stats`](Self::stats) for any stream, also for one that
    /// belongs to another, such as `{orders}:dead`. One that doesn't exist is
    /// empty.
    ///
    /// # Errors
    ///
    /// As [`stats`](Self::stats).
    pub fn stream_stats(&self, stream: &str) -> Result<StreamStats> {
        self.origin.ensure_here()?;
        let keys = match self.registry.read().keys_of(stream) {
            Some(keys) => keys,
            None => StreamKeys::of_any(stream)?,
        };
        self.topology
            .run_alone(stream.as_bytes(), |wire| inspect::stream_stats(wire, &keys))
            .map_err(|e| e.while_doing(format_args!("looking at `{stream}`")))
    }

    /// The dead letters of a stream: to look at, and to put back.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that is none.
    pub fn dead_letters(&self, stream: &str) -> Result<DeadLetters> {
        DeadLetters::new(Arc::clone(&self.topology), stream)
    }
}
