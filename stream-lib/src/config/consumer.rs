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
/// or a third of a [`lease`](Self::lease) after the stream got them, and shares them out
/// with the other members of its group. Each setting is for the consumer as a whole, not
/// for each partition: there are [`workers`](Self::workers) threads that run handlers,
/// and twice the [`read_count`](Self::read_count) of entries wait for them at most, but
/// for one more from each partition. Each partition that it reads costs one thread that
/// mostly waits, one connection, and one request in each
/// [`block_duration`](Self::block_duration). Dead letters are kept per partition, and so
/// [`dead_letter_max_length`](Self::dead_letter_max_length) counts.
///
/// A partition goes to another member when members come and go. Its handlers end first,
/// for which the [`grace`](Self::grace) is the limit; past it they keep their entries,
/// and the other member reads on beside them.
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

    /// How long one read waits for new entries, 10 ms to 1 min (`XREADGROUP …
    /// BLOCK`). Entries and a stop end the wait at once. In front of it goes a look for
    /// entries that are due which other processes have left behind, so that an idle
    /// consumer sends one request in this time. Defaults to 1 s.
    ///
    /// A connection authenticates again between two reads. So with
    /// [credentials](crate::ConnectionConfig::credentials) that lapse, keep this
    /// below a fifth of the time for which they are
    /// [valid](crate::Credentials::valid_for): a longer read may end after they have
    /// lapsed.
    #[must_use]
    pub fn block_duration(mut self, wait: Duration) -> Self {
        self.block_duration = wait;
        self
    }

    /// How long an entry stays with a process that shows no sign of life,
    /// 100 ms to 1 h; then others take it over. A living process renews its
    /// leases, so a handler may run longer. Defaults to 30 s.
    ///
    /// # Delivery
    ///
    /// Redis counts the time by its clock, which the members of a group watch. After
    /// a step of the clock by more than a third of a lease, nothing is taken over for
    /// one lease. A process that starts within about a second after a step forward
    /// doesn't know of it, and may take over entries that others hold and run: they
    /// then run twice.
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

    /// Where the group begins if this consumer makes it. Defaults to
    /// [`StartFrom::Beginning`].
    #[must_use]
    pub fn start_from(mut self, position: StartFrom) -> Self {
        self.start_from = position;
        self
    }

    /// What to do when the group vanishes later on. Defaults to
    /// [`OnGroupLost::Recreate`].
    #[must_use]
    pub fn on_group_lost(mut self, answer: OnGroupLost) -> Self {
        self.on_group_lost = answer;
        self
    }

    /// What to do with an entry that can't be decoded. Defaults to
    /// [`OnUndecodable::Retry`]: with the default [`retry`](Self::retry) policy it
    /// goes to the dead letters after about 8½ minutes, if no member of the group
    /// can decode it until then.
    #[must_use]
    pub fn on_undecodable(mut self, answer: OnUndecodable) -> Self {
        self.on_undecodable = answer;
        self
    }

    /// The most entries that the stream keeps, 1 to 10^12: the
    /// [`max_length`](crate::StreamConfig::max_length) of the stream, and
    /// stored with it, as set by a consumer. Defaults to what is stored, else
    /// to 10,000.
    #[must_use]
    pub fn max_messages(mut self, entries: u64) -> Self {
        self.retention.max_length = Some(entries);
        self
    }

    /// How often the stream is cleaned, 10 ms to 7 days: the
    /// [`cleanup_interval`](crate::StreamConfig::cleanup_interval) of the
    /// stream, and stored with it. Defaults to what is stored, else to 30 min.
    #[must_use]
    pub fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.retention.cleanup_interval = Some(interval);
        self
    }

    /// Whether this process moves entries back from the stream's backup stream,
    /// where it has one, while the consumer runs: so they come back when no backup
    /// producer is open any more. Of all processes of the stream one does it at a
    /// time. Where the Redis user lacks the right to it, a log line says so once,
    /// and the consumer goes on. Defaults to true.
    #[must_use]
    pub fn drain_backup(mut self, drain: bool) -> Self {
        self.drain_backup = drain;
        self
    }

    /// After how long without a sign of life a consumer of the group that holds
    /// nothing is removed from it, one lease to 30 days. Consumers of other
    /// programs count as alive while Redis shows them as less idle than this.
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

    /// How many replicas are to have the [outputs](crate::Delivery::produce) of
    /// deliveries, together with their acknowledgements, 0 to 100, and how long that is
    /// waited for (`WAIT`), 1 ms to 10 s. Defaults to 0, as soon as the master has them;
    /// the time means nothing then.
    ///
    /// An entry and its outputs are safe without it: a failover that loses the outputs
    /// loses the acknowledgement, too, and the entry is handled again. What this adds
    /// is that an entry isn't counted as completed before replicas have its outputs.
    /// Where too few confirm them in time, the log says so once, and the entry counts as
    /// completed.
    ///
    /// On a Redis Cluster it holds for outputs in the slot of the delivery's stream, and
    /// for acknowledgements; others are added before, and replicas aren't waited for.
    ///
    /// The cost: while replicas are waited for, no other entry of the manager's
    /// consumers is acknowledged. Needs the permission `+wait`.
    #[must_use]
    pub fn replicas(mut self, count: u32, timeout: Duration) -> Self {
        self.replicas = Replicas::new(count, timeout);
        self
    }

    /// How many handlers begin in a time: of the whole group, in all processes. Each of
    /// them gives the same limit; where they differ, each holds its entries to its own.
    /// Retries and takeovers count as well, and so does each entry of a batch. Defaults
    /// to no limit.
    ///
    /// Entries that are read ahead wait, with their leases, until it is their turn. A
    /// process asks for a few turns at a time, so that Redis is asked about twenty times a
    /// second by all processes together. With a rate [per key](RateLimit::per_key) each
    /// entry costs a request, and an entry that is early goes back to the waiting ones
    /// until then, as if it had not been delivered, while others run.
    ///
    /// While Redis can't be asked, nothing begins. After a step of the server's clock,
    /// up to the burst and 30 s' worth of entries may begin too early, or too late.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate = Some(limit);
        self
    }

    /// Hooks to call when something happens. Defaults to none.
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

    /// The values of all setters, for reading.
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
