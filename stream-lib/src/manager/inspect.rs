//! Facts about the streams of a manager, and about any other.

use std::cmp::Reverse;
use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::command;
use crate::connection::Wire;
use crate::error::{Result, Shown};
use crate::inspect::{
    self, DeadLetters, EntryAddress, FindStreams, PartStats, Peek, PeekPage, PeekedEntry,
    StreamSchema, StreamStats, part_stats,
};
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
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the Redis user lacks a
    /// permission, [`WrongType`](crate::ErrorKind::WrongType) if the key is no stream.
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

    /// The facts of [`stats`](Self::stats) for any stream, also for one that belongs to
    /// another, such as `{orders}:dead`. A stream that doesn't exist is empty. For a
    /// stream with partitions they are sums; [`partition_stats`](Self::partition_stats)
    /// has those of each.
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

    /// Runs an operation that may run twice, on a connection to the server of a stream.
    pub(super) fn on_stream<T>(
        &self,
        keys: &StreamKeys,
        operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let time = self.topology.connect_timeout();
        self.topology.run(keys.stream().as_bytes(), time, operation)
    }

    /// Looks for streams among all keys, on a cluster on every master: users' streams,
    /// and the library's own, which are told apart. Nothing is sent before the first call
    /// of `next`; each call is one short request.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) in a forked child. Those of `next` are
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached and
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) without the right to
    /// `SCAN`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let manager = stream_lib::StreamManager::from_env()?;
    /// for found in manager.find_streams()? {
    ///     for stream in found? {
    ///         println!("{} ({:?})", stream.name, stream.kind);
    ///     }
    /// }
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn find_streams(&self) -> Result<FindStreams> {
        self.origin.ensure_here()?;
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        Ok(FindStreams::new(topology, splits))
    }

    /// Looks at entries of any stream, by their ids, or the newest ones, with their
    /// fields as stored, and no more bytes than asked for. Nothing is changed, and no
    /// group is affected. A stream that doesn't exist is empty.
    ///
    /// # Blocking
    ///
    /// A round trip, or one for each partition.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for an invalid name, or a partition that the
    /// stream doesn't have; [`Unavailable`](crate::ErrorKind::Unavailable) while Redis
    /// can't be reached, [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the
    /// Redis user lacks a permission, [`WrongType`](crate::ErrorKind::WrongType) if the
    /// key is no stream.
    pub fn peek(&self, stream: &str, peek: &Peek) -> Result<PeekPage> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::of_any(stream)?;
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        inspect::peek(topology, splits, keys, peek)
            .map_err(|e| e.while_doing(format_args!("looking at entries of `{}`", Shown(stream))))
    }

    /// One entry of any stream; `None` if no entry has this id. At most 16 MiB of it are
    /// fetched.
    ///
    /// # Blocking
    ///
    /// A round trip.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn entry(&self, stream: &str, at: EntryAddress) -> Result<Option<PeekedEntry>> {
        const MOST: usize = 16 << 20;
        let mut one = Peek::oldest(1).between(at.id..=at.id);
        if let Some(partition) = at.partition {
            one = one.partition(partition);
        }
        let page = self.peek(stream, &one.max_bytes(MOST).max_value_bytes(MOST))?;
        Ok(page.entries.into_iter().next())
    }

    /// The message types that producers and consumers of a stream have, the last seen
    /// first (`HGETALL`). Each type with the derive stores its fields there; at most 32
    /// types are kept. A type whose traits are written by hand stores nothing.
    ///
    /// # Blocking
    ///
    /// A round trip.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn schemas(&self, stream: &str) -> Result<Vec<StreamSchema>> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::of_any(stream)?;
        let known = self.on_stream(&keys, |wire| command::known_schemas(wire, &keys));
        let known = known.map_err(|e| {
            e.while_doing(format_args!("reading the schemas of `{}`", Shown(stream)))
        })?;
        let mut schemas: Vec<_> = known
            .iter()
            .filter_map(|(fingerprint, told)| StreamSchema::read(fingerprint, told))
            .collect();
        schemas.sort_by_key(|schema| Reverse(schema.last_seen));
        Ok(schemas)
    }

    /// The dead letters of a stream: listed, put back, removed.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for an invalid name.
    pub fn dead_letters(&self, stream: &str) -> Result<DeadLetters> {
        DeadLetters::new(Arc::clone(&self.topology), Arc::clone(&self.splits), stream)
    }
}
