//! Each batch to Redis while it is there, else to the spool, in one order.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::command::{Outgoing, SpooledAdd};
use crate::config::BackupStreamConfig;
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::producer::added::{Added, Answers, all_fail, closed};
use crate::producer::spool::{DirectTurn, Spool, SpoolDamage, SpoolOptions};
use crate::producer::spooled::envelope;
use crate::producer::spooled::replay::Replay;
use crate::producer::spooled::route::Route;
use crate::runtime::counted;

/// Sends messages under the numbers of a spool.
#[derive(Debug)]
pub(crate) struct Spooler {
    /// `None` once the producer is closed: the directory is free again.
    spool: RwLock<Option<Arc<Spool>>>,
    route: Arc<Route>,
    replay: Replay,
}

/// The contents of a producer's spool. They print as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStats {
    /// Messages that are not in Redis yet, or not known to be.
    pub messages: u64,
    /// The part of `max_spool_bytes` that they take.
    pub bytes: u64,
    /// The damages found since the producer was created.
    pub damages: Vec<SpoolDamage>,
}

impl fmt::Display for SpoolStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = counted(self.messages, "message", "messages");
        write!(f, "{messages} of {} bytes", self.bytes)?;
        for damage in &self.damages {
            write!(f, "; damaged: {damage}")?;
        }
        Ok(())
    }
}

impl Spooler {
    /// Opens the spool, and starts to send what it holds; `None` where the
    /// producer has none.
    pub(crate) fn open(
        topology: &Arc<Topology>,
        keys: &StreamKeys,
        config: &BackupStreamConfig,
    ) -> Result<Option<Self>> {
        let Some(dir) = &config.spool.dir else {
            return Ok(None);
        };
        let route = Route::new(Arc::clone(topology), keys.clone(), config.clone());
        let options = SpoolOptions {
            stream: route.keys.stream(),
            max_bytes: route.config.spool.max_bytes,
        };
        let spool = Arc::new(Spool::open(dir, options)?);
        let route = Arc::new(route);
        if !spool.is_empty() {
            log::info!(
                "the spool of `{}` holds {} of an earlier life, to go to Redis first",
                route.keys.stream(),
                counted(spool.len(), "message", "messages")
            );
        }
        let replay = Replay::start(Arc::clone(&spool), Arc::clone(&route))?;
        Ok(Some(Self {
            spool: RwLock::new(Some(spool)),
            route,
            replay,
        }))
    }

    /// Adds every message of a batch: to Redis, or behind what the spool holds.
    pub(crate) fn send(&self, batch: &Outgoing) -> Answers {
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

    /// The contents of the spool, and its damages; `None` once closed.
    pub(crate) fn stats(&self) -> Option<SpoolStats> {
        let spool = self.spool.read();
        let spool = spool.as_ref()?;
        Some(SpoolStats {
            messages: spool.len(),
            bytes: spool.bytes(),
            damages: spool.damages(),
        })
    }

    /// Says that no more messages come: the spool may use its grace.
    pub(crate) fn close(&self) {
        self.replay.close(self.route.config.spool.grace);
    }

    /// Waits for the replay to end, once closed, and leaves the directory.
    /// Returns how many messages stay in it. From one of the library's own
    /// threads it doesn't wait.
    pub(crate) fn join(&self) -> u64 {
        if !self.replay.join() {
            return self.spool.read().as_ref().map_or(0, |spool| spool.len());
        }
        let Some(spool) = self.spool.write().take() else {
            return 0;
        };
        let left = spool.len();
        if left > 0 {
            log::warn!(
                "{} for `{}` left in its spool, to go to Redis in the next life of this producer",
                counted(left, "message", "messages"),
                self.route.keys.stream()
            );
        }
        left
    }

    fn send_in_turn(&self, spool: &Spool, turn: DirectTurn<'_>, batch: &Outgoing) -> Answers {
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
        answers: Vec<Result<SpooledAdd>>,
        results: &mut Vec<Result<Added>>,
    ) -> Result<()> {
        if answers.is_empty() {
            return Err(Error::new(ErrorKind::Protocol, "no answer"));
        }
        for answer in answers {
            match answer {
                Ok(SpooledAdd::Now(placed)) => results.push(Ok(Added::from(placed))),
                // It has never been sent before: a copy of the spool has used
                // its number.
                Ok(SpooledAdd::Before) => return self.route.rename(spool),
                Err(e) if e.kind() == ErrorKind::Refused => return Err(e),
                Err(e) => results.push(Err(e)),
            }
        }
        Ok(())
    }

    fn spooled(&self, batch: &Outgoing, kept: Result<()>) -> Answers {
        self.replay.wake();
        match kept {
            Ok(()) => (0..batch.len()).map(|_| Ok(Added::Spooled)).collect(),
            Err(error) => all_fail(batch, &error),
        }
    }
}

/// The messages of a batch from `first` on.
fn batch_from(batch: &Outgoing, first: usize) -> Outgoing {
    if first == 0 {
        return batch.clone();
    }
    let mut rest = Outgoing::default();
    for message in batch.iter().skip(first) {
        rest.push_encoded(message);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_damages_of_a_spool_are_printed() {
        let damage = SpoolDamage {
            cause: "a page has a wrong checksum".to_owned(),
            file: "/spool/old".into(),
            kept: 1,
            unreadable: 0,
        };
        let stats = SpoolStats {
            messages: 2,
            bytes: 60,
            damages: vec![damage.clone()],
        };
        let expected = format!("2 messages of 60 bytes; damaged: {damage}");
        assert_eq!(stats.to_string(), expected);
    }
}
