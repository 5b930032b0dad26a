//! The counts of a process at one moment.

use super::histogram::Histogram;
use super::sizes::BatchSizes;
use crate::error::ErrorKind;
use crate::message::dead_reason::DeadReason;

/// The counts of a manager's producers and consumers since they were created, and what
/// they hold now: see [`StreamManager::metrics`](crate::StreamManager::metrics).
///
/// The counts are of this process alone, and are not taken at one instant: sums may be
/// off by the messages under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Each producer by name, those that [`add`](crate::StreamManager::add) made last.
    pub producers: Vec<ProducerMetrics>,
    /// Each consumer, by name.
    pub consumers: Vec<ConsumerMetrics>,
}

/// The counts of a producer since it was created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProducerMetrics {
    /// Its name in the manager; `None` for a default producer, which
    /// [`add`](crate::StreamManager::add) made.
    pub name: Option<String>,
    /// Its stream.
    pub stream: String,
    /// Whether it is a backup producer.
    pub is_backup: bool,
    /// Messages added to the stream or the backup stream.
    pub added: u64,
    /// Added messages that went to the backup stream.
    pub added_to_backup: u64,
    /// Messages that Redis had already, by their idempotency keys.
    pub duplicates: u64,
    /// Messages that are scheduled for later.
    pub scheduled: u64,
    /// Messages that went to the spool on the local disk.
    pub spooled: u64,
    /// Entries that its drain has moved from the backup stream to the stream.
    pub moved: u64,
    /// Messages that were not added, by the kind of error.
    pub failed: Vec<(ErrorKind, u64)>,
    /// Messages queued by [`send`](crate::StreamManager::send) that are not answered yet.
    pub waiting: u64,
    /// Messages in the spool now.
    pub in_spool: u64,
    /// The sizes of the batches sent to Redis.
    pub batch_sizes: BatchSizes,
    /// The time that each message took to be added, or to fail, from the call on; for a
    /// message queued by `send`, from the sending of its batch on.
    pub add_duration: Histogram,
}

impl ProducerMetrics {
    /// Messages that were not added, for any reason.
    pub fn failed_in_all(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }
}

/// The counts of a consumer since it was created, and what it holds now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerMetrics {
    /// Its name in the manager.
    pub name: String,
    /// The stream that it reads.
    pub stream: String,
    /// Its group.
    pub group: String,
    /// Entries that came in, by reads, retries and takeovers.
    pub delivered: u64,
    /// Entries handled with success and acknowledged.
    pub completed: u64,
    /// Entries acknowledged without a handler: put back from the dead letters for
    /// another group.
    pub skipped: u64,
    /// Deliveries whose handler returned an error or panicked, or that could not be
    /// decoded. Those that a handler ended with a rate limit don't count.
    pub failed: u64,
    /// Failed deliveries whose handler panicked.
    pub panicked: u64,
    /// Entries moved to the dead letters, by the reason.
    pub dead: Vec<(DeadReason, u64)>,
    /// Deliveries that were scheduled for another try, with those ended by a rate limit.
    pub retried: u64,
    /// Entries given back to the group without having run, with those parked until their
    /// turn under a rate limit.
    pub given_back: u64,
    /// Entries taken over from consumers whose lease had lapsed.
    pub taken_over: u64,
    /// Deliveries that ended after their lease was lost, and were not acknowledged.
    pub lease_lost: u64,
    /// Entries that were deleted from the stream while pending, and were acknowledged.
    pub deleted: u64,
    /// Its worker threads.
    pub workers: usize,
    /// Handlers running now; one for a batch, from its first entry on.
    pub running: usize,
    /// Entries in the buffer now, waiting for a worker.
    pub buffered: usize,
    /// Entries whose acknowledgement or move Redis has not confirmed yet.
    pub settling: usize,
    /// The running times of handlers, whatever their results; one per batch.
    pub handler_duration: Histogram,
    /// The ages of messages when their handlers began, by the server's clock and their
    /// first ids; see [`Delivery::age`](crate::Delivery::age).
    pub message_age: Histogram,
}

impl ConsumerMetrics {
    /// Entries moved to the dead letters, for any reason.
    pub fn dead_in_all(&self) -> u64 {
        self.dead.iter().map(|(_, count)| count).sum()
    }
}
