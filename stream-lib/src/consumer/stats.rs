//! The counters of a consumer, and its reports.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ErrorKind;
use crate::message::dead_reason::DeadReason;
use crate::metrics::{ConsumerMetrics, WorkerRecords};

/// What a consumer has done since it was created, and what it has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerStats {
    /// Entries that came in, by reads, retries and takeovers.
    pub delivered: u64,
    /// Entries handled with success and acknowledged.
    pub completed: u64,
    /// Entries acknowledged without a handler: put back from the dead letters for
    /// another group.
    pub skipped: u64,
    /// Deliveries that failed and were put off for another try.
    pub failed: u64,
    /// Of all deliveries, those whose handler panicked; of a batch, those
    /// whose handler panicked over them alone.
    pub panicked: u64,
    /// Entries moved to the dead letters.
    pub dead: u64,
    /// Entries given back to the group without having run.
    pub given_back: u64,
    /// Entries taken over from consumers that let their lease lapse.
    pub taken_over: u64,
    /// Deliveries that ended after their lease was lost; not acknowledged.
    pub lost: u64,
    /// Entries found deleted from the stream while pending; acknowledged.
    pub deleted: u64,
    /// Entries in the buffer now, waiting for a worker.
    pub buffered: usize,
    /// Handlers running now; one for a batch, from its first entry on.
    pub running: usize,
    /// Entries whose end Redis has not confirmed yet.
    pub settling: usize,
    /// The failure that holds it up at present, by its kind; `None` while all of its
    /// connections work. It tries again by itself:
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) and
    /// [`Authentication`](ErrorKind::Authentication) wait for somebody who gives the
    /// right or the password back. [`Consumer::held_up`](crate::Consumer::held_up)
    /// has the text.
    pub held_up: Option<ErrorKind>,
    /// How many partitions it reads now; `None` where the stream has none, as far as
    /// known. All other numbers are those of all partitions together.
    pub partitions: Option<usize>,
}

/// All counts in one line, for people: names and numbers, and no line break.
impl fmt::Display for ConsumerStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            delivered,
            completed,
            skipped,
            failed,
            panicked,
            dead,
            given_back,
            taken_over,
            lost,
            deleted,
            buffered,
            running,
            settling,
            held_up,
            partitions,
        } = self;
        write!(
            f,
            "delivered {delivered}, completed {completed}, skipped {skipped}, failed {failed}, \
             panicked {panicked}, dead {dead}, given back {given_back}, taken over {taken_over}, lost {lost}, \
             deleted {deleted}, buffered {buffered}, running {running}, settling {settling}"
        )?;
        if let Some(partitions) = partitions {
            write!(f, ", partitions {partitions}")?;
        }
        match held_up {
            Some(kind) => write!(f, ", held up by {kind:?}"),
            None => Ok(()),
        }
    }
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Entries completed since the consumers were created.
    pub completed: u64,
    /// Entries given back without having run, since then.
    pub given_back: u64,
    /// Handlers that still ran when the grace was over. Their threads are
    /// detached, their leases lapse.
    pub still_running: usize,
    /// Messages that stay in producers' spools, for the next life of these
    /// producers to send.
    pub spooled: u64,
}

/// The report in one line, for people: names and numbers, and no line break.
impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            completed,
            given_back,
            still_running,
            spooled,
        } = self;
        write!(
            f,
            "completed {completed}, given back {given_back}, still running {still_running}, \
             spooled {spooled}"
        )
    }
}

/// The counts since a consumer was created.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) panicked: AtomicU64,
    pub(crate) dead: AtomicU64,
    pub(crate) given_back: AtomicU64,
    pub(crate) taken_over: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) deleted: AtomicU64,
    /// Deliveries that ended with an error, whatever became of the entry.
    pub(crate) errors: AtomicU64,
    /// The dead by the places of [`REASONS`].
    dead_by: [AtomicU64; REASONS.len()],
    pub(crate) workers: WorkerRecords,
}

/// The reasons for which entries are buried here.
const REASONS: [DeadReason; 4] = [
    DeadReason::RetriesExhausted,
    DeadReason::Permanent,
    DeadReason::Undecodable,
    DeadReason::Crashed,
];

impl Counters {
    /// The counts now; nothing is in hand.
    pub(crate) fn stats(&self) -> ConsumerStats {
        ConsumerStats {
            delivered: self.delivered.load(Ordering::Relaxed),
            completed: self.completed.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            panicked: self.panicked.load(Ordering::Relaxed),
            dead: self.dead.load(Ordering::Relaxed),
            given_back: self.given_back.load(Ordering::Relaxed),
            taken_over: self.taken_over.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            deleted: self.deleted.load(Ordering::Relaxed),
            ..ConsumerStats::default()
        }
    }

    /// Deliveries that ended with an error, whatever became of the entry.
    pub(crate) fn failed_deliveries(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Notes why an entry was buried.
    pub(crate) fn buried(&self, reason: DeadReason) {
        let place = REASONS.iter().position(|known| *known == reason);
        if let Some(count) = place.and_then(|place| self.dead_by.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts and times; what a consumer has in hand is in `stats`.
    pub(crate) fn metrics(&self, stats: &ConsumerStats) -> ConsumerMetrics {
        let dead = REASONS.iter().zip(&self.dead_by);
        let dead = dead.map(|(reason, count)| (*reason, count.load(Ordering::Relaxed)));
        ConsumerMetrics {
            delivered: stats.delivered,
            completed: stats.completed,
            skipped: stats.skipped,
            failed: self.failed_deliveries(),
            panicked: stats.panicked,
            dead: dead.filter(|(_, count)| *count > 0).collect(),
            retried: stats.failed,
            given_back: stats.given_back,
            taken_over: stats.taken_over,
            lease_lost: stats.lost,
            deleted: stats.deleted,
            running: stats.running,
            buffered: stats.buffered,
            settling: stats.settling,
            handler_duration: self.workers.handlers(),
            message_age: self.workers.ages(),
            ..ConsumerMetrics::default()
        }
    }
}

impl ShutdownReport {
    /// The sum of two reports.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            completed: self.completed + other.completed,
            given_back: self.given_back + other.given_back,
            still_running: self.still_running + other.still_running,
            spooled: self.spooled + other.spooled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_name_each_number() {
        let report = ShutdownReport {
            completed: 7,
            given_back: 2,
            still_running: 1,
            spooled: 0,
        };
        let line = "completed 7, given back 2, still running 1, spooled 0";
        assert_eq!(report.to_string(), line);
        let stats = ConsumerStats {
            given_back: 2,
            settling: 3,
            ..ConsumerStats::default()
        };
        assert_eq!(
            stats.to_string(),
            "delivered 0, completed 0, skipped 0, failed 0, panicked 0, dead 0, given back 2, taken over 0, \
             lost 0, deleted 0, buffered 0, running 0, settling 3"
        );
        let refused = ConsumerStats {
            held_up: Some(ErrorKind::PermissionDenied),
            ..stats
        };
        let line = refused.to_string();
        assert!(
            line.ends_with("settling 3, held up by PermissionDenied"),
            "{line}"
        );
    }
}
