//! The backup producer: what the stream has no room for waits in another one.

use std::sync::Arc;

use super::Added;
use super::core::Executed;
use super::drain::Drain;
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
}

impl Backup {
    pub(super) fn new(
        topology: &Arc<Topology>,
        keys: &StreamKeys,
        config: BackupStreamConfig,
    ) -> Result<Self> {
        let drain = Drain::start(Arc::clone(topology), keys, &config)?;
        Ok(Self { config, drain })
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

    pub(super) fn drain(&self) -> &Drain {
        &self.drain
    }
}
