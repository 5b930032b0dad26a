//! Retention, asked for by hand.

use super::stream_manager::StreamManager;
use crate::config::StreamConfig;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::retention::{self, BlockedStream, CleanupReport, RetentionPlan, Wish};

impl StreamManager {
    /// Shows what retention would remove from a stream now, and why, without
    /// doing it. Works for any stream, by the settings stored with it.
    ///
    /// # Blocking
    ///
    /// A few round trips; the counts of the plan end at
    /// [`RetentionPlan::COUNTED`].
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream has,
    /// [`Unavailable`](crate::ErrorKind::Unavailable),
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    /// [`WrongType`](crate::ErrorKind::WrongType).
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
        self.topology
            .run_alone(stream.as_bytes(), |wire| {
                retention::plan(wire, &keys, &self.cleaner.wish(stream))
            })
            .map_err(|e| e.while_doing(format_args!("planning the cleanup of `{stream}`")))
    }

    /// Cleans a stream now, all of it, without waiting for the interval. Works
    /// for any stream, by the settings stored with it.
    ///
    /// # Blocking
    ///
    /// One round trip per 10,000 entries that go, and at least one.
    ///
    /// # Errors
    ///
    /// As [`retention_plan`](Self::retention_plan). Entries that were removed
    /// until then stay removed.
    pub fn cleanup_now(&self, stream: &str) -> Result<CleanupReport> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        self.clean(&keys, &self.cleaner.wish(stream), false)
    }

    /// As [`cleanup_now`](Self::cleanup_now), by these settings for this one
    /// time: they win over those stored with the stream, and are not stored.
    ///
    /// # Errors
    ///
    /// As [`cleanup_now`](Self::cleanup_now), and
    /// [`Config`](crate::ErrorKind::Config) where a setting is out of its
    /// bounds.
    pub fn cleanup_once(&self, config: &StreamConfig) -> Result<CleanupReport> {
        config.validate()?;
        let keys = StreamKeys::new(&config.name)?;
        let wish = Wish {
            asked: config.retention.clone(),
            ..Wish::default()
        };
        self.clean(&keys, &wish, true)
    }

    /// The streams of this manager that can't be trimmed because a group
    /// stands still, each with the group's name and since when.
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
            let found = self
                .topology
                .run_alone(stream.as_bytes(), |wire| {
                    retention::blocked_now(wire, &keys, &self.cleaner.wish(&stream))
                })
                .map_err(|e| e.while_doing(format_args!("looking at `{stream}`")))?;
            blocked.extend(found);
        }
        Ok(blocked)
    }

    fn clean(&self, keys: &StreamKeys, wish: &Wish, once: bool) -> Result<CleanupReport> {
        self.topology
            .run_alone(keys.stream().as_bytes(), |wire| {
                retention::clean(wire, keys, wish, once)
            })
            .map_err(|e| e.while_doing(format_args!("cleaning `{}`", keys.stream())))
    }
}
