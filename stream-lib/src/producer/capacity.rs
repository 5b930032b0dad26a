//! The backlog that a stream may have before messages go to its backup stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::config::{BackupStreamConfig, Retention};

/// The capacity by which a producer routes. It belongs to the stream: the drain,
/// which learns the stored one with each of its steps, keeps it up to date. Clones
/// share it.
#[derive(Debug, Clone)]
pub(crate) struct Capacity(Arc<AtomicU64>);

impl Capacity {
    /// The capacity until the stored one is known.
    pub(crate) fn of(config: &BackupStreamConfig) -> Self {
        let asked = config.stream.asked_capacity();
        let entries = asked.unwrap_or(Retention::default().max_length);
        Self(Arc::new(AtomicU64::new(entries)))
    }

    pub(crate) fn entries(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn learn(&self, entries: u64) {
        self.0.store(entries, Ordering::Relaxed);
    }
}

/// The capacities of a stream and of its partitions, of which each has its own.
#[derive(Debug)]
pub(crate) struct Capacities {
    /// That of each until the stored one is known.
    asked: u64,
    whole: Capacity,
    parts: Mutex<BTreeMap<u16, Capacity>>,
}

impl Capacities {
    pub(crate) fn of(config: &BackupStreamConfig) -> Self {
        let whole = Capacity::of(config);
        Self {
            asked: whole.entries(),
            whole,
            parts: Mutex::default(),
        }
    }

    /// That of a stream without partitions.
    pub(crate) fn whole(&self) -> Capacity {
        self.whole.clone()
    }

    pub(crate) fn of_partition(&self, partition: u16) -> Capacity {
        let mut parts = self.parts.lock();
        let capacity = parts.entry(partition);
        let asked = || Capacity(Arc::new(AtomicU64::new(self.asked)));
        capacity.or_insert_with(asked).clone()
    }
}
