//! Configuration of backup producers.

use std::time::Duration;

use super::spool::SpoolConfig;
use super::{StreamConfig, check};
use crate::error::{Error, ErrorKind, Result, Shown};

/// A stream with a backup stream, as a producer sees it.
///
/// While the stream's backlog is below its [`capacity`](Self::capacity),
/// messages go straight to it; beyond that they go to the backup stream, and
/// are moved back in order as consumers make room.
///
/// The name of the backup stream and the capacity belong to the stream, as its
/// retention does: they are stored beside it, so that consumers can move the entries
/// back when no producer is left. A name or capacity that differs from the stored
/// one replaces it, with a warning in the log; a capacity that was not given
/// replaces nothing.
///
/// The settings of a plain stream are made on a [`StreamConfig`], which converts.
///
/// ```
/// use std::time::Duration;
/// use stream_lib::{BackupStreamConfig, StreamConfig};
///
/// let config = BackupStreamConfig::new("orders").max_length(50_000);
/// let config = BackupStreamConfig::from(StreamConfig::new("orders").batch_size(50))
///     .transfer_batch_size(100)
///     .slow_timeout(Duration::from_millis(500));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BackupStreamConfig {
    pub(crate) stream: StreamConfig,
    pub(crate) backup_stream: Option<String>,
    pub(crate) max_backup_length: Option<u64>,
    pub(crate) transfer_batch_size: usize,
    pub(crate) lock_timeout: Duration,
    pub(crate) fast_timeout: Duration,
    pub(crate) slow_timeout: Duration,
    pub(crate) spool: SpoolConfig,
}

impl BackupStreamConfig {
    /// The stream `name` with the defaults of each setter.
    ///
    /// A name has 1 to 512 bytes, doesn't begin with `~`, and has no braces or one
    /// hash tag, such as `{shop}:orders`. Names of keys that belong to a stream,
    /// such as `{orders}:dead` or `{shop}:orders:backup`, are reserved: dead
    /// letters are read with
    /// [`StreamManager::dead_letters`](crate::StreamManager::dead_letters), and not
    /// by a consumer of their own.
    pub fn new(name: impl Into<String>) -> Self {
        Self::from(StreamConfig::new(name))
    }

    /// The most entries that the stream keeps, and its
    /// [`capacity`](Self::capacity) unless that is given; see
    /// [`StreamConfig::max_length`]. 1 to 10^12. Defaults to 1,000.
    #[must_use]
    pub fn max_length(mut self, entries: u64) -> Self {
        self.stream = self.stream.max_length(entries);
        self
    }

    /// The backlog at which messages go to the backup stream, 1 to 10^12; see
    /// [`StreamConfig::capacity`]. Defaults to [`max_length`](Self::max_length) if given,
    /// else to the value stored with the stream, else to 1,000.
    #[must_use]
    pub fn capacity(mut self, entries: u64) -> Self {
        self.stream = self.stream.capacity(entries);
        self
    }

    /// How many partitions the stream has; see [`StreamConfig::partitions`]. Can't be
    /// combined with [`backup_stream`](Self::backup_stream), since each partition has a
    /// backup stream of its own. Defaults to the number stored with the stream, else to
    /// none.
    #[must_use]
    pub fn partitions(mut self, count: u16) -> Self {
        self.stream = self.stream.partitions(count);
        self
    }

    /// The backup stream. It must share the stream's slot of a Redis Cluster: for
    /// `orders`, a name with `{orders}` in it. All producers of a stream must use the
    /// same name: entries in another backup stream are moved back only while a producer
    /// with that name is open. Defaults to `{orders}:backup`.
    #[must_use]
    pub fn backup_stream(mut self, name: impl Into<String>) -> Self {
        self.backup_stream = Some(name.into());
        self
    }

    /// The length from which on the backup stream takes no more, 1 to 10^12:
    /// an add then fails with [`ErrorKind::Full`](crate::ErrorKind::Full). It is this
    /// producer's own; the latest one stands beside the stream, too, where tools see how
    /// full the backup stream is. Defaults to none: the server's memory is the bound.
    #[must_use]
    pub fn max_backup_length(mut self, entries: u64) -> Self {
        self.max_backup_length = Some(entries);
        self
    }

    /// How many entries are moved back in one step, 1 to 1,000. Defaults to
    /// 10.
    #[must_use]
    pub fn transfer_batch_size(mut self, entries: usize) -> Self {
        self.transfer_batch_size = entries;
        self
    }

    /// How long the lock of a process that moves entries back lasts without renewal,
    /// 100 ms to 1 h; after that, another process takes over. Defaults to 10 s.
    #[must_use]
    pub fn lock_timeout(mut self, time: Duration) -> Self {
        self.lock_timeout = time;
        self
    }

    /// How long to wait before the next check for room while the stream is full, 1 ms to
    /// 1 min. Defaults to 50 ms.
    #[must_use]
    pub fn fast_timeout(mut self, time: Duration) -> Self {
        self.fast_timeout = time;
        self
    }

    /// How long to wait before the next check while the backup stream is empty, 1 ms to
    /// 1 min. A wait below 2 s doubles up to that while the backup stream stays empty.
    /// Defaults to 200 ms.
    #[must_use]
    pub fn slow_timeout(mut self, time: Duration) -> Self {
        self.slow_timeout = time;
        self
    }

    pub(crate) fn validate(&self) -> Result<()> {
        const MS: Duration = Duration::from_millis(1);
        const MINUTE: Duration = Duration::from_secs(60);
        self.stream.validate()?;
        if let Some(name) = &self.backup_stream {
            check::name("backup_stream", name)?;
            if self.stream.partitions.is_some() {
                return Err(named_backup_of_partitions(name));
            }
        }
        if let Some(most) = self.max_backup_length {
            check::in_range("max_backup_length", most, 1..=1_000_000_000_000)?;
        }
        check::in_range("transfer_batch_size", self.transfer_batch_size, 1..=1_000)?;
        check::duration("lock_timeout", self.lock_timeout, MS * 100, MINUTE * 60)?;
        check::duration("fast_timeout", self.fast_timeout, MS, MINUTE)?;
        check::duration("slow_timeout", self.slow_timeout, MS, MINUTE)?;
        self.spool.validate()
    }
}

/// The error for a named backup stream of a stream with partitions.
pub(crate) fn named_backup_of_partitions(name: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!(
            "`backup_stream` is `{}`, but each partition of the stream has a backup \
             stream of its own: leave `backup_stream` out",
            Shown(name)
        ),
    )
}

/// Requires the feature `spool`.
#[cfg(feature = "spool")]
impl BackupStreamConfig {
    /// A directory that keeps messages while Redis can't be reached or refuses writes. An
    /// add then ends with [`Added::Spooled`](crate::Added::Spooled). When Redis is back,
    /// possibly after a restart of the process, the messages go to Redis in order, each
    /// once, and before any newer message of this producer. Defaults to none.
    ///
    /// With [`replicas`](StreamConfig::replicas), the directory also keeps messages that
    /// too few replicas have confirmed. They are sent again, without a second entry,
    /// until enough replicas have them.
    ///
    /// A message that Redis refuses for good, such as one that is larger than its
    /// `proto-max-bulk-len`, doesn't hold up others: it is set aside in a file of the
    /// directory; see [`SpoolStats::set_aside`](crate::SpoolStats::set_aside).
    ///
    /// The schemas of types with `#[stream(sensitive)]` fields are kept beside the
    /// messages, for a process that has only the messages.
    ///
    /// Each producer needs a directory of its own. It is made, with mode 0700, if it
    /// isn't there, and locked by its process. With a spool, a producer sends one batch
    /// at a time, in the order of their numbers. Requires the feature `spool`.
    #[must_use]
    pub fn spool_dir(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.spool.dir = Some(dir.into());
        self
    }

    /// The most bytes of messages that the spool holds, including those set aside, 64 KiB
    /// to 1 TiB: an add that finds no room fails with
    /// [`ErrorKind::Full`](crate::ErrorKind::Full). The file on disk can be a few times
    /// as large. Defaults to 1 GiB.
    #[must_use]
    pub fn max_spool_bytes(mut self, bytes: u64) -> Self {
        self.spool.max_bytes = bytes;
        self
    }

    /// How long a shutdown continues to send spooled messages, up to 1 h. The rest stays
    /// in the directory, and is counted in
    /// [`ShutdownReport::spooled`](crate::ShutdownReport::spooled). Defaults to 5 s.
    #[must_use]
    pub fn spool_grace(mut self, time: Duration) -> Self {
        self.spool.grace = time;
        self
    }

    /// How long Redis remembers the last number that it has of this spool while the spool
    /// is not used, 1 s to 3,650 days. After a longer pause, a message that may already
    /// be in Redis is added a second time. A shutdown that leaves the spool empty removes
    /// the number at once. Defaults to 30 days.
    #[must_use]
    pub fn spool_memory(mut self, time: Duration) -> Self {
        self.spool.memory = time;
        self
    }
}

impl From<StreamConfig> for BackupStreamConfig {
    fn from(stream: StreamConfig) -> Self {
        Self {
            stream,
            backup_stream: None,
            max_backup_length: None,
            transfer_batch_size: 10,
            lock_timeout: Duration::from_secs(10),
            fast_timeout: Duration::from_millis(50),
            slow_timeout: Duration::from_millis(200),
            spool: SpoolConfig::default(),
        }
    }
}

impl From<&str> for BackupStreamConfig {
    fn from(stream: &str) -> Self {
        Self::new(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn each_bound_is_named_with_its_value() {
        let base = || BackupStreamConfig::new("orders");
        assert!(base().validate().is_ok());
        let mut small_spool = base();
        small_spool.spool.max_bytes = 1;
        for (config, words) in [
            (small_spool, ["`max_spool_bytes`", "is 1"]),
            (base().max_length(0), ["`max_length`", "is 0"]),
            (base().capacity(0), ["`capacity`", "is 0"]),
            (base().max_backup_length(0), ["`max_backup_length`", "is 0"]),
            (
                base().transfer_batch_size(1_001),
                ["`transfer_batch_size`", "is 1001"],
            ),
            (
                base().lock_timeout(Duration::ZERO),
                ["`lock_timeout`", "is 0ns"],
            ),
            (
                base().fast_timeout(Duration::ZERO),
                ["`fast_timeout`", "is 0ns"],
            ),
            (
                base().slow_timeout(Duration::MAX),
                ["`slow_timeout`", "must be"],
            ),
            (base().backup_stream("~x"), ["`backup_stream`", "~"]),
            (BackupStreamConfig::new(""), ["`name`", "empty"]),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            for word in words {
                assert!(error.to_string().contains(word), "{error}");
            }
        }
    }
}
