//! The cost of counting a message, without a server.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::command::original_id;
use crate::message::{EntryId, Fields};
use crate::metrics::{Fate, ProducerRecord, WorkerRecord, WorkerRecords};
use crate::runtime::ServerClock;

/// A producer and a worker that count messages.
#[derive(Debug)]
pub struct Counting {
    clock: ServerClock,
    producer: ProducerRecord,
    workers: WorkerRecords,
    worker: Arc<WorkerRecord>,
}

impl Default for Counting {
    fn default() -> Self {
        let clock = ServerClock::new();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_millis());
        clock.set(u64::try_from(now).unwrap_or(u64::MAX), Instant::now());
        let workers = WorkerRecords::default();
        Self {
            clock,
            producer: ProducerRecord::default(),
            worker: workers.take(),
            workers,
        }
    }
}

impl Counting {
    /// Counts a message that was added alone, and handled, from one time to another.
    pub fn message(&self, id: EntryId, fields: &Fields<'_>, began: Instant, ended: Instant) {
        self.producer.batch(1);
        self.producer.answered([Fate::Main], ended - began);
        if let Some(now) = self.clock.at_ms(began) {
            let first = original_id(id, |name| fields.header(name));
            self.worker.began(now, first.ms());
        }
        self.worker.handled(ended - began);
    }

    /// How many messages were added, and how many handled.
    pub fn counted(&self) -> (u64, u64) {
        (
            self.producer.snapshot().added,
            self.workers.handlers().count(),
        )
    }
}
