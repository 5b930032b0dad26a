//! The outlets of one producer: that of its stream, or one for each partition.
//!
//! The partitions of the stream are looked up with the first message. For a stream
//! without partitions this costs a load with each batch from then on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot::RwLock;

use crate::command::{Encoded, Outgoing};
use crate::config::named_backup_of_partitions;
use crate::error::Result;
use crate::partition::{Partitions, partition_of};
use crate::producer::transport::outlet::Outlet;
use crate::split::{Split, WantedSplit};

/// All outlets of a producer.
#[derive(Debug)]
pub(crate) struct Outlets {
    whole: Arc<Outlet>,
    /// `None` if no server is asked: everything goes to the whole.
    split: Option<WantedSplit>,
    /// The backup stream's own name, if it has one. With partitions it can't.
    named_backup: Option<String>,
    /// The outlets of the partitions, once there are any.
    parts: RwLock<Option<Arc<Parts>>>,
    /// Counts the batches without a key.
    turn: AtomicU32,
}

/// The outlets of all partitions, in order.
#[derive(Debug)]
pub(crate) struct Parts {
    partitions: Partitions,
    outlets: Vec<Arc<Outlet>>,
}

impl Outlets {
    pub(crate) fn new(
        whole: Outlet,
        split: Option<WantedSplit>,
        named_backup: Option<String>,
    ) -> Self {
        Self {
            whole: Arc::new(whole),
            split,
            named_backup,
            parts: RwLock::default(),
            turn: AtomicU32::new(0),
        }
    }

    /// The outlet to the stream itself.
    pub(crate) fn whole(&self) -> &Arc<Outlet> {
        &self.whole
    }

    /// Whether everything is known to go to the stream itself.
    pub(crate) fn is_whole(&self) -> bool {
        let split = self.split.as_ref();
        split.is_none_or(|split| split.now() == Some(Split::Whole))
    }

    /// See [`WantedSplit::wish`].
    pub(crate) fn wish_partitions(&self) {
        if let Some(split) = &self.split {
            split.wish();
        }
    }

    /// The outlets of the partitions; `None` if everything goes to the stream itself.
    ///
    /// # Blocking
    ///
    /// Until `until`, if Redis has to be asked.
    ///
    /// # Errors
    ///
    /// As [`WantedSplit::by`]; `Config` for a backup stream with a name of its own if
    /// there are partitions.
    pub(crate) fn parts_by(&self, until: Instant) -> Result<Option<Arc<Parts>>> {
        let Some(split) = &self.split else {
            return Ok(None);
        };
        let Some(partitions) = split.by(until)?.partitions() else {
            return Ok(None);
        };
        if let Some(name) = &self.named_backup {
            return Err(named_backup_of_partitions(name));
        }
        let known = |parts: &Option<Arc<Parts>>| {
            let parts = parts
                .as_ref()
                .filter(|parts| parts.partitions == partitions);
            parts.map(Arc::clone)
        };
        if let Some(parts) = known(&self.parts.read()) {
            return Ok(Some(parts));
        }
        let mut place = self.parts.write();
        if let Some(parts) = known(&place) {
            return Ok(Some(parts));
        }
        let outlet = |partition| Arc::new(self.whole.of_partition(partition));
        let parts = Arc::new(Parts {
            partitions,
            outlets: partitions.all().map(outlet).collect(),
        });
        *place = Some(Arc::clone(&parts));
        Ok(Some(parts))
    }

    /// The outlet of one message.
    ///
    /// # Errors
    ///
    /// As [`parts_by`](Self::parts_by).
    pub(crate) fn one_by(&self, batch: &Outgoing, until: Instant) -> Result<Arc<Outlet>> {
        self.one_with(batch, None, until)
    }

    /// As [`one_by`](Self::one_by), with `hash` in place of the key's hash if the message
    /// has no key.
    ///
    /// # Errors
    ///
    /// As [`parts_by`](Self::parts_by).
    pub(crate) fn one_with(
        &self,
        batch: &Outgoing,
        hash: Option<u32>,
        until: Instant,
    ) -> Result<Arc<Outlet>> {
        let Some(parts) = self.parts_by(until)? else {
            return Ok(Arc::clone(&self.whole));
        };
        let own = batch.iter().next().and_then(|message| message.hash());
        let hash = own.or(hash).unwrap_or_else(|| self.turn());
        Ok(parts
            .outlet(parts.partition_of(hash))
            .unwrap_or(&self.whole)
            .clone())
    }

    /// The stand-in for the hash in the next batch whose messages have no key.
    pub(super) fn turn(&self) -> u32 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }
}

impl Parts {
    pub(super) fn outlet(&self, partition: u16) -> Option<&Arc<Outlet>> {
        self.outlets.get(usize::from(partition))
    }

    fn partition_of(&self, hash: u32) -> u16 {
        partition_of(hash, self.partitions)
    }

    /// The partition of one message of a batch; messages without a key go where `turn`
    /// says.
    pub(super) fn partition_in(&self, message: &Encoded<'_>, turn: u32) -> u16 {
        self.partition_of(message.hash().unwrap_or(turn))
    }
}
