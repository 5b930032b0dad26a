//! The backup producer: messages go to the backup stream while the stream has no room for
//! them, and wait there.
//!
//! *drain* is the thread of a producer that moves them back: by one *flow*, or one for
//! each partition; *pace* decides how long it waits between two batches. *lookout* is the
//! thread of a process that consumes: it has *posts* for each stream, one *post* or one
//! for each partition, which does the same if the stream has stored a backup stream, with
//! or without a producer. *mover* is the step of either. Each uses only those named after
//! it.

mod drain;
mod flow;
mod lookout;
mod mover;
mod pace;
mod post;
mod posts;

pub(crate) use self::lookout::Lookout;

use std::sync::Arc;

use crate::command::Routing;
use crate::config::BackupStreamConfig;
use crate::connection::Topology;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::metrics::ProducerRecord;
use crate::producer::backup::drain::Drain;
use crate::producer::capacity::{Capacities, Capacity};
use crate::producer::health::ProducerHealth;
use crate::producer::spooled::Spooler;
use crate::schema_book::Types;
use crate::split::WantedSplit;

/// Routes messages, and drains the backup stream meanwhile.
#[derive(Debug)]
pub(crate) struct Backup {
    config: Arc<BackupStreamConfig>,
    capacity: Capacity,
    capacities: Arc<Capacities>,
    /// One thread for the stream, or for all its partitions.
    drain: Arc<Drain>,
    spooler: Option<Spooler>,
}

impl Backup {
    pub(crate) fn new(
        topology: &Arc<Topology>,
        keys: &StreamKeys,
        split: &WantedSplit,
        types: &Arc<Types>,
        config: BackupStreamConfig,
        record: &Arc<ProducerRecord>,
    ) -> Result<Self> {
        let capacities = Arc::new(Capacities::of(&config));
        let health = Arc::new(ProducerHealth::new(keys.stream()));
        let spooler = Spooler::open(topology, keys, split, types, &config, &capacities, &health)?;
        let topology = Arc::clone(topology);
        let drain = Drain::start(topology, keys, split, &config, &capacities, &health, record)?;
        Ok(Self {
            config: Arc::new(config),
            capacity: capacities.whole(),
            capacities,
            drain: Arc::new(drain),
            spooler,
        })
    }

    /// The backup of one partition, whose backup stream the same thread drains. The spool
    /// belongs to the whole.
    pub(crate) fn of_partition(&self, partition: u16) -> Self {
        Self {
            config: Arc::clone(&self.config),
            capacity: self.capacities.of_partition(partition),
            capacities: Arc::clone(&self.capacities),
            drain: Arc::clone(&self.drain),
            spooler: None,
        }
    }

    /// The spooler; `None` for a producer without a spool.
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

    /// Waits for the threads to end, once closed. Returns the number of messages that
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

    /// The length at which the backup stream takes no more.
    pub(crate) fn max_length(&self) -> Option<u64> {
        self.config.max_backup_length
    }

    /// Says that there is something in the backup stream. With a spool, its route has
    /// already noted the partition.
    pub(crate) fn wake_drain(&self) {
        self.capacity.note_overflow();
        self.drain.wake();
    }
}
