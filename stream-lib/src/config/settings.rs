//! The settings of a producer, for reading.

use std::path::PathBuf;
use std::time::Duration;

use super::{BackupStreamConfig, Priority, StreamConfig, WhenFull};

/// The settings of a [`StreamConfig`]; each is described at its setter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StreamSettings {
    /// The stream's name.
    pub name: String,
    /// [`StreamConfig::batch_size`].
    pub batch_size: usize,
    /// [`StreamConfig::send_timeout`].
    pub send_timeout: Duration,
    /// [`StreamConfig::send_buffer`], in bytes.
    pub send_buffer: usize,
    /// [`StreamConfig::when_full`].
    pub when_full: WhenFull,
    /// [`StreamConfig::linger`].
    pub linger: Duration,
    /// [`StreamConfig::replicas`]: how many, and how long to wait for them; `None` for
    /// none.
    pub replicas: Option<(u32, Duration)>,
    /// [`StreamConfig::idempotency_window`].
    pub idempotency_window: Duration,
    /// [`StreamConfig::capacity`]; `None` if it was not given.
    pub capacity: Option<u64>,
    /// [`StreamConfig::partitions`]; `None` if it was not given.
    pub partitions: Option<u16>,
    /// The settings of retention.
    pub retention: RetentionWishes,
}

/// The settings of retention that a [`StreamConfig`] gives. `None` is a setting that was
/// not given: the one stored with the stream applies, else the setter's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetentionWishes {
    /// [`StreamConfig::priority`].
    pub priority: Option<Priority>,
    /// [`StreamConfig::max_length`].
    pub max_length: Option<u64>,
    /// [`StreamConfig::max_age`].
    pub max_age: Option<Duration>,
    /// [`StreamConfig::min_retention_time`].
    pub min_retention_time: Option<Duration>,
    /// [`StreamConfig::min_retention_count`].
    pub min_retention_count: Option<u64>,
    /// [`StreamConfig::delete_after_ack`].
    pub delete_after_ack: Option<bool>,
    /// [`StreamConfig::trim_without_groups`].
    pub trim_without_groups: Option<bool>,
    /// [`StreamConfig::cleanup_interval`].
    pub cleanup_interval: Option<Duration>,
    /// [`StreamConfig::group_name`].
    pub group_name: Option<String>,
    /// [`StreamConfig::ignore_groups_idle_for`].
    pub ignore_groups_idle_for: Option<Duration>,
}

/// The settings of a [`BackupStreamConfig`]; each is described at its setter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BackupStreamSettings {
    /// The settings of the stream itself.
    pub stream: StreamSettings,
    /// [`BackupStreamConfig::backup_stream`]; `None` for `{name}:backup`.
    pub backup_stream: Option<String>,
    /// [`BackupStreamConfig::max_backup_length`].
    pub max_backup_length: Option<u64>,
    /// [`BackupStreamConfig::transfer_batch_size`].
    pub transfer_batch_size: usize,
    /// [`BackupStreamConfig::lock_timeout`].
    pub lock_timeout: Duration,
    /// [`BackupStreamConfig::fast_timeout`].
    pub fast_timeout: Duration,
    /// [`BackupStreamConfig::slow_timeout`].
    pub slow_timeout: Duration,
    /// The directory of the spool; always `None` without the feature `spool`.
    pub spool_dir: Option<PathBuf>,
    /// The most bytes of messages that the spool holds.
    pub max_spool_bytes: u64,
    /// How long a shutdown continues to send spooled messages.
    pub spool_grace: Duration,
    /// How long Redis remembers the last number of an unused spool.
    pub spool_memory: Duration,
}

impl StreamConfig {
    /// The values of all setters, not validated.
    ///
    /// ```
    /// use stream_lib::StreamConfig;
    ///
    /// let settings = StreamConfig::new("orders").batch_size(50).settings();
    /// assert_eq!((settings.name.as_str(), settings.batch_size), ("orders", 50));
    /// assert_eq!(settings.retention.max_length, None);
    /// ```
    pub fn settings(&self) -> StreamSettings {
        let asked = self.retention.clone();
        StreamSettings {
            name: self.name.clone(),
            batch_size: self.batch_size,
            send_timeout: self.send_timeout,
            send_buffer: self.send.buffer,
            when_full: self.send.when_full,
            linger: self.send.linger,
            replicas: self.replicas.map(|asked| (asked.count, asked.timeout)),
            idempotency_window: self.idempotency_window,
            capacity: self.capacity,
            partitions: self.partitions,
            retention: RetentionWishes {
                priority: asked.priority,
                max_length: asked.max_length,
                max_age: asked.max_age,
                min_retention_time: asked.min_retention_time,
                min_retention_count: asked.min_retention_count,
                delete_after_ack: asked.delete_after_ack,
                trim_without_groups: asked.trim_without_groups,
                cleanup_interval: asked.cleanup_interval,
                group_name: asked.group,
                ignore_groups_idle_for: asked.ignore_groups_idle_for,
            },
        }
    }
}

impl BackupStreamConfig {
    /// The values of all setters, not validated.
    pub fn settings(&self) -> BackupStreamSettings {
        BackupStreamSettings {
            stream: self.stream.settings(),
            backup_stream: self.backup_stream.clone(),
            max_backup_length: self.max_backup_length,
            transfer_batch_size: self.transfer_batch_size,
            lock_timeout: self.lock_timeout,
            fast_timeout: self.fast_timeout,
            slow_timeout: self.slow_timeout,
            spool_dir: self.spool.dir.clone(),
            max_spool_bytes: self.spool.max_bytes,
            spool_grace: self.spool.grace,
            spool_memory: self.spool.memory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setter_has_its_getter() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let stream = StreamConfig::new("orders")
            .batch_size(2)
            .send_timeout(second)
            .send_buffer(2_048)
            .when_full(WhenFull::Fail)
            .linger(second)
            .replicas(2, second)
            .idempotency_window(minute)
            .group_name("g")
            .ignore_groups_idle_for(minute)
            .max_length(7)
            .capacity(5)
            .partitions(4)
            .cleanup_interval(minute)
            .priority(Priority::High)
            .max_age(minute)
            .min_retention_time(second)
            .min_retention_count(3)
            .delete_after_ack(true)
            .trim_without_groups(true);
        let expected = StreamSettings {
            name: "orders".to_owned(),
            batch_size: 2,
            send_timeout: second,
            send_buffer: 2_048,
            when_full: WhenFull::Fail,
            linger: second,
            replicas: Some((2, second)),
            idempotency_window: minute,
            capacity: Some(5),
            partitions: Some(4),
            retention: RetentionWishes {
                priority: Some(Priority::High),
                max_length: Some(7),
                max_age: Some(minute),
                min_retention_time: Some(second),
                min_retention_count: Some(3),
                delete_after_ack: Some(true),
                trim_without_groups: Some(true),
                cleanup_interval: Some(minute),
                group_name: Some("g".to_owned()),
                ignore_groups_idle_for: Some(minute),
            },
        };
        assert_eq!(stream.settings(), expected);
        let backup = BackupStreamConfig::from(stream)
            .backup_stream("{orders}:b")
            .max_backup_length(9)
            .transfer_batch_size(4)
            .lock_timeout(minute)
            .fast_timeout(second)
            .slow_timeout(second);
        let settings = backup.settings();
        assert_eq!(settings.stream, expected);
        assert_eq!(settings.backup_stream.as_deref(), Some("{orders}:b"));
        assert_eq!(settings.max_backup_length, Some(9));
        assert_eq!(settings.transfer_batch_size, 4);
        let times = (settings.lock_timeout, settings.fast_timeout);
        assert_eq!((times, settings.slow_timeout), ((minute, second), second));
        let spool = (settings.max_spool_bytes, settings.spool_grace);
        assert_eq!(spool, (1 << 30, 5 * second));
        assert_eq!(settings.spool_memory, 720 * 60 * minute);
        assert_eq!(settings.spool_dir, None);
    }
}
