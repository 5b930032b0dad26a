//! The backup producer: what the stream has no room for waits in another one.

mod drain;
mod pace;

use std::sync::Arc;

#[cfg(feature = "spool")]
use crate::command::Outgoing;
use crate::command::Routing;
use crate::config::BackupStreamConfig;
use crate::connection::Topology;
use crate::error::Result;
use crate::keys::StreamKeys;
#[cfg(feature = "spool")]
use crate::producer::added::Added;
#[cfg(feature = "spool")]
use crate::producer::added::Answers;
use crate::producer::backup::drain::Drain;
#[cfg(feature = "spool")]
use crate::producer::spooled::route::Route;
#[cfg(feature = "spool")]
use crate::producer::spooled::{SpoolStats, Spooler};

/// Routes messages, and drains the backup stream meanwhile.
#[derive(Debug)]
pub(crate) struct Backup {
    config: BackupStreamConfig,
    drain: Drain,
    #[cfg(feature = "spool")]
    spooler: Option<Spooler>,
}

impl Backup {
    pub(crate) fn new(
        topology: &Arc<Topology>,
        keys: &StreamKeys,
        config: BackupStreamConfig,
    ) -> Result<Self> {
        #[cfg(feature = "spool")]
        let spooler = match &config.spool.dir {
            Some(dir) => {
                let route = Route::new(Arc::clone(topology), keys.clone(), config.clone());
                Some(Spooler::open(dir, route)?)
            }
            None => None,
        };
        let drain = Drain::start(Arc::clone(topology), keys, &config)?;
        Ok(Self {
            config,
            drain,
            #[cfg(feature = "spool")]
            spooler,
        })
    }

    /// The way through the spool; `None` where there is none.
    #[cfg(feature = "spool")]
    pub(crate) fn spooled(&self) -> Option<Spooled<'_>> {
        Some(Spooled {
            spooler: self.spooler.as_ref()?,
            drain: &self.drain,
        })
    }

    /// What the spool holds; `None` where there is none.
    #[cfg(feature = "spool")]
    pub(crate) fn spool_stats(&self) -> Option<SpoolStats> {
        self.spooler.as_ref()?.stats()
    }

    /// Tells the threads to end.
    pub(crate) fn close(&self) {
        self.drain.stop();
        #[cfg(feature = "spool")]
        if let Some(spooler) = &self.spooler {
            spooler.close();
        }
    }

    /// Waits for the threads to end, once closed. Returns how many messages
    /// stay in the spool.
    pub(crate) fn join(&self) -> u64 {
        #[cfg(feature = "spool")]
        let left = self.spooler.as_ref().map_or(0, Spooler::join);
        #[cfg(not(feature = "spool"))]
        let left = 0;
        self.drain.join();
        left
    }

    /// What decides where messages go.
    pub(crate) fn routing<'a>(&self, keys: &'a StreamKeys) -> Routing<'a> {
        Routing {
            keys,
            capacity: self.config.stream.capacity(),
            max_backup: self.config.max_backup_length,
            window: self.config.stream.idempotency_window,
        }
    }

    /// Says that there is something in the backup stream.
    pub(crate) fn wake_drain(&self) {
        self.drain.wake();
    }
}

/// The way of a batch through the spool.
#[cfg(feature = "spool")]
pub(crate) struct Spooled<'b> {
    spooler: &'b Spooler,
    drain: &'b Drain,
}

#[cfg(feature = "spool")]
impl Spooled<'_> {
    /// Adds every message of a batch, to Redis or to the spool.
    pub(crate) fn send(&self, batch: &Outgoing) -> Answers {
        let answers = self.spooler.send(batch);
        if answers.iter().any(|a| matches!(a, Ok(Added::Backup(_)))) {
            self.drain.wake();
        }
        answers
    }
}
