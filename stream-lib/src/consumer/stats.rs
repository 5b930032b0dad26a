//! The counters of a consumer, and its reports.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ErrorKind;
use crate::message::dead_reason::DeadReason;
use crate::metrics::{ConsumerMetrics, WorkerRecords};

/// The counts of a consumer since it was created, and what it holds now.
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
    /// Deliveries that were scheduled for another try: after an error, a panic or a rate
    /// limit, if the entry can't be decoded, or if Redis did not take their result.
    pub failed: u64,
    /// Deliveries whose handler panicked; of a batch, those whose handler panicked when
    /// it ran with one entry alone.
    pub panicked: u64,
    /// Entries moved to the dead letters.
    pub dead: u64,
    /// Entries given back to the group without having run, with those parked until their
    /// turn under a rate limit.
    pub given_back: u64,
    /// Entries taken over from consumers whose lease had lapsed.
    pub taken_over: u64,
    /// Deliveries that ended after their lease was lost, and were not acknowledged.
    pub lost: u64,
    /// Entries that were deleted from the stream while pending, and were acknowledged.
    pub deleted: u64,
    /// Entries in the buffer now, waiting for a worker.
    pub buffered: usize,
    /// Handlers running now; one for a batch, from its first entry on.
    pub running: usize,
    /// Entries whose acknowledgement or move Redis has not confirmed yet.
    pub settling: usize,
    /// The kind of the failure that holds it up at present; `None` while all of its
    /// connections work. It tries again by itself:
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) and
    /// [`Authentication`](ErrorKind::Authentication) last until the permission or the
    /// password is restored. [`Consumer::held_up`](crate::Consumer::held_up) has the
    /// text.
    pub held_up: Option<ErrorKind>,
    /// The number of partitions that it reads now; `None` if the stream has none, as far
    /// as known. All other figures are sums over the partitions.
    pub partitions: Option<usize>,
}

/// Shows all counts in one line: names and numbers, without line breaks.
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

/// The result of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Entries completed since the consumers were created.
    pub completed: u64,
    /// Entries given back without having run since the consumers were created.
    pub given_back: u64,
    /// Handlers that still ran when the grace was over. Their threads are detached, and
    /// their leases lapse.
    pub still_running: usize,
    /// Messages that stay in producers' spools, to be sent by their next start.
    pub spooled: u64,
}

/// Shows all counts in one line: names and numbers, without line breaks.
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
    /// Deliveries that ended with an error, whatever happened to the entry.
    pub(crate) errors: AtomicU64,
    /// Burials by the places of [`REASONS`].
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
    /// The counts now, without what the consumer holds.
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

    /// Deliveries that ended with an error, whatever happened to the entry.
    pub(crate) fn failed_deliveries(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Counts a burial by its reason.
    pub(crate) fn buried(&self, reason: DeadReason) {
        let place = REASONS.iter().position(|known| *known == reason);
        if let Some(count) = place.and_then(|place| self.dead_by.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts and times; `stats` has what the consumer holds.
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
