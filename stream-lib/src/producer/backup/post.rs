//! The watch over one backup stream, for consumers.

use std::time::{Duration, Instant};

use crate::command::{DrainLease, DrainState, Drained, Drainer, known_backup};
use crate::connection::{SilentNodes, Topology, Wire};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::producer::backup::mover::Mover;
use crate::runtime::{Backoff, Trouble, jitter};

/// The wait before the next look at a stream that has no backup stream.
const NONE: Duration = Duration::from_secs(10);

/// The wait while it is empty. Producers drain their own entries; this is for those left
/// behind.
const EMPTY: Duration = Duration::from_secs(3);

/// The longest wait while another process drains, which may end at any time.
const STANDBY: Duration = Duration::from_secs(2);

/// The waits for room in the stream, doubling.
const FULL: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(50)];

/// The wait after a refusal that only a person can lift.
const REFUSED: Duration = Duration::from_secs(60);

/// How long a connection, and an answer, are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The number of entries that move in one step.
const BATCH: u64 = 100;

/// How long this process keeps others from draining without a sign of life.
const LEASE: Duration = Duration::from_secs(10);

/// The state of the watch.
#[derive(Debug)]
pub(super) struct Post {
    keys: StreamKeys,
    token: String,
    /// For the backup stream that the stream had stored at the last lookup.
    mover: Option<Mover>,
    /// Whether this process keeps others from draining.
    holds_lease: bool,
    full: Duration,
    backoff: Backoff,
    trouble: Trouble,
}

impl Post {
    pub(super) fn new(keys: StreamKeys, token: String) -> Self {
        let [full, _] = FULL;
        Self {
            keys,
            token,
            mover: None,
            holds_lease: false,
            full,
            backoff: Backoff::new(Duration::from_secs(1), NONE),
            trouble: Trouble::default(),
        }
    }

    /// Looks, and moves a batch if there are entries. Returns the wait before the next
    /// look.
    pub(super) fn look(&mut self, topology: &Topology, silent: &mut SilentNodes) -> Duration {
        let key = self.keys.stream().to_owned();
        let key = key.as_bytes();
        // Other partitions and other streams wait meanwhile.
        let attempt = match silent.begin(topology, key, PATIENCE) {
            Ok(attempt) => attempt,
            Err(resting) => return resting.until.saturating_duration_since(Instant::now()),
        };
        let looked = topology.pooled(key, attempt.patience).and_then(|mut wire| {
            wire.answer_by(Instant::now() + attempt.patience);
            self.step(&mut wire)
        });
        silent.end(&attempt, &looked);
        match looked {
            Ok(wait) => {
                self.backoff.reset();
                self.tell_of_recovery();
                wait
            }
            Err(e) => self.failed(&e),
        }
    }

    /// Lets others drain at once. If that fails, the lease lapses.
    pub(super) fn leave(&mut self, topology: &Topology) {
        if !self.holds_lease {
            return;
        }
        let wire = topology.pooled(self.keys.stream().as_bytes(), PATIENCE / 4);
        let released = wire.and_then(|mut wire| {
            wire.answer_by(Instant::now() + PATIENCE / 4);
            self.release(&mut wire)
        });
        if let Err(e) = released {
            log::debug!(
                "releasing the drain lock of `{}` failed; it will lapse: {}",
                self.keys.stream(),
                with_causes(&e)
            );
        }
    }

    fn step(&mut self, wire: &mut Wire) -> Result<Duration> {
        if self.mover.is_none() {
            let known = known_backup(wire, &self.keys)?;
            self.mover = known.map(|keys| Mover {
                lease: DrainLease::new(&keys, Drainer::Consumer, self.token.clone(), LEASE),
                batch: BATCH,
            });
        }
        let Some(mover) = &self.mover else {
            return Ok(jitter(NONE, 0.2));
        };
        let drained = mover.step(wire)?;
        self.after(wire, &drained)
    }

    fn after(&mut self, wire: &mut Wire, drained: &Drained) -> Result<Duration> {
        let [first, longest] = FULL;
        if drained.moved > 0 {
            self.full = first;
        }
        match &drained.state {
            DrainState::Elsewhere => {
                self.mover = None;
                // Another backup stream; or none, and then the next lookup comes after a
                // while.
                Ok(if known_backup(wire, &self.keys)?.is_some() {
                    Duration::ZERO
                } else {
                    jitter(NONE, 0.2)
                })
            }
            DrainState::Standby(lease) => {
                self.holds_lease = false;
                Ok(jitter(STANDBY.min(*lease + first), 0.2))
            }
            _ if drained.left == 0 => {
                // A producer whose entries go there next need not wait for this process.
                if self.holds_lease || drained.moved > 0 {
                    self.release(wire)?;
                }
                Ok(jitter(EMPTY, 0.2))
            }
            DrainState::Portion => {
                self.holds_lease = true;
                Ok(Duration::ZERO)
            }
            DrainState::Moved if drained.moved == BATCH => {
                self.holds_lease = true;
                Ok(Duration::ZERO)
            }
            state => {
                self.holds_lease = true;
                let wait = self.full;
                self.full = (wait * 2).min(longest);
                match state {
                    DrainState::Refused(_) => drained.refusal().map_or(Ok(wait), Err),
                    _ => Ok(wait),
                }
            }
        }
    }

    fn release(&mut self, wire: &mut Wire) -> Result<()> {
        self.holds_lease = false;
        match &self.mover {
            Some(mover) => mover.lease.release(wire),
            None => Ok(()),
        }
    }

    /// The consumer reports outages, so only a refusal is logged here.
    fn failed(&mut self, error: &Error) -> Duration {
        let of_the_consumer = matches!(
            error.kind(),
            ErrorKind::OutcomeUnknown | ErrorKind::Authentication | ErrorKind::Closed
        );
        if of_the_consumer || error.is_retryable() {
            return self.backoff.next();
        }
        if self.trouble.begins(error) {
            log::warn!(
                "entries of `{}` don't move back from its backup stream by way of this consumer, \
                 which goes on without that (`drain_backup(false)` leaves it to others): {}",
                self.keys.stream(),
                with_causes(error)
            );
        }
        jitter(REFUSED, 0.2)
    }

    fn tell_of_recovery(&self) {
        if self.trouble.ends() {
            log::info!(
                "entries of `{}` can move back from its backup stream by way of this consumer again",
                self.keys.stream()
            );
        }
    }
}
