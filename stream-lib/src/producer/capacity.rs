//! The backlog at which messages go to the backup stream, and the record that some did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::config::{BackupStreamConfig, Retention};

/// The capacity by which a producer routes. It belongs to the stream: the drain, which
/// learns the stored value with each of its steps, keeps it up to date. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Capacity(Arc<State>);

#[derive(Debug)]
struct State {
    entries: AtomicU64,
    /// Whether entries went to the backup stream in this life.
    overflowed: AtomicBool,
    /// Whether entries went there since the drain's last look.
    overflows: AtomicBool,
}

impl Capacity {
    /// The capacity until the stored one is known.
    pub(crate) fn of(config: &BackupStreamConfig) -> Self {
        let asked = config.stream.asked_capacity();
        let entries = asked.unwrap_or(Retention::default().max_length);
        Self::with(entries)
    }

    fn with(entries: u64) -> Self {
        Self(Arc::new(State {
            entries: AtomicU64::new(entries),
            overflowed: AtomicBool::new(false),
            overflows: AtomicBool::new(false),
        }))
    }

    pub(crate) fn entries(&self) -> u64 {
        self.0.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn learn(&self, entries: u64) {
        self.0.entries.store(entries, Ordering::Relaxed);
    }

    /// Notes an entry that went to the backup stream.
    pub(crate) fn note_overflow(&self) {
        self.0.overflowed.store(true, Ordering::SeqCst);
        self.0.overflows.store(true, Ordering::SeqCst);
    }

    /// Whether entries went there since the last call.
    pub(crate) fn take_overflow(&self) -> bool {
        self.0.overflows.swap(false, Ordering::SeqCst)
    }

    /// Whether entries went there in this life.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.0.overflowed.load(Ordering::SeqCst)
    }
}

/// The capacities of a stream and of its partitions, each of which has its own.
#[derive(Debug)]
pub(crate) struct Capacities {
    /// The capacity of each until the stored one is known.
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

    /// The capacity of a stream without partitions.
    pub(crate) fn whole(&self) -> Capacity {
        self.whole.clone()
    }

    pub(crate) fn of_partition(&self, partition: u16) -> Capacity {
        let mut parts = self.parts.lock();
        let capacity = parts.entry(partition);
        let asked = || Capacity::with(self.asked);
        capacity.or_insert_with(asked).clone()
    }
}
