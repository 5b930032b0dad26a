//! How a consumer group reads a stream.

use std::thread::available_parallelism;
use std::time::Duration;

use super::{
    ConsumerEvents, ConsumerSettings, Events, OnGroupLost, OnUndecodable, RateLimit, Replicas,
    RetentionSettings, RetryPolicy, StartFrom,
};

/// How many dead letters are kept unless it is said otherwise.
const DEAD_LETTERS: u64 = 100_000;

/// A consumer: one member of a group, with its worker threads.
///
/// # Partitions
///
/// A stream with partitions needs no setting here: the consumer finds them, at its start
/// or a third of a [`lease`](Self::lease) after the stream got them, and shares them with
/// the other members of its group. Each setting is for the consumer as a whole, not for
/// each partition: [`workers`](Self::workers) threads run handlers, and at most twice the
/// [`read_count`](Self::read_count) of entries wait for them, plus one from each
/// partition. Each partition that it reads costs one thread that mostly waits, one
/// connection, and one request in each [`block_duration`](Self::block_duration). Dead
/// letters are kept per partition, and
/// [`dead_letter_max_length`](Self::dead_letter_max_length) applies to each.
///
/// Partitions move between members as members come and go. Running handlers of the
/// partition end first, within the [`grace`](Self::grace). Handlers that run for longer
/// keep their entries, and the new owner starts reading beside them.
///
/// ```
/// use std::time::Duration;
/// use stream_lib::ConsumerConfig;
///
/// let config = ConsumerConfig::new("orders")
///     .workers(8)
///     .lease(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerConfig {
    pub(crate) stream: String,
    pub(crate) group: String,
    pub(crate) consumer: Option<String>,
    pub(crate) workers: usize,
    pub(crate) read_count: usize,
    pub(crate) block_duration: Duration,
    pub(crate) lease: Duration,
    pub(crate) lease_cap: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) grace: Duration,
    pub(crate) start_from: StartFrom,
    pub(crate) on_group_lost: OnGroupLost,
    pub(crate) on_undecodable: OnUndecodable,
    pub(crate) retention: RetentionSettings,
    pub(crate) drain_backup: bool,
    pub(crate) consumer_expiry: Duration,
    pub(crate) dead_letter_max_length: u64,
    pub(crate) dead_letter_max_age: Duration,
    pub(crate) replicas: Option<Replicas>,
    pub(crate) rate: Option<RateLimit>,
    pub(crate) events: Events,
}

impl ConsumerConfig {
    /// A consumer of `stream` in the group `<stream>_group`, with the defaults
    /// of each setter.
    pub fn new(stream: impl Into<String>) -> Self {
        let stream = stream.into();
        Self {
            group: format!("{stream}_group"),
            stream,
            consumer: None,
            workers: available_parallelism().map_or(1, usize::from),
            read_count: 128,
            block_duration: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            lease_cap: Duration::from_secs(3_600),
            retry: RetryPolicy::default(),
            grace: Duration::from_secs(25),
            start_from: StartFrom::default(),
            on_group_lost: OnGroupLost::default(),
            on_undecodable: OnUndecodable::default(),
            retention: RetentionSettings::default(),
            drain_backup: true,
            consumer_expiry: Duration::from_secs(3_600),
            dead_letter_max_length: DEAD_LETTERS,
            dead_letter_max_age: Duration::from_secs(14 * 86_400),
            replicas: None,
            rate: None,
            events: Events::default(),
        }
    }

    /// The consumer group. Defaults to `<stream>_group`.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = name.into();
        self
    }

    /// A label for this consumer in Redis; `-` and random characters follow
    /// it there, so that two lives never share a name. Defaults to host and
    /// process id.
    #[must_use]
    pub fn consumer(mut self, label: impl Into<String>) -> Self {
        self.consumer = Some(label.into());
        self
    }

    /// How many threads run handlers, 1 to 1,024. Defaults to the number of
    /// cores.
    #[must_use]
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = threads;
        self
    }

    /// How many entries one read asks for at most, 1 to 10,000 (`XREADGROUP …
    /// COUNT`). At most twice as many wait in the buffer. Defaults to 128.
    #[must_use]
    pub fn read_count(mut self, entries: usize) -> Self {
        self.read_count = entries;
        self
    }

    /// How long one read waits for new entries, 10 ms to 1 min (`XREADGROUP … BLOCK`).
    /// Entries and a stop end the wait at once. A check for due entries that other
    /// processes have left goes in front of each read, so an idle consumer sends one
    /// request in this time. Defaults to 1 s.
    ///
    /// A connection authenticates again between two reads. With
    /// [credentials](crate::ConnectionConfig::credentials) that expire, keep this below a
    /// fifth of the time for which they are [valid](crate::Credentials::valid_for): a
    /// longer read may end after they have expired.
    #[must_use]
    pub fn block_duration(mut self, wait: Duration) -> Self {
        self.block_duration = wait;
        self
    }

    /// How long an entry stays with a process that shows no sign of life, 100 ms to 1 h;
    /// then other members take it over. A living process renews its leases, so a handler
    /// may run for longer. Defaults to 30 s.
    ///
    /// # Delivery
    ///
    /// The server's clock measures leases, and the members of a group watch it. After a
    /// step of the clock by more than a third of a lease, nothing is taken over for one
    /// lease. A process that starts within about a second after a step forward can't
    /// notice the step, and may take over entries that others hold and run: they then run
    /// twice.
    #[must_use]
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time;
        self
    }

    /// How long the lease of one running handler is renewed, at least one
    /// lease, at most 7 days; past it, another process may run the entry.
    /// Defaults to 1 h.
    #[must_use]
    pub fn lease_cap(mut self, time: Duration) -> Self {
        self.lease_cap = time;
        self
    }

    /// When a failed entry is tried again. Defaults to
    /// [`RetryPolicy::default`].
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How long a stop waits for running handlers, at most 1 h. Defaults to
    /// 25 s.
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// The start of the group if this consumer creates it. Defaults to
    /// [`StartFrom::Beginning`].
    #[must_use]
    pub fn start_from(mut self, position: StartFrom) -> Self {
        self.start_from = position;
        self
    }

    /// The reaction if the group vanishes after the start. Defaults to
    /// [`OnGroupLost::Recreate`].
    #[must_use]
    pub fn on_group_lost(mut self, answer: OnGroupLost) -> Self {
        self.on_group_lost = answer;
        self
    }

    /// The handling of entries that can't be decoded. Defaults to
    /// [`OnUndecodable::Retry`]: with the default [`retry`](Self::retry) policy they go
    /// to the dead letters after about 8½ minutes, if no member of the group can decode
    /// them until then.
    #[must_use]
    pub fn on_undecodable(mut self, answer: OnUndecodable) -> Self {
        self.on_undecodable = answer;
        self
    }

    /// The most entries that the stream keeps, 1 to 10^12. This is the stream's
    /// [`max_length`](crate::StreamConfig::max_length) and is stored with the stream.
    /// Defaults to the stored value, else to 10,000.
    #[must_use]
    pub fn max_messages(mut self, entries: u64) -> Self {
        self.retention.max_length = Some(entries);
        self
    }

    /// How often the stream is cleaned, 10 ms to 7 days. This is the stream's
    /// [`cleanup_interval`](crate::StreamConfig::cleanup_interval) and is stored with the
    /// stream. Defaults to the stored value, else to 30 min.
    #[must_use]
    pub fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.retention.cleanup_interval = Some(interval);
        self
    }

    /// Whether this process moves entries back from the stream's backup stream, if it has
    /// one, while the consumer runs. Entries then come back even if no backup producer is
    /// open any more. One process of the stream does this at a time. If the Redis user
    /// lacks the permission, the log says so once, and the consumer goes on. Defaults to
    /// true.
    #[must_use]
    pub fn drain_backup(mut self, drain: bool) -> Self {
        self.drain_backup = drain;
        self
    }

    /// The time without a sign of life after which a consumer of the group that holds
    /// nothing is removed from the group, one lease to 30 days. Consumers of other
    /// programs count as alive while Redis shows them as idle for less than this.
    /// Defaults to 1 h.
    #[must_use]
    pub fn consumer_expiry(mut self, time: Duration) -> Self {
        self.consumer_expiry = time;
        self
    }

    /// About how many dead letters the stream keeps, 1 to 10^12 (`XTRIM … MAXLEN ~`):
    /// each burial removes the oldest beyond that, as far as Redis can do so at
    /// little cost, by default a hundred at a time; see
    /// [`ConsumerEvents::dead_letters_dropped`]. All consumers of a stream share its
    /// dead letters, so the smallest value wins. Defaults to 100,000.
    #[must_use]
    pub fn dead_letter_max_length(mut self, entries: u64) -> Self {
        self.dead_letter_max_length = entries;
        self
    }

    /// About how long a dead letter is kept, 1 s to 3,650 days (`XTRIM … MINID ~`):
    /// each burial removes older ones, as for
    /// [`dead_letter_max_length`](Self::dead_letter_max_length). Defaults to 14 days.
    #[must_use]
    pub fn dead_letter_max_age(mut self, time: Duration) -> Self {
        self.dead_letter_max_age = time;
        self
    }

    /// How many replicas must have the [outputs](crate::Delivery::produce) of deliveries
    /// and their acknowledgements, 0 to 100, and how long to wait for them (`WAIT`), 1 ms
    /// to 10 s. Defaults to 0: the master's answer is enough, and the time has no effect.
    ///
    /// An entry and its outputs are safe without this setting: a failover that loses the
    /// outputs also loses the acknowledgement, and the entry is handled again. With the
    /// setting, an entry isn't counted as completed before the replicas have its outputs.
    /// If too few replicas confirm in time, the log says so once, and the entry counts as
    /// completed.
    ///
    /// On a Redis Cluster the setting applies to outputs in the slot of the delivery's
    /// stream, and to acknowledgements. Other outputs are added before, without waiting
    /// for replicas.
    ///
    /// While a `WAIT` runs, no other entry of the manager's consumers is acknowledged.
    /// Needs the permission `+wait`.
    #[must_use]
    pub fn replicas(mut self, count: u32, timeout: Duration) -> Self {
        self.replicas = Replicas::new(count, timeout);
        self
    }

    /// The rate at which handlers start, for the whole group across all processes. Give
    /// each process the same limit: each holds its own entries to its own limit. Retries
    /// and takeovers count as well, and so does each entry of a batch. Defaults to no
    /// limit.
    ///
    /// Entries that were read ahead keep their leases while they wait for their turn. A
    /// process asks for several turns at a time, so that all processes together ask Redis
    /// about twenty times a second. With a rate [per key](RateLimit::per_key) each entry
    /// costs a request. An entry whose turn is later is parked until then, as if it had
    /// not been delivered, while others run.
    ///
    /// While Redis can't be reached, no handler starts. After a step of the server's
    /// clock, up to the burst and 30 s' worth of entries may start too early or too late.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate = Some(limit);
        self
    }

    /// Hooks that the consumer calls. Defaults to none.
    #[must_use]
    pub fn events(mut self, events: impl ConsumerEvents) -> Self {
        self.events = Events::new(events);
        self
    }

    /// How many dead letters are kept, where that is not the default.
    pub(crate) fn unusual_dead_letter_max_length(&self) -> Option<u64> {
        let most = self.dead_letter_max_length;
        (most != DEAD_LETTERS).then_some(most)
    }

    /// The values of all setters.
    ///
    /// ```
    /// use stream_lib::ConsumerConfig;
    ///
    /// let config = ConsumerConfig::new("orders").workers(8);
    /// assert_eq!(config.settings().workers, 8);
    /// assert_eq!(config.settings().group, "orders_group");
    /// ```
    pub fn settings(&self) -> ConsumerSettings {
        let config = self.clone();
        ConsumerSettings {
            stream: config.stream,
            group: config.group,
            consumer: config.consumer,
            workers: config.workers,
            read_count: config.read_count,
            block_duration: config.block_duration,
            lease: config.lease,
            lease_cap: config.lease_cap,
            retry: config.retry,
            grace: config.grace,
            start_from: config.start_from,
            on_group_lost: config.on_group_lost,
            on_undecodable: config.on_undecodable,
            max_messages: config.retention.max_length,
            cleanup_interval: config.retention.cleanup_interval,
            drain_backup: config.drain_backup,
            consumer_expiry: config.consumer_expiry,
            dead_letter_max_length: config.dead_letter_max_length,
            dead_letter_max_age: config.dead_letter_max_age,
            replicas: config.replicas.map(|asked| (asked.count, asked.timeout)),
            rate_limit: config.rate,
            has_events: config.events.are_set(),
        }
    }
}

impl From<&str> for ConsumerConfig {
    fn from(stream: &str) -> Self {
        Self::new(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_what_the_setters_were_given() {
        struct Deaf;
        impl ConsumerEvents for Deaf {}
        let second = Duration::from_secs(1);
        let config = ConsumerConfig::new("orders")
            .group("cards")
            .consumer("till")
            .workers(3)
            .read_count(5)
            .block_duration(second)
            .lease(second * 2)
            .lease_cap(second * 3)
            .retry(RetryPolicy::list([second]))
            .grace(second * 4)
            .start_from(StartFrom::End)
            .on_group_lost(OnGroupLost::Stop)
            .on_undecodable(OnUndecodable::Bury)
            .max_messages(7)
            .cleanup_interval(second * 5)
            .drain_backup(false)
            .consumer_expiry(second * 6)
            .dead_letter_max_length(8)
            .dead_letter_max_age(second * 7)
            .replicas(2, second)
            .rate_limit(RateLimit::per_second(9))
            .events(Deaf);
        let expected = ConsumerSettings {
            stream: "orders".to_owned(),
            group: "cards".to_owned(),
            consumer: Some("till".to_owned()),
            workers: 3,
            read_count: 5,
            block_duration: second,
            lease: second * 2,
            lease_cap: second * 3,
            retry: RetryPolicy::list([second]),
            grace: second * 4,
            start_from: StartFrom::End,
            on_group_lost: OnGroupLost::Stop,
            on_undecodable: OnUndecodable::Bury,
            max_messages: Some(7),
            cleanup_interval: Some(second * 5),
            drain_backup: false,
            consumer_expiry: second * 6,
            dead_letter_max_length: 8,
            dead_letter_max_age: second * 7,
            replicas: Some((2, second)),
            rate_limit: Some(RateLimit::per_second(9)),
            has_events: true,
        };
        assert_eq!(config.settings(), expected);
    }
}
