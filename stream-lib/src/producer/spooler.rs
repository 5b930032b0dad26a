//! A backup producer with a spool: to Redis while it is there, else to the
//! spool, in one order.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::dispatch::closed;
use super::outlet::{Answers, all_fail};
use super::replay::Replay;
use super::spool::{Sequence, Spool, SpoolDamage, SpoolId, SpoolOptions, Turn};
use super::{Added, envelope};
use crate::command::{self, Batch, Routing, Taken};
use crate::config::BackupStreamConfig;
use crate::connection::{Topology, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;

/// How long an add looks for Redis before it goes to the spool instead.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends messages under the numbers of a spool.
#[derive(Debug)]
pub(super) struct Spooler {
    /// `None` once the producer is closed: the directory is free again.
    spool: RwLock<Option<Arc<Spool>>>,
    route: Arc<Route>,
    replay: Replay,
}

/// What a producer's spool holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStats {
    /// Messages that are not in Redis yet, or not known to be.
    pub messages: u64,
    /// How much of `max_spool_bytes` they take.
    pub bytes: u64,
    /// What was found damaged since the producer was created.
    pub damages: Vec<SpoolDamage>,
}

/// Where a producer's messages go.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) topology: Arc<Topology>,
    pub(super) keys: StreamKeys,
    pub(super) config: BackupStreamConfig,
    /// Redis was asked for the spool's mark.
    checked: Mutex<bool>,
}

impl Spooler {
    /// Opens the spool, and starts to send what it holds.
    pub(super) fn open(dir: &Path, route: Route) -> Result<Self> {
        let options = SpoolOptions {
            stream: route.keys.stream(),
            max_bytes: route.config.spool.max_bytes,
        };
        let spool = Arc::new(Spool::open(dir, options)?);
        let route = Arc::new(route);
        if !spool.is_empty() {
            log::info!(
                "the spool of `{}` holds {} messages of an earlier life, which go to Redis first",
                route.keys.stream(),
                spool.len()
            );
        }
        let replay = Replay::start(Arc::clone(&spool), Arc::clone(&route))?;
        Ok(Self {
            spool: RwLock::new(Some(spool)),
            route,
            replay,
        })
    }

    /// Adds every message of a batch: to Redis, or behind what the spool holds.
    pub(super) fn send(&self, batch: &Batch) -> Answers {
        let spool = self.spool.read();
        let Some(spool) = &*spool else {
            return all_fail(batch, &closed());
        };
        if let Some(turn) = spool.turn(batch.len()) {
            return self.send_in_turn(spool, turn, batch);
        }
        let kept = spool.append(envelope::seal_all(batch));
        self.spooled(batch, kept)
    }

    /// What the spool holds, and what it found damaged; `None` once closed.
    pub(super) fn stats(&self) -> Option<SpoolStats> {
        let spool = self.spool.read();
        let spool = spool.as_ref()?;
        Some(SpoolStats {
            messages: spool.len(),
            bytes: spool.bytes(),
            damages: spool.damages(),
        })
    }

    /// Says that no more messages come: the spool may use its grace.
    pub(super) fn close(&self) {
        self.replay.close(self.route.config.spool.grace);
    }

    /// Waits for the replay to end, once closed, and leaves the directory.
    /// Returns how many messages stay in it. From one of the library's own
    /// threads it doesn't wait.
    pub(super) fn join(&self) -> u64 {
        if !self.replay.join() {
            return self.spool.read().as_ref().map_or(0, |spool| spool.len());
        }
        let Some(spool) = self.spool.write().take() else {
            return 0;
        };
        let left = spool.len();
        if left > 0 {
            log::warn!(
                "{left} messages for `{}` stay in its spool, and go to Redis in the next life of \
                 this producer",
                self.route.keys.stream()
            );
        }
        left
    }

    fn send_in_turn(&self, spool: &Spool, turn: Turn<'_>, batch: &Batch) -> Answers {
        let mut results = Vec::with_capacity(batch.len());
        while results.len() < batch.len() {
            let rest = batch_from(batch, results.len());
            let first = turn.first().plus(results.len() as u64);
            let sent = self.route.send_now(spool, first, &rest);
            let told = sent.and_then(|answers| self.tell(spool, answers, &mut results));
            let Err(error) = told else { continue };
            let settled = results.len();
            let rest = batch_from(batch, settled);
            let spooled = match error.kind() {
                ErrorKind::Unavailable | ErrorKind::Refused => {
                    turn.keep(settled, envelope::seal_all(&rest))
                }
                // Redis may have them already (a reply that can't be read says
                // nothing either), and a spool that has no room doesn't change
                // that.
                ErrorKind::OutcomeUnknown | ErrorKind::Protocol => turn
                    .keep(settled, envelope::seal_all(&rest))
                    .map_err(|_| error),
                // Nothing was written, and the caller hears why: the numbers
                // stay unused.
                _ => Err(error),
            };
            results.extend(self.spooled(&rest, spooled));
            return results;
        }
        results
    }

    /// Passes on what Redis answered. On an error, and where a message is to be
    /// sent again, what follows has no result yet.
    fn tell(
        &self,
        spool: &Spool,
        answers: Vec<Result<Taken>>,
        results: &mut Vec<Result<Added>>,
    ) -> Result<()> {
        if answers.is_empty() {
            return Err(Error::new(ErrorKind::Protocol, "no answer"));
        }
        for answer in answers {
            match answer {
                Ok(Taken::Now(placed)) => results.push(Ok(Added::from(placed))),
                // It has never been sent before: another has had its number.
                Ok(Taken::Before) => return self.route.rename(spool),
                Err(e) if e.kind() == ErrorKind::Refused => return Err(e),
                Err(e) => results.push(Err(e)),
            }
        }
        Ok(())
    }

    fn spooled(&self, batch: &Batch, kept: Result<()>) -> Answers {
        self.replay.wake();
        match kept {
            Ok(()) => (0..batch.len()).map(|_| Ok(Added::Spooled)).collect(),
            Err(error) => all_fail(batch, &error),
        }
    }
}

impl Route {
    pub(super) fn new(
        topology: Arc<Topology>,
        keys: StreamKeys,
        config: BackupStreamConfig,
    ) -> Self {
        Self {
            topology,
            keys,
            config,
            checked: Mutex::new(false),
        }
    }

    fn send_now(
        &self,
        spool: &Spool,
        first: Sequence,
        batch: &Batch,
    ) -> Result<Vec<Result<Taken>>> {
        let node = self.topology.node_for(self.keys.stream().as_bytes());
        let wait = self.config.stream.send_timeout.min(PATIENCE);
        let mut wire = node.pooled(wait)?;
        self.check(&mut wire, spool)?;
        let numbers: Vec<_> = (0..batch.len() as u64).map(|n| first.plus(n)).collect();
        self.send(&mut wire, spool.id(), &numbers, batch)
    }

    /// Asks Redis, before the first send of this life, whether anybody else has
    /// had its numbers.
    pub(super) fn check(&self, wire: &mut Wire, spool: &Spool) -> Result<()> {
        let mut checked = self.checked.lock();
        if !*checked {
            let mark = command::spool_mark(wire, &self.keys, spool.id().as_str())?;
            if spool.meet(&mark)? {
                self.warn_of_copy();
            }
            *checked = true;
        }
        Ok(())
    }

    fn rename(&self, spool: &Spool) -> Result<()> {
        self.warn_of_copy();
        spool.rename()
    }

    fn warn_of_copy(&self) {
        log::error!(
            "the spool of `{}` has given out numbers that Redis knows from another life of it: its \
             directory was copied, or an old copy was put back; it goes on under a new name",
            self.keys.stream()
        );
    }

    /// Sends messages under their numbers; fewer answers than messages end with
    /// an error.
    pub(super) fn send(
        &self,
        wire: &mut Wire,
        spool: SpoolId,
        numbers: &[Sequence],
        batch: &Batch,
    ) -> Result<Vec<Result<Taken>>> {
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let routing = Routing {
            keys: &self.keys,
            capacity: self.config.stream.capacity(),
            max_backup: self.config.max_backup_length,
            window: self.config.stream.idempotency_window,
        };
        command::route_spooled(wire, routing, spool.as_str(), &numbers, batch)
    }
}

/// The messages of a batch from `first` on.
fn batch_from(batch: &Batch, first: usize) -> Batch {
    if first == 0 {
        return batch.clone();
    }
    let mut rest = Batch::default();
    for message in batch.iter().skip(first) {
        rest.push_encoded(message);
    }
    rest
}

/// When a grace that begins now is over.
pub(super) fn grace_from_now(grace: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(grace).unwrap_or(now)
}
