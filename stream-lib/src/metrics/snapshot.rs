//! The counts of a process, at one moment.

use super::histogram::Histogram;
use super::sizes::BatchSizes;
use crate::error::ErrorKind;
use crate::message::dead_reason::DeadReason;

/// What the producers and consumers of a manager have done since they were created, and
/// have in hand: see [`StreamManager::metrics`](crate::StreamManager::metrics).
///
/// The counts are of this process alone, and are not taken all at the same moment: sums
/// may be off by the messages under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Each producer, by name, those that [`add`](crate::StreamManager::add) made last.
    pub producers: Vec<ProducerMetrics>,
    /// Each consumer, by name.
    pub consumers: Vec<ConsumerMetrics>,
}

/// What a producer has done since it was created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProducerMetrics {
    /// Its name in the manager; `None` for a default one, which nobody has created.
    pub name: Option<String>,
    /// The stream.
    pub stream: String,
    /// It is a backup producer.
    pub is_backup: bool,
    /// Messages that Redis has taken, into the stream or the backup stream.
    pub added: u64,
    /// Of these, messages that went to the backup stream.
    pub added_to_backup: u64,
    /// Messages that were there already, by their idempotency keys.
    pub duplicates: u64,
    /// Messages that are scheduled for later.
    pub scheduled: u64,
    /// Messages that went to the spool on the local disk.
    pub spooled: u64,
    /// Entries that its drain has moved from the backup stream to the stream.
    pub moved: u64,
    /// Messages that were not added, by the kinds of their errors.
    pub failed: Vec<(ErrorKind, u64)>,
    /// Messages queued by [`send`](crate::StreamManager::send) that are not answered yet.
    pub waiting: u64,
    /// Messages in the spool now.
    pub in_spool: u64,
    /// How many messages went to Redis together.
    pub batch_sizes: BatchSizes,
    /// How long each message took to be added, or to fail, from the call on; of one that
    /// was queued by `send`, from when its batch was on its way.
    pub add_duration: Histogram,
}

impl ProducerMetrics {
    /// Messages that were not added, for whatever reason.
    pub fn failed_in_all(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }
}

/// What a consumer has done since it was created, and what it has in hand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerMetrics {
    /// Its name in the manager.
    pub name: String,
    /// The stream it reads.
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
    /// decoded. One that was told of a rate limit doesn't count.
    pub failed: u64,
    /// Of these, deliveries whose handler panicked.
    pub panicked: u64,
    /// Entries moved to the dead letters, by the reason.
    pub dead: Vec<(DeadReason, u64)>,
    /// Deliveries that were put off for another try.
    pub retried: u64,
    /// Entries given back to the group without having run.
    pub given_back: u64,
    /// Entries taken over from consumers that let their lease lapse.
    pub taken_over: u64,
    /// Deliveries that ended after their lease was lost; not acknowledged.
    pub lease_lost: u64,
    /// Entries found deleted from the stream while pending; acknowledged.
    pub deleted: u64,
    /// Its worker threads.
    pub workers: usize,
    /// Handlers running now; one for a batch, from its first entry on.
    pub running: usize,
    /// Entries in the buffer now, waiting for a worker.
    pub buffered: usize,
    /// Entries whose end Redis has not confirmed yet.
    pub settling: usize,
    /// How long handlers ran, whatever came of it; once for a batch.
    pub handler_duration: Histogram,
    /// How old messages were when their handlers began, by the server's clock and the id
    /// that they had first; see [`Delivery::age`](crate::Delivery::age).
    pub message_age: Histogram,
}

impl ConsumerMetrics {
    /// Entries moved to the dead letters, for whatever reason.
    pub fn dead_in_all(&self) -> u64 {
        self.dead.iter().map(|(_, count)| count).sum()
    }
}
