//! How many entries wait in the buffer, and how many more may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::config::ConsumerConfig;
use crate::consumer::member::held::Held;
use crate::consumer::member::read_ahead::Load;
use crate::runtime::Shutdown;

/// Counts the entries that wait for workers, and the workers that wait for
/// entries. The decision on top of these counts is [`Load`]'s.
#[derive(Debug)]
pub(crate) struct Room {
    workers: usize,
    /// How many entries a worker takes at a time.
    batch_size: usize,
    read_count: usize,
    lease: Duration,
    buffered: AtomicUsize,
    idle: AtomicUsize,
    /// Of the largest entries seen lately.
    entry_bytes: AtomicUsize,
    /// How few buffered entries a waiting reader wants to hear of; 0 while it
    /// doesn't wait.
    wake_below: AtomicUsize,
    /// Wakes the reader.
    wake: Shutdown,
}

/// In how many reads the buffer is filled.
const READS: usize = 3;

impl Room {
    pub(crate) fn new(config: &ConsumerConfig, batch_size: usize, wake: &Shutdown) -> Self {
        Self {
            workers: config.workers,
            batch_size,
            read_count: config.read_count,
            lease: config.lease,
            buffered: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            entry_bytes: AtomicUsize::new(0),
            wake_below: AtomicUsize::new(0),
            wake: wake.clone(),
        }
    }

    /// Counts the entries of a reply as buffered.
    pub(crate) fn expect(&self, held: &Held) {
        self.buffered.fetch_add(held.len(), Ordering::SeqCst);
    }

    /// Notes that an entry has left the buffer, and wakes a reader that waits
    /// for room, once there is enough.
    pub(crate) fn left(&self) {
        let before = self.buffered.fetch_sub(1, Ordering::SeqCst);
        if before <= self.wake_below.load(Ordering::SeqCst) {
            self.wake.nudge();
        }
    }

    /// Counts a worker as idle.
    pub(crate) fn rest(&self) {
        self.idle.fetch_add(1, Ordering::SeqCst);
        if self.wake_below.load(Ordering::SeqCst) > 0 {
            // A reader that waits for room has some now: this worker's.
            self.wake.nudge();
        }
    }

    /// The opposite of [`rest`](Self::rest).
    pub(crate) fn stir(&self) {
        self.idle.fetch_sub(1, Ordering::SeqCst);
    }

    /// Notes how large the entries of a reply are.
    pub(crate) fn weigh(&self, held: &Held) {
        let mean = held.bytes() / held.len().max(1);
        let seen = self.entry_bytes.load(Ordering::Relaxed);
        self.entry_bytes
            .store(mean.max(seen - seen / 8), Ordering::Relaxed);
    }

    /// The present state, for the time of a handler and the bytes of all replies
    /// that are held.
    pub(crate) fn load(&self, handler: Option<Duration>, held_bytes: usize) -> Load {
        Load {
            workers: self.workers,
            idle: self.idle(),
            batch_size: self.batch_size,
            handler,
            lease: self.lease,
            read_count: self.read_count,
            held_bytes,
            entry_bytes: self.entry_bytes.load(Ordering::Relaxed),
        }
    }

    /// How many entries the reader may ask for now, with `landing` about to be
    /// buffered: none before a third of the buffer is free, so that reads stay
    /// large.
    pub(crate) fn for_new(&self, landing: usize, load: &Load) -> usize {
        let limit = load.limit();
        let free = limit.saturating_sub(self.buffered() + landing);
        if free < limit / READS {
            return 0;
        }
        free.min(self.read_count)
    }

    /// How many returning entries the workers could start at once, each by
    /// itself.
    pub(crate) fn for_returning(&self) -> usize {
        self.idle().max(1)
    }

    /// How many entries of `~waiting` fill a batch for each idle worker, where
    /// batches are quickly done.
    pub(crate) fn for_batches(&self, load: &Load) -> usize {
        (self.idle() * self.batch_size)
            .min(load.starts_soon())
            .min(self.read_count)
    }

    /// Waits until `room` isn't 0, the consumer stops or `deadline` has passed.
    /// Returns whether there is room.
    pub(crate) fn wait(&self, deadline: Instant, room: impl Fn() -> usize) -> bool {
        if room() > 0 {
            return true;
        }
        // The limit may have changed by then: it is asked for again once half of
        // the buffer has gone, or when a worker has nothing to do.
        self.wake_below
            .store(self.buffered().div_ceil(2).max(1), Ordering::SeqCst);
        self.wake.wait_until(deadline, || room() > 0);
        self.wake_below.store(0, Ordering::SeqCst);
        room() > 0
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffered.load(Ordering::SeqCst)
    }

    pub(crate) fn idle(&self) -> usize {
        self.idle.load(Ordering::SeqCst)
    }
}
