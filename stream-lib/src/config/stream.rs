//! Configuration of producers.

use std::time::Duration;

use super::{Priority, Replicas, RetentionSettings, SendConfig, WhenFull, check};
use crate::error::Result;

/// A stream as a producer sees it: how to add, and what to keep.
///
/// Retention belongs to the stream, not to the producer: a setting given here is stored
/// in Redis, beside the stream, and applies to every process. A setting that differs from
/// the stored one replaces it, with a warning in the log; a setting that is not given
/// replaces nothing.
///
/// ```
/// use std::time::Duration;
/// use stream_lib::{Priority, StreamConfig};
///
/// let config = StreamConfig::new("user_events")
///     .batch_size(50)
///     .priority(Priority::High)
///     .max_age(Duration::from_secs(2 * 3_600))
///     .min_retention_time(Duration::from_secs(30 * 60));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StreamConfig {
    pub(crate) name: String,
    pub(crate) batch_size: usize,
    pub(crate) send_timeout: Duration,
    pub(crate) send: SendConfig,
    pub(crate) replicas: Option<Replicas>,
    pub(crate) idempotency_window: Duration,
    pub(crate) capacity: Option<u64>,
    pub(crate) partitions: Option<u16>,
    pub(crate) retention: RetentionSettings,
}

impl StreamConfig {
    /// The stream `name` with the defaults of each setter.
    ///
    /// A name has 1 to 512 bytes, doesn't begin with `~`, and has no braces or one
    /// hash tag, such as `{shop}:orders`. Names of keys that belong to a stream,
    /// such as `{orders}:dead` or `{shop}:orders:backup`, are reserved: dead
    /// letters are read with
    /// [`StreamManager::dead_letters`](crate::StreamManager::dead_letters), and not
    /// by a consumer of their own.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch_size: 10,
            send_timeout: Duration::from_secs(5),
            send: SendConfig::default(),
            replicas: None,
            idempotency_window: Duration::from_secs(2 * 60),
            capacity: None,
            partitions: None,
            retention: RetentionSettings::default(),
        }
    }

    /// How many messages `add_all` puts into one round trip, 1 to 1,000; fewer
    /// if they are large, about 1 MiB together. Defaults to 10.
    #[must_use]
    pub fn batch_size(mut self, messages: usize) -> Self {
        self.batch_size = messages;
        self
    }

    /// How long an add may take, 1 ms to 1 h, including the wait for a connection while
    /// Redis is away. If no answer has come by then, the outcome is unknown, and a spool
    /// keeps the message. The time applies to each batch of `add_all`, and to a message
    /// of `send` from when it was queued. Defaults to 5 s.
    /// 5 s.
    #[must_use]
    pub fn send_timeout(mut self, wait: Duration) -> Self {
        self.send_timeout = wait;
        self
    }

    /// How many replicas must have a message before its add returns, 0 to 100, and how
    /// long to wait for them (`WAIT`), 1 ms to less than
    /// [`send_timeout`](Self::send_timeout). Defaults to 0: the master's answer is
    /// enough, and the time has no effect.
    ///
    /// If fewer replicas confirm in time, or Redis doesn't say how many did, the add
    /// fails with [`ErrorKind::NotReplicated`](crate::ErrorKind::NotReplicated): the
    /// message is in Redis, and a failover may lose it;
    /// [`NotReplicated::of`](crate::NotReplicated::of) has its id. A second add with the
    /// same idempotency key makes no second entry, and waits for the replicas again. A
    /// producer with a spool keeps such a message there
    /// ([`Added::Spooled`](crate::Added::Spooled)) and sends it, without a second entry,
    /// until enough replicas have it.
    ///
    /// A failover promotes a replica of its own choice, which need not be one of those
    /// that have confirmed: only a message that *all* replicas have is sure to survive.
    ///
    /// Each request waits for the replicas, so a pipeline takes one round trip more, from
    /// the master to them and back. Adds that are under way at the same time share one
    /// `WAIT` if they ask for the same; other adds don't wait for them. The time is
    /// shortened if it doesn't fit into the rest of the `send_timeout`, or into the
    /// connection's [`response_timeout`](crate::ConnectionConfig::response_timeout). The
    /// server checks it about every 100 ms, so a failure may come later by as much.
    ///
    /// The setting applies to messages on their way into the stream or its backup stream.
    /// Moves from one to the other lose nothing: one transaction removes an entry there
    /// and adds it here, so a replica has the entry in one of the two. Needs the
    /// permission `+wait`: if it is missing, or a proxy doesn't know the command, the
    /// first add fails, and nothing is written.
    #[must_use]
    pub fn replicas(mut self, count: u32, timeout: Duration) -> Self {
        self.replicas = Replicas::new(count, timeout);
        self
    }

    /// The most bytes that unanswered messages of
    /// [`Producer::send`](crate::Producer::send) take, 1 KiB to 1 GiB: their fields and
    /// 64 bytes for each message. Defaults to 16 MiB.
    #[must_use]
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send.buffer = bytes;
        self
    }

    /// The behaviour of [`Producer::send`](crate::Producer::send) while its buffer is
    /// full. Defaults to [`WhenFull::Block`].
    #[must_use]
    pub fn when_full(mut self, what: WhenFull) -> Self {
        self.send.when_full = what;
        self
    }

    /// How long a message of [`Producer::send`](crate::Producer::send) waits for others
    /// to be sent with, at most 10 s. Defaults to 0: it is sent at once, and messages
    /// that queue up behind a pipeline go together anyway.
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.send.linger = time;
        self
    }

    /// How long an idempotency key is remembered, 1 ms to 7 days: a second add with the
    /// same key in that time adds nothing, and returns
    /// [`Added::Duplicate`](crate::Added::Duplicate). Defaults to 2 min.
    #[must_use]
    pub fn idempotency_window(mut self, time: Duration) -> Self {
        self.idempotency_window = time;
        self
    }

    /// A group that counts for retention even before it exists: entries that it has yet
    /// to read are not removed, even if other groups have read them. Defaults to none:
    /// only existing groups count.
    #[must_use]
    pub fn group_name(mut self, group: impl Into<String>) -> Self {
        self.retention.group = Some(group.into());
        self
    }

    /// The most entries that the stream keeps, 1 to 10^12. Retention removes the oldest
    /// beyond it, as far as [`priority`](Self::priority) allows. For a backup producer
    /// this is also the [`capacity`](Self::capacity), unless a capacity is given.
    /// Defaults to 1,000.
    #[must_use]
    pub fn max_length(mut self, entries: u64) -> Self {
        self.retention.max_length = Some(entries);
        self
    }

    /// The backlog at which messages of a backup producer go to the backup stream, 1 to
    /// 10^12. The backlog is the number of pending and unread entries of the group with
    /// the most of them; without groups, the length of the stream. The capacity is stored
    /// with the stream, as retention is, and applies to every backup producer and every
    /// process that moves entries back; simple producers ignore it. Defaults to
    /// [`max_length`](Self::max_length) if given, else to the stored value, else to
    /// 1,000.
    #[must_use]
    pub fn capacity(mut self, entries: u64) -> Self {
        self.capacity = Some(entries);
        self
    }

    /// How many partitions the stream has: a power of two, 1 to 256. Defaults to the
    /// number stored with the stream, else to none: one stream, on one node of a Redis
    /// Cluster.
    ///
    /// The first add stores the number with the stream, and it never changes. With
    /// another number, or if the stream is already in use without partitions, each add
    /// fails with [`ErrorKind::Config`](crate::ErrorKind::Config). Consumers, and
    /// producers that don't set a number, read the stored one. Each partition is a stream
    /// of its own: `orders` has `{orders:0}`, `{orders:1}` and so on, with their own
    /// backup streams and dead letters. Methods of
    /// [`StreamManager`](crate::StreamManager) that take a stream apply to all of its
    /// partitions. Lengths, capacities and all settings of retention count for each
    /// partition.
    ///
    /// Messages with the same key, by `#[stream(key)]` or
    /// [`Envelope::key`](crate::Envelope::key), go to the same partition, in the order of
    /// their adds. Without a key, messages with the same idempotency key go to the same
    /// partition. Other messages go to the partitions in turn, each batch of
    /// [`add_all`](crate::Producer::add_all) to one. There is no order between
    /// partitions.
    ///
    /// One spool serves all partitions: while the server of one of them is away, the
    /// spool holds the messages for all of them, since they leave it in one order.
    #[must_use]
    pub fn partitions(mut self, count: u16) -> Self {
        self.partitions = Some(count);
        self
    }

    /// How often the stream is cleaned, 10 ms to 7 days, ±20 %, by one process
    /// at a time. Defaults to 5 min.
    #[must_use]
    pub fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.retention.cleanup_interval = Some(interval);
        self
    }

    /// The entries that retention may remove. Defaults to [`Priority::Normal`].
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.retention.priority = Some(priority);
        self
    }

    /// The age, by the server's clock, beyond which retention removes an entry as far as
    /// [`priority`](Self::priority) allows; 1 ms to 100 years. Defaults to 1 h.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.retention.max_age = Some(age);
        self
    }

    /// How long an entry stays at least under [`Priority::High`] and
    /// [`Priority::Critical`], even if acknowledged; at most 100 years, and at most
    /// [`max_age`](Self::max_age) if both are set here. If one of the two comes from
    /// elsewhere (stored with the stream, or a default), the minimum wins. Defaults to
    /// 10 min.
    #[must_use]
    pub fn min_retention_time(mut self, age: Duration) -> Self {
        self.retention.min_retention_time = Some(age);
        self
    }

    /// How many of the newest entries stay under any priority, at most 10^12.
    /// Wins over [`max_length`](Self::max_length). Defaults to 100, and to 0
    /// with [`delete_after_ack`](Self::delete_after_ack).
    #[must_use]
    pub fn min_retention_count(mut self, entries: u64) -> Self {
        self.retention.min_retention_count = Some(entries);
        self
    }

    /// Whether entries are removed soon after every group has acknowledged them and all
    /// entries before them, regardless of length and age; the minima still apply. Can't
    /// be combined with [`Priority::Critical`]. Defaults to false.
    #[must_use]
    pub fn delete_after_ack(mut self, delete: bool) -> Self {
        self.retention.delete_after_ack = Some(delete);
        self
    }

    /// Whether a stream without any group is trimmed, as if a group had handled all of
    /// it. Defaults to false, since producers often start before consumers.
    #[must_use]
    pub fn trim_without_groups(mut self, trim: bool) -> Self {
        self.retention.trim_without_groups = Some(trim);
        self
    }

    /// How long a group may stand still, with entries above its floor, before retention
    /// ignores it, 1 s to 100 years. The floor is the group's oldest entry that is not
    /// acknowledged, so a handler that runs for longer, or a longer pause between two
    /// deliveries, also counts as a standstill. The time starts when a cleanup first sees
    /// the floor at this place. Defaults to off, as does [`Duration::ZERO`]: no entry is
    /// removed before every group has handled it.
    ///
    /// The group never sees the entries that it had yet to handle: they are removed as
    /// soon as the other bounds allow. A warning names each ignored group, and another
    /// one counts the entries it lost. Use this if groups come and go without being
    /// removed; to remove a single one, see
    /// [`StreamManager::remove_group`](crate::StreamManager::remove_group).
    #[must_use]
    pub fn ignore_groups_idle_for(mut self, time: Duration) -> Self {
        self.retention.ignore_groups_idle_for = Some(time);
        self
    }

    /// The capacity that either setter gives.
    pub(crate) fn asked_capacity(&self) -> Option<u64> {
        self.capacity.or(self.retention.max_length)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        check::name("name", &self.name)?;
        check::in_range("batch_size", self.batch_size, 1..=1_000)?;
        check::duration(
            "send_timeout",
            self.send_timeout,
            Duration::from_millis(1),
            Duration::from_secs(3_600),
        )?;
        if let Some(replicas) = self.replicas {
            replicas.validate(self.send_timeout)?;
        }
        self.send.validate()?;
        check::duration(
            "idempotency_window",
            self.idempotency_window,
            Duration::from_millis(1),
            Duration::from_secs(7 * 86_400),
        )?;
        if let Some(entries) = self.capacity {
            check::in_range("capacity", entries, 1..=1_000_000_000_000)?;
        }
        self.retention.validate("max_length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn nothing_is_asked_for_by_default() {
        let config = StreamConfig::new("orders");
        assert!(config.validate().is_ok());
        assert!(config.retention.is_empty());
        assert_eq!(config.asked_capacity(), None);
        assert!(!config.priority(Priority::Normal).retention.is_empty());
    }

    #[test]
    fn a_length_is_a_capacity_too_unless_one_is_given() {
        let config = || StreamConfig::new("orders").max_length(50);
        assert_eq!(config().asked_capacity(), Some(50));
        assert_eq!(config().capacity(7).asked_capacity(), Some(7));
        assert_eq!(config().capacity(7).retention.max_length, Some(50));
    }

    #[test]
    fn each_bound_of_retention_is_named_with_its_value() {
        let base = || StreamConfig::new("orders");
        let century = Duration::from_secs(36_501 * 86_400);
        for (config, words) in [
            (base().max_length(0), ["`max_length`", "is 0"]),
            (base().capacity(0), ["`capacity`", "is 0"]),
            (base().max_age(Duration::ZERO), ["`max_age`", "is 0ns"]),
            (base().max_age(century), ["`max_age`", "is 3153686400s"]),
            (
                base().min_retention_time(century),
                ["`min_retention_time`", "is 3153686400s"],
            ),
            (
                base().min_retention_count(u64::MAX),
                ["`min_retention_count`", "is 18446744073709551615"],
            ),
            (
                base().cleanup_interval(Duration::from_millis(9)),
                ["`cleanup_interval`", "is 9ms"],
            ),
            (base().group_name("~g"), ["`group_name`", "~g"]),
            (
                base().ignore_groups_idle_for(Duration::from_millis(999)),
                ["`ignore_groups_idle_for`", "is 999ms"],
            ),
            (
                base()
                    .max_age(Duration::from_secs(2))
                    .min_retention_time(Duration::from_secs(3)),
                ["`min_retention_time` is 3s", "`max_age` is 2s"],
            ),
            (
                base().priority(Priority::Critical).delete_after_ack(true),
                ["`delete_after_ack`", "`priority`"],
            ),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            for word in words {
                assert!(error.to_string().contains(word), "{error}");
            }
        }
    }

    #[test]
    fn groups_that_stand_still_count_again_with_a_time_of_zero() {
        let config = StreamConfig::new("orders").ignore_groups_idle_for(Duration::ZERO);
        assert!(config.validate().is_ok());
        let asked = config.retention.ignore_groups_idle_for;
        assert_eq!(asked, Some(Duration::ZERO), "replaces what is stored");
    }

    #[test]
    fn a_minimum_of_entries_above_the_maximum_is_allowed() {
        let config = StreamConfig::new("orders").min_retention_count(10_000);
        assert!(config.max_length(10).validate().is_ok());
    }

    #[test]
    fn a_time_that_meets_a_default_or_its_equal_is_allowed() {
        let (hour, minute) = (Duration::from_secs(3_600), Duration::from_secs(60));
        let base = || StreamConfig::new("orders");
        for config in [
            base().max_age(minute),
            base().min_retention_time(2 * hour),
            base().max_age(hour).min_retention_time(hour),
        ] {
            assert!(config.validate().is_ok(), "{config:?}");
        }
    }
}
