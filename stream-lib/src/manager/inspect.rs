//! Looks at the streams of a manager, and at any other.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::command;
use crate::connection::Wire;
use crate::error::Result;
use crate::inspect::{DeadLetters, PartStats, StreamStats, part_stats};
use crate::keys::StreamKeys;
use crate::split::Split;

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
    /// empty. Those of a stream with partitions are sums;
    /// [`partition_stats`](Self::partition_stats) has each.
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
        self.look_at(&keys)
            .map_err(|e| e.while_doing(format_args!("looking at `{stream}`")))
    }

    /// The facts of [`stats`](Self::stats) for each partition of a stream, in order; for
    /// a stream without partitions, those of the stream alone.
    ///
    /// # Blocking
    ///
    /// A few round trips per partition.
    ///
    /// # Errors
    ///
    /// As [`stats`](Self::stats).
    pub fn partition_stats(&self, stream: &str) -> Result<Vec<StreamStats>> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::of_any(stream)?;
        let parts = self.splits.look_up(&keys).and_then(|split| {
            let keys = split.keys_of(&keys);
            keys.iter().map(|keys| self.look_at_part(keys)).collect()
        });
        let parts: Result<Vec<PartStats>> =
            parts.map_err(|e| e.while_doing(format_args!("looking at `{stream}`")));
        Ok(parts?.into_iter().map(StreamStats::from).collect())
    }

    fn look_at(&self, keys: &StreamKeys) -> Result<StreamStats> {
        let split = self.splits.look_up(keys)?;
        let Split::Into(_) = split else {
            let key = keys.stream().as_bytes();
            let part = self.topology.run_alone(key, |wire| part_stats(wire, keys));
            return part.map(StreamStats::from);
        };
        let parts = split.keys_of(keys);
        let parts: Result<Vec<_>> = parts.iter().map(|keys| self.look_at_part(keys)).collect();
        let outside = self.on_stream(keys, |wire| command::outside_of_partitions(wire, keys))?;
        Ok(StreamStats::of_parts(keys.stream(), parts?, outside))
    }

    fn look_at_part(&self, keys: &StreamKeys) -> Result<PartStats> {
        self.on_stream(keys, |wire| part_stats(wire, keys))
    }

    /// Runs an operation that may be run twice, on a connection to the server of a
    /// stream.
    pub(super) fn on_stream<T>(
        &self,
        keys: &StreamKeys,
        operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let time = self.topology.connect_timeout();
        self.topology.run(keys.stream().as_bytes(), time, operation)
    }

    /// The dead letters of a stream: to look at, and to put back.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that is none.
    pub fn dead_letters(&self, stream: &str) -> Result<DeadLetters> {
        DeadLetters::new(Arc::clone(&self.topology), Arc::clone(&self.splits), stream)
    }
}
