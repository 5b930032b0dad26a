//! A backup producer with a spool: to Redis while it is there, else to the
//! spool, in one order.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use super::core::Executed;
use super::replay::Replay;
use super::spool::{Sequence, Spool, SpoolId, SpoolOptions, Turn};
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

/// Where a producer's messages go.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) topology: Arc<Topology>,
    pub(super) keys: StreamKeys,
    pub(super) config: BackupStreamConfig,
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
    pub(super) fn send(&self, batch: &Batch) -> Vec<Result<Added>> {
        let spool = self.spool.read();
        let Some(spool) = &*spool else {
            return all_fail(batch, &closed());
        };
        match spool.turn(batch.len()) {
            Some(turn) => self.send_in_turn(turn, batch),
            None => {
                let kept = spool.append(envelope::seal_all(batch));
                self.spooled(batch, kept)
            }
        }
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

    fn send_in_turn(&self, turn: Turn<'_>, batch: &Batch) -> Vec<Result<Added>> {
        let mut results = Vec::with_capacity(batch.len());
        while results.len() < batch.len() {
            let rest = batch_from(batch, results.len());
            let first = turn.first().plus(results.len() as u64);
            match self.route.send_now(turn.spool(), first, &rest) {
                Executed::Answered(answers) if !answers.is_empty() => results.extend(answers),
                Executed::Answered(_) => {
                    let error = Error::new(ErrorKind::Protocol, "no answer");
                    results.extend(all_fail(&rest, &error));
                }
                // Nothing was written, and the caller hears why: the numbers
                // stay unused.
                Executed::Failed(error) => results.extend(all_fail(&rest, &error)),
                Executed::NotNow(_) => {
                    let kept = turn.keep(results.len(), envelope::seal_all(&rest));
                    results.extend(self.spooled(&rest, kept));
                    return results;
                }
                Executed::Unknown(error) => {
                    // Redis may have them already, and a spool that has no room
                    // doesn't change that.
                    let kept = turn.keep(results.len(), envelope::seal_all(&rest));
                    results.extend(self.spooled(&rest, kept.map_err(|_| error)));
                    return results;
                }
            }
        }
        results
    }

    fn spooled(&self, batch: &Batch, kept: Result<()>) -> Vec<Result<Added>> {
        match kept {
            Ok(()) => {
                self.replay.wake();
                (0..batch.len()).map(|_| Ok(Added::Spooled)).collect()
            }
            Err(error) => all_fail(batch, &error),
        }
    }
}

impl Route {
    fn send_now(&self, spool: SpoolId, first: Sequence, batch: &Batch) -> Executed {
        let node = self.topology.node_for(self.keys.stream().as_bytes());
        let wait = self.config.stream.send_timeout.min(PATIENCE);
        let numbers: Vec<_> = (0..batch.len() as u64).map(|n| first.plus(n)).collect();
        let sent = node
            .pooled(wait)
            .and_then(|mut wire| self.send(&mut wire, spool, &numbers, batch));
        let answers = match sent {
            Ok(answers) => answers,
            Err(e) => return Executed::from_error(e),
        };
        if let Some(Err(e)) = answers.first()
            && e.kind() == ErrorKind::Refused
        {
            return Executed::NotNow(e.again());
        }
        let added = |answer: Result<Taken>| {
            answer.and_then(|taken| match taken {
                Taken::Now(placed) => Ok(Added::from(placed)),
                Taken::Before => Err(self.reused(spool)),
            })
        };
        Executed::Answered(answers.into_iter().map(added).collect())
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
            capacity: self.config.stream.max_length,
            max_backup: self.config.max_backup_length,
            window: self.config.stream.idempotency_window,
        };
        command::route_spooled(wire, routing, spool.as_str(), &numbers, batch)
    }

    fn reused(&self, spool: SpoolId) -> Error {
        Error::new(
            ErrorKind::Server,
            format!(
                "Redis has seen a newer number of the spool {} of `{}`: its directory was copied, \
                 or an old copy was put back; give this producer an empty one",
                spool.as_str(),
                self.keys.stream()
            ),
        )
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

fn all_fail(batch: &Batch, error: &Error) -> Vec<Result<Added>> {
    (0..batch.len()).map(|_| Err(error.again())).collect()
}

fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the producer was removed, or its manager shut down",
    )
}

/// When a grace that begins now is over.
pub(super) fn grace_from_now(grace: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(grace).unwrap_or(now)
}
