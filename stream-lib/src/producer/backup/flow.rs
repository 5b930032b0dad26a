//! The move from one backup stream back to its stream, or to one partition.

use std::time::{Duration, Instant};

use crate::command::{BackupBounds, DrainLease, Drained, Drainer, Replaced, declare_backup};
use crate::config::BackupStreamConfig;
use crate::connection::{Loans, Wire};
use crate::error::{Result, with_causes};
use crate::keys::StreamKeys;
use crate::producer::backup::mover::Mover;
use crate::producer::backup::pace::Pace;
use crate::producer::capacity::Capacity;
use crate::runtime::Backoff;

/// The longest pause between tries, since a server that is back sends no signal.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The state of one flow.
#[derive(Debug)]
pub(super) struct Flow {
    mover: Mover,
    /// The bounds that the configuration asks for.
    asked: BackupBounds,
    /// The stream has been told of its backup stream, and of the bounds.
    declared: bool,
    /// Whether this process holds the lease, as of the last batch.
    holds_lease: bool,
    pub(super) capacity: Capacity,
    pub(super) pace: Pace,
    /// When the next batch is due.
    pub(super) due: Instant,
    pub(super) last: Last,
    pub(super) backoff: Backoff,
}

/// The result of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Filled,
    /// The backup stream was empty: an entry that goes there brings the next batch
    /// forward.
    Empty,
    Failed,
}

impl Flow {
    pub(super) fn new(
        keys: &StreamKeys,
        config: &BackupStreamConfig,
        owner: &str,
        capacity: Capacity,
    ) -> Self {
        let asked = BackupBounds {
            capacity: config.stream.asked_capacity(),
            max_length: config.max_backup_length,
        };
        let drainer = Drainer::Producer(asked.capacity);
        Self {
            mover: Mover {
                lease: DrainLease::new(keys, drainer, owner.to_owned(), config.lock_timeout),
                batch: config.transfer_batch_size as u64,
            },
            asked,
            declared: false,
            holds_lease: false,
            capacity,
            pace: Pace::new(config),
            due: Instant::now(),
            last: Last::Filled,
            backoff: Backoff::for_connections().at_most(LONGEST_PAUSE),
        }
    }

    /// The stream that entries move back to.
    pub(super) fn stream(&self) -> &str {
        self.mover.stream()
    }

    /// Moves a batch. The first time, the backup stream is stored with the stream.
    /// `patience` bounds its time, if others wait for it.
    pub(super) fn step(
        &mut self,
        loans: &mut Loans,
        patience: Option<Duration>,
    ) -> Result<Drained> {
        let Self {
            mover,
            declared,
            asked,
            ..
        } = self;
        self.holds_lease = false;
        loans.lead_to(mover.stream());
        let move_batch = |wire: &mut Wire| {
            if let Some(patience) = patience {
                wire.answer_by(Instant::now() + patience);
            }
            if !*declared {
                declare(wire, mover.lease.keys(), *asked)?;
            }
            mover.step(wire)
        };
        let drained = match patience {
            Some(patience) => loans.run_pooled_within(patience, move_batch),
            None => loans.run_pooled(move_batch),
        };
        let drained = drained.inspect_err(|_| loans.failed())?;
        (self.declared, self.holds_lease) = (true, true);
        Ok(drained)
    }

    /// Stores the backup stream at the end of a producer that ended before its first step
    /// and may have put entries there: other processes must know of it.
    pub(super) fn declare_at_last(&self, loans: &mut Loans) {
        if self.declared {
            return;
        }
        loans.lead_to(self.mover.stream());
        let keys = self.mover.lease.keys();
        let mut go = || loans.run_pooled(|wire| declare(wire, keys, self.asked));
        // A connection may have been lost while nobody used it; a repeat does no harm.
        if let Err(e) = go().or_else(|_| go()) {
            log::warn!(
                "storing the backup stream of `{}` failed, so its entries move back only once a \
                 backup producer is open: {}",
                self.mover.stream(),
                with_causes(&e)
            );
        }
    }

    /// Whether there is a lease to give back.
    pub(super) fn holds_lease(&self) -> bool {
        self.holds_lease
    }

    /// Lets others drain at once. If that fails, the lease lapses.
    pub(super) fn release(&self, loans: &mut Loans) {
        loans.lead_to(self.mover.stream());
        if let Err(e) = loans.run_pooled(|wire| self.mover.lease.release(wire)) {
            log::debug!(
                "releasing the drain lock of `{}` failed; it will lapse: {}",
                self.mover.stream(),
                with_causes(&e)
            );
        }
    }
}

/// Tells the stream of its backup stream, and of the bounds, with a warning for
/// each value that replaces another.
fn declare(wire: &mut Wire, keys: &StreamKeys, asked: BackupBounds) -> Result<()> {
    for replaced in declare_backup(wire, keys, asked)? {
        let (stream, Replaced { name, before, now }) = (keys.stream(), replaced);
        match name {
            "capacity" => log::warn!(
                "the capacity of `{stream}` is now {now}, in place of {before}: it belongs to the \
                 stream, and holds for every program that uses it"
            ),
            // Each producer goes by its own.
            "max_length" => {
                log::info!("`max_backup_length` of `{stream}` is now {now}, in place of {before}");
            }
            _ => log::warn!(
                "the backup stream of `{stream}` is now `{now}`, in place of `{before}`: entries in \
                 the old one move back only while a producer that names it is open; use one \
                 `backup_stream` in all programs"
            ),
        }
    }
    Ok(())
}
