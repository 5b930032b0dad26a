//! The backup producer: what the stream has no room for waits in another one.

use std::sync::Arc;

use super::Added;
use super::core::Executed;
use super::drain::Drain;
#[cfg(feature = "spool")]
use super::spooler::{Route, SpoolStats, Spooler};
use crate::command::{self, Batch, Routing};
use crate::config::BackupStreamConfig;
use crate::connection::{Topology, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;

/// Routes messages, and drains the backup stream meanwhile.
#[derive(Debug)]
pub(super) struct Backup {
    config: BackupStreamConfig,
    drain: Drain,
    #[cfg(feature = "spool")]
    spooler: Option<Spooler>,
}

impl Backup {
    pub(super) fn new(
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

    /// Adds every message of a batch by way of the spool; `None` where there is
    /// no spool.
    #[cfg(feature = "spool")]
    pub(super) fn send_spooled(&self, batch: &Batch) -> Option<Vec<Result<Added>>> {
        let results = self.spooler.as_ref()?.send(batch);
        if results.iter().any(|r| matches!(r, Ok(Added::Backup(_)))) {
            self.drain.wake();
        }
        Some(results)
    }

    /// What the spool holds; `None` where there is none.
    #[cfg(feature = "spool")]
    pub(super) fn spool_stats(&self) -> Option<SpoolStats> {
        self.spooler.as_ref()?.stats()
    }

    /// Tells the threads to end.
    pub(super) fn close(&self) {
        self.drain.stop();
        #[cfg(feature = "spool")]
        if let Some(spooler) = &self.spooler {
            spooler.close();
        }
    }

    /// Waits for the threads to end, once closed. Returns how many messages
    /// stay in the spool.
    pub(super) fn join(&self) -> u64 {
        #[cfg(feature = "spool")]
        let left = self.spooler.as_ref().map_or(0, Spooler::join);
        #[cfg(not(feature = "spool"))]
        let left = 0;
        self.drain.join();
        left
    }

    /// Adds every message of a batch, each to the stream or the backup stream:
    /// one script, one round trip.
    pub(super) fn execute(&self, wire: &mut Wire, keys: &StreamKeys, batch: &Batch) -> Executed {
        let routing = Routing {
            keys,
            capacity: self.config.stream.capacity(),
            max_backup: self.config.max_backup_length,
            window: self.config.stream.idempotency_window,
        };
        let executed = command::route(wire, routing, batch).into();
        if let Executed::Answered(results) = &executed
            && results.iter().any(|r| matches!(r, Ok(Added::Backup(_))))
        {
            self.drain.wake();
        }
        executed
    }
}
