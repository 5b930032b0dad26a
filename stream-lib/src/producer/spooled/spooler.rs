//! The decision for each batch: to Redis while it is there, else to the spool, in one
//! order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::command::Outgoing;
use crate::config::BackupStreamConfig;
use crate::connection::{Topology, answer_of};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::producer::added::{Added, Answers, all_fail, closed, no_answer};
use crate::producer::capacity::Capacities;
use crate::producer::health::ProducerHealth;
use crate::producer::spool::{DirectTurn, Spool, SpoolOptions};
use crate::producer::spooled::direct::Direct;
use crate::producer::spooled::envelope;
use crate::producer::spooled::replay::Replay;
use crate::producer::spooled::route::{PATIENCE, Route};
use crate::producer::spooled::routes::Routes;
use crate::producer::spooled::stats::SpoolStats;
use crate::runtime::{Origin, counted};
use crate::schema_book::Types;
use crate::split::WantedSplit;

/// While a spool with at most this number of messages is emptied, adds wait for it, for
/// at most the time below.
const FEW: u64 = 512;
const CATCHING_UP: Duration = Duration::from_millis(250);

/// Sends messages under the numbers of a spool.
#[derive(Debug)]
pub(crate) struct Spooler {
    /// `None` once the producer is closed: the directory is free again.
    spool: RwLock<Option<Arc<Spool>>>,
    routes: Arc<Routes>,
    replay: Replay,
    /// The count of sensitive types up to which the spool keeps them.
    kept_types: Mutex<u64>,
    /// The process to which its numbers belong.
    origin: Origin,
}

impl Spooler {
    /// Opens the spool, and starts to send its messages; `None` for a producer without a
    /// spool.
    pub(crate) fn open(
        topology: &Arc<Topology>,
        keys: &StreamKeys,
        split: &WantedSplit,
        types: &Arc<Types>,
        config: &BackupStreamConfig,
        capacities: &Arc<Capacities>,
        health: &Arc<ProducerHealth>,
    ) -> Result<Option<Self>> {
        let Some(dir) = &config.spool.dir else {
            return Ok(None);
        };
        let route = Route::new(
            Arc::clone(topology),
            keys.clone(),
            config.clone(),
            capacities.whole(),
            Arc::clone(types),
        );
        let options = SpoolOptions {
            stream: route.keys.stream(),
            max_bytes: route.config.spool.max_bytes,
        };
        let spool = Arc::new(Spool::open(dir, options)?);
        let routes = Arc::new(Routes::new(route, split.clone(), capacities));
        let route = routes.whole();
        if spool.is_empty() {
            spool.forget_types();
        } else {
            log::info!(
                "the spool of `{}` holds {} of an earlier life, to go to Redis first",
                route.keys.stream(),
                counted(spool.len(), "message", "messages")
            );
            types.note_kept(spool.kept_types());
        }
        let replay = Replay::start(Arc::clone(&spool), Arc::clone(&routes), Arc::clone(health))?;
        Ok(Some(Self {
            spool: RwLock::new(Some(spool)),
            routes,
            replay,
            kept_types: Mutex::new(0),
            origin: Origin::here(),
        }))
    }

    /// Adds every message of a batch: to Redis, or behind the messages of the spool.
    pub(crate) fn send(&self, batch: &Outgoing) -> Answers {
        if let Err(e) = self.origin.ensure_here() {
            return all_fail(batch, &e);
        }
        let spool = self.spool.read();
        let Some(spool) = &*spool else {
            return all_fail(batch, &closed());
        };
        // The wait for the turn counts.
        let deadline = Instant::now() + self.route().config.stream.send_timeout;
        let mut turn = spool.turn(batch.len());
        if turn.is_none() && self.replay.works() && spool.len() <= FEW {
            // The spool would never be empty if more were put into it all the while.
            let until = deadline.min(Instant::now() + CATCHING_UP);
            turn = spool
                .is_empty_by(until)
                .then(|| spool.turn(batch.len()))
                .flatten();
        }
        if let Some(turn) = turn {
            return self.send_in_turn(spool, turn, batch, deadline);
        }
        let kept = self.keep_types(spool);
        let kept = kept.and_then(|()| spool.append(envelope::seal_all(batch)));
        self.spooled(batch, kept)
    }

    /// The number of messages in the spool.
    pub(crate) fn waiting(&self) -> u64 {
        let spool = self.spool.read();
        spool.as_ref().map_or(0, |spool| spool.len())
    }

    /// The contents of the spool, and its damages; `None` once closed.
    pub(crate) fn stats(&self) -> Option<SpoolStats> {
        let spool = self.spool.read();
        let spool = spool.as_ref()?;
        let (set_aside, set_aside_bytes) = spool.refused();
        Some(SpoolStats {
            messages: spool.len(),
            bytes: spool.bytes(),
            damages: spool.damages(),
            set_aside,
            set_aside_bytes,
        })
    }

    /// Says that no more messages come: the spool may use its grace.
    pub(crate) fn close(&self) {
        self.replay.close(self.route().config.spool.grace);
    }

    /// Waits for the replay to end, once closed, and leaves the directory. Returns the
    /// number of messages that stay in it. From one of the library's own threads it
    /// doesn't wait.
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
                self.route().keys.stream()
            );
        } else {
            self.routes.forget(&spool);
        }
        left
    }

    fn send_in_turn(
        &self,
        spool: &Spool,
        turn: DirectTurn<'_>,
        batch: &Outgoing,
        deadline: Instant,
    ) -> Answers {
        let patience = (Instant::now() + PATIENCE).min(deadline);
        let mut direct = Direct::new(spool, &turn, batch, deadline);
        let sent = match self.routes.parts_by(patience) {
            Ok(None) => direct.send(self.route(), |_, _| Some(self.route())),
            Ok(Some(parts)) => {
                direct.send(self.route(), |number, message| parts.of(number, message))
            }
            Err(e) => Err(e),
        };
        let open = direct.open();
        let answers = direct.into_answers();
        let Err(error) = sent else {
            return answers
                .into_iter()
                .map(|a| a.unwrap_or_else(no_answer))
                .collect();
        };
        let answer = answer_of(&error);
        let keep = || {
            self.keep_types(spool)?;
            turn.keep(&open, envelope::seal_all(&batch.pick(&open)))
        };
        let spooled = if answer.may_be_written() {
            // Redis may have them already (a reply that can't be read proves nothing
            // either), and a spool without room doesn't change that.
            keep().map_err(|_| error)
        } else if answer.may_pass() {
            keep()
        } else {
            // Nothing was written, and the caller gets the error: the numbers stay
            // unused.
            Err(error)
        };
        self.replay.wake();
        let spooled = || spooled.clone().map(|()| Added::Spooled);
        let answers = answers.into_iter();
        answers
            .map(|answer| answer.unwrap_or_else(spooled))
            .collect()
    }

    /// Keeps the types with sensitive fields beside the messages, for a life that has
    /// only the messages.
    fn keep_types(&self, spool: &Spool) -> Result<()> {
        let types = &self.route().types;
        let mut kept = self.kept_types.lock();
        let noted = types.noted();
        if *kept != noted {
            spool.keep_types(&types.sensitive())?;
            *kept = noted;
        }
        Ok(())
    }

    fn route(&self) -> &Arc<Route> {
        self.routes.whole()
    }

    fn spooled(&self, batch: &Outgoing, kept: Result<()>) -> Answers {
        self.replay.wake();
        match kept {
            Ok(()) => (0..batch.len()).map(|_| Ok(Added::Spooled)).collect(),
            Err(error) => all_fail(batch, &error),
        }
    }
}
