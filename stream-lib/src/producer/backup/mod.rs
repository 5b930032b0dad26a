//! The backup producer: messages for which the stream has no room go to the
//! backup stream, and wait there.
//!
//! *drain* is the thread of a producer that moves them back, and *pace* says how
//! long it waits between two batches. *lookout* is the thread of a process that
//! consumes: it has a *post* for each stream, which does the same where the stream
//! knows of a backup stream, with or without a producer. *mover* is the step of
//! either. Each uses only those named after it.

mod drain;
mod lookout;
mod mover;
mod pace;
mod post;

pub(crate) use self::lookout::Lookout;

use std::sync::Arc;

use crate::command::Routing;
use crate::config::BackupStreamConfig;
use crate::connection::Topology;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::producer::backup::drain::Drain;
use crate::producer::capacity::Capacity;
use crate::producer::health::ProducerHealth;
use crate::producer::spooled::Spooler;

/// Routes messages, and drains the backup stream meanwhile.
#[derive(Debug)]
pub(crate) struct Backup {
    config: BackupStreamConfig,
    capacity: Capacity,
    drain: Drain,
    spooler: Option<Spooler>,
}

impl Backup {
    pub(crate) fn new(
        topology: &Arc<Topology>,
        keys: &StreamKeys,
        config: BackupStreamConfig,
    ) -> Result<Self> {
        let capacity = Capacity::of(&config);
        let health = Arc::new(ProducerHealth::new(keys.stream()));
        let spooler = Spooler::open(topology, keys, &config, &capacity, &health)?;
        let topology = Arc::clone(topology);
        let drain = Drain::start(topology, keys, &config, capacity.clone(), &health)?;
        Ok(Self {
            config,
            capacity,
            drain,
            spooler,
        })
    }

    /// The way through the spool; `None` where there is none.
    pub(crate) fn spooler(&self) -> Option<&Spooler> {
        self.spooler.as_ref()
    }

    /// Tells the threads to end.
    pub(crate) fn close(&self) {
        self.drain.stop();
        if let Some(spooler) = &self.spooler {
            spooler.close();
        }
    }

    /// Waits for the threads to end, once closed. Returns how many messages
    /// stay in the spool.
    pub(crate) fn join(&self) -> u64 {
        let left = self.spooler.as_ref().map_or(0, Spooler::join);
        self.drain.join();
        left
    }

    /// The facts by which a script decides where messages go.
    pub(crate) fn routing<'a>(&self, keys: &'a StreamKeys) -> Routing<'a> {
        Routing::new(keys, &self.config, self.capacity.entries())
    }

    /// The length from which on the backup stream takes no more.
    pub(crate) fn max_length(&self) -> Option<u64> {
        self.config.max_backup_length
    }

    /// Says that there is something in the backup stream.
    pub(crate) fn wake_drain(&self) {
        self.drain.wake();
    }
}
