//! The state that all members of one consumer share.
//!
//! A consumer of a stream has one member; a consumer of a partitioned stream has one
//! for each partition that it owns. All of them have the consumer's name in Redis, and
//! feed its workers. The stop of the consumer is that of all of its members; a member
//! may stop before, when its partition goes to another consumer.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::config::ConsumerConfig;
use crate::consumer::member::buffer::Buffer;
use crate::consumer::member::failure_log::FailureLimits;
use crate::consumer::member::signs::Signs;
use crate::runtime::{Bell, Shutdown, Trouble};

/// One life of a consumer.
#[derive(Debug)]
pub(crate) struct Common {
    /// The name in Redis: the label and random characters.
    pub(crate) name: String,
    pub(crate) buffer: Buffer,
    /// Of the members of the group, where the stream is partitioned.
    pub(crate) signs: Signs,
    /// Stop reading and starting, in all members.
    pub(crate) stop: Shutdown,
    /// When that began.
    stop_began: OnceLock<Instant>,
    /// Dropped when the workers are to end.
    workers: Mutex<Option<Sender<()>>>,
    pub(crate) workers_stop: Receiver<()>,
    /// Calls the task that owns the partitions, if there is one.
    pub(crate) alarm: Bell,
    /// The failures of all members: what holds up the consumer is told once.
    pub(crate) trouble: Trouble,
    pub(crate) failures: Arc<FailureLimits>,
    /// Redis was reached once, and the hooks know or are about to be told.
    pub(crate) reached: AtomicBool,
    next_number: AtomicU32,
}

impl Common {
    pub(crate) fn new(
        config: &ConsumerConfig,
        name: String,
        batch_size: usize,
        alarm: Bell,
    ) -> Self {
        let (workers, workers_stop) = bounded(0);
        Self {
            name,
            buffer: Buffer::new(config, batch_size),
            signs: Signs::default(),
            stop: Shutdown::default(),
            stop_began: OnceLock::new(),
            workers: Mutex::new(Some(workers)),
            workers_stop,
            alarm,
            trouble: Trouble::default(),
            failures: Arc::default(),
            reached: AtomicBool::new(false),
            next_number: AtomicU32::new(0),
        }
    }

    /// Begins the stop: nothing more is started. The members have to be told, too.
    /// Called again it does nothing.
    pub(crate) fn begin_stop(&self) {
        self.stop_by(Duration::ZERO);
        self.stop.set();
        self.workers.lock().take();
        self.alarm.ring();
    }

    /// When a stop with this grace is over. One that an error has begun counts from
    /// the first time that this is asked.
    pub(crate) fn stop_by(&self, grace: Duration) -> Instant {
        *self.stop_began.get_or_init(Instant::now) + grace
    }

    /// The number of the next member.
    pub(crate) fn number(&self) -> u32 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }
}
