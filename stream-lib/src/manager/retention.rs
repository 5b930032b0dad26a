//! Retention on request.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::config::StreamConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::retention::{self, BlockedStream, CleanupReport, CleanupSteps, RetentionPlan, Wish};

impl StreamManager {
    /// Shows what retention would remove from a stream now, and why, without removing it.
    /// Works for any stream, by the settings stored with it. For a stream with
    /// partitions, the counts are sums, and `blocked` is that of the first blocked
    /// partition.
    ///
    /// # Blocking
    ///
    /// A few round trips; the plan counts up to [`RetentionPlan::COUNTED`] entries.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream can have,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the Redis user lacks a
    /// permission, [`WrongType`](crate::ErrorKind::WrongType) if the key is no stream.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let manager = stream_lib::StreamManager::connect("redis://127.0.0.1:6379")?;
    /// let plan = manager.retention_plan("orders")?;
    /// println!("{plan}");
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn retention_plan(&self, stream: &str) -> Result<RetentionPlan> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        let wish = self.cleaner.wish(stream);
        let plans = self.splits.look_up(&keys).and_then(|split| {
            let parts = split.keys_of(&keys).into_iter();
            let plans = parts.map(|keys| self.alone(&keys, |w| retention::plan(w, &keys, &wish)));
            plans
                .reduce(|all, next| Ok(all?.and(next?)))
                .unwrap_or_else(|| Err(no_partitions()))
        });
        plans
            .map(|plan| RetentionPlan {
                stream: stream.to_owned(),
                ..plan
            })
            .map_err(|e| e.while_doing(format_args!("planning the cleanup of `{stream}`")))
    }

    /// Cleans a stream completely now, without waiting for the interval. Works for any
    /// stream, by the settings stored with it; all partitions, if it has any.
    ///
    /// # Blocking
    ///
    /// One round trip per 10,000 removed entries, and at least one.
    ///
    /// # Errors
    ///
    /// As [`retention_plan`](Self::retention_plan). Entries removed before the error stay
    /// removed.
    pub fn cleanup_now(&self, stream: &str) -> Result<CleanupReport> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        self.clean(&keys, &self.cleaner.wish(stream), false)
    }

    /// As [`cleanup_now`](Self::cleanup_now), some entries at a time, so that it can be
    /// watched and broken off. Nothing is removed before the first step.
    ///
    /// # Blocking
    ///
    /// A round trip.
    ///
    /// # Errors
    ///
    /// As [`retention_plan`](Self::retention_plan).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let manager = stream_lib::StreamManager::connect("redis://127.0.0.1:6379")?;
    /// let mut cleanup = manager.cleanup_in_steps("orders")?;
    /// let mut removed = 0;
    /// while !cleanup.is_over() {
    ///     removed += cleanup.step(1_000)?;
    ///     println!("{removed} removed");
    /// }
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn cleanup_in_steps(&self, stream: &str) -> Result<CleanupSteps> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        let split = self.splits.look_up(&keys);
        let parts = split.map(|split| split.keys_of(&keys));
        let parts = parts.map_err(|e| e.while_doing(format_args!("cleaning `{stream}`")))?;
        let topology = Arc::clone(&self.topology);
        let wish = self.cleaner.wish(stream);
        Ok(CleanupSteps::new(topology, &keys, parts, wish))
    }

    /// As [`cleanup_now`](Self::cleanup_now), by these settings, which override those
    /// stored with the stream this one time and are not stored.
    ///
    /// # Errors
    ///
    /// As [`cleanup_now`](Self::cleanup_now), and [`Config`](crate::ErrorKind::Config) if
    /// a setting is out of its bounds.
    pub fn cleanup_once(&self, config: &StreamConfig) -> Result<CleanupReport> {
        config.validate()?;
        let keys = StreamKeys::new(&config.name)?;
        let wish = Wish {
            asked: config.retention.clone(),
            ..Wish::default()
        };
        self.clean(&keys, &wish, true)
    }

    /// The streams of this manager that can't be trimmed because a group stands still,
    /// each with the group's name and since when. Partitions are listed as streams of
    /// their own, such as `{orders:3}`.
    ///
    /// # Blocking
    ///
    /// A few round trips per stream.
    ///
    /// # Errors
    ///
    /// As [`retention_plan`](Self::retention_plan).
    pub fn blocked_streams(&self) -> Result<Vec<BlockedStream>> {
        self.origin.ensure_here()?;
        let mut blocked = Vec::new();
        for stream in self.streams() {
            let keys = StreamKeys::new(&stream)?;
            let wish = self.cleaner.wish(&stream);
            let found = self.splits.look_up(&keys).and_then(|split| {
                let parts = split.keys_of(&keys).into_iter();
                let found = parts
                    .map(|keys| self.alone(&keys, |w| retention::blocked_now(w, &keys, &wish)));
                found.collect::<Result<Vec<_>>>()
            });
            let found = found.map_err(|e| e.while_doing(format_args!("looking at `{stream}`")))?;
            blocked.extend(found.into_iter().flatten());
        }
        Ok(blocked)
    }

    fn clean(&self, keys: &StreamKeys, wish: &Wish, once: bool) -> Result<CleanupReport> {
        let reports = self.splits.look_up(keys).and_then(|split| {
            let parts = split.keys_of(keys).into_iter();
            let reports =
                parts.map(|keys| self.alone(&keys, |w| retention::clean(w, &keys, wish, once)));
            reports
                .reduce(|all, next| Ok(all?.and(next?)))
                .unwrap_or_else(|| Err(no_partitions()))
        });
        reports
            .map(|report| CleanupReport {
                stream: keys.stream().to_owned(),
                ..report
            })
            .map_err(|e| e.while_doing(format_args!("cleaning `{}`", keys.stream())))
    }
}

/// A stream has at least one part.
fn no_partitions() -> Error {
    Error::new(ErrorKind::Config, "the stream has no partitions")
}
