//! The buffer between the reader and the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, SendTimeoutError, Sender, bounded, select};
use parking_lot::Mutex;

use crate::config::ConsumerConfig;
use crate::consumer::member::held::Held;
use crate::consumer::member::read_ahead::Load;
use crate::runtime::Shutdown;

/// Batches that wait for workers.
///
/// A batch is sent once for each worker that could share it; whoever receives
/// one takes entries from it until none is left. So a channel operation is paid
/// per batch and worker, not per entry.
#[derive(Debug)]
pub(crate) struct Queue {
    new: Lane,
    /// Retries and entries taken over from others, which must not wait behind
    /// a backlog of new ones.
    returning: Lane,
    /// For an entry that runs while nothing else does.
    alone: Lane,
    /// There while the workers are paused; disconnects when they go on.
    pause: Mutex<Option<(Sender<()>, Receiver<()>)>>,
    paused: AtomicBool,
    running: AtomicUsize,
    workers: usize,
    /// How many entries a worker takes at a time.
    batch_size: usize,
    read_count: usize,
    lease: Duration,
    buffered: AtomicUsize,
    idle: AtomicUsize,
    /// A running mean, 0 before the first handler has ended.
    handler_nanos: AtomicU64,
    entry_bytes: AtomicUsize,
    /// The longest of the handlers that run.
    longest_nanos: AtomicU64,
    /// How few buffered entries a waiting reader wants to hear of; 0 while it
    /// doesn't wait.
    wake_below: AtomicUsize,
}

/// In how many reads the buffer is filled.
const READS: usize = 3;

#[derive(Debug)]
struct Lane {
    into: Sender<Arc<Held>>,
    from: Receiver<Arc<Held>>,
}

impl Lane {
    fn new(capacity: usize) -> Self {
        let (into, from) = bounded(capacity);
        Self { into, from }
    }
}

impl Queue {
    pub(crate) fn new(config: &ConsumerConfig, batch_size: usize) -> Self {
        Self {
            // As many entries as may be buffered, each in a batch of its own,
            // and what a worker each may leave of batches others emptied.
            new: Lane::new(2 * config.read_count + config.workers),
            returning: Lane::new(2 * config.workers),
            alone: Lane::new(1),
            pause: Mutex::new(None),
            paused: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            workers: config.workers,
            batch_size,
            read_count: config.read_count,
            lease: config.lease,
            buffered: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            handler_nanos: AtomicU64::new(0),
            entry_bytes: AtomicUsize::new(0),
            longest_nanos: AtomicU64::new(0),
            wake_below: AtomicUsize::new(0),
        }
    }

    /// Hands new entries to the workers. Returns false if the consumer stopped
    /// before any of them could be told. `before_waiting` is called where there
    /// is no place for the batch yet.
    #[must_use]
    pub(crate) fn push(
        &self,
        held: &Arc<Held>,
        stop: &Shutdown,
        before_waiting: impl FnOnce(),
    ) -> bool {
        let mean = held.bytes() / held.len().max(1);
        let seen = self.entry_bytes.load(Ordering::Relaxed);
        self.entry_bytes
            .store(mean.max(seen - seen / 8), Ordering::Relaxed);
        self.send(&self.new, held, stop, before_waiting)
    }

    /// As [`push`](Self::push), for entries that come back: at most as many as
    /// there are workers.
    #[must_use]
    pub(crate) fn push_returning(&self, held: &Arc<Held>, stop: &Shutdown) -> bool {
        self.send(&self.returning, held, stop, || {})
    }

    /// As [`push`](Self::push), for an entry that runs while the workers are
    /// paused.
    #[must_use]
    pub(crate) fn push_alone(&self, held: &Arc<Held>, stop: &Shutdown) -> bool {
        self.send(&self.alone, held, stop, || {})
    }

    /// Counts a batch as buffered that is not pushed after all.
    pub(crate) fn expect(&self, held: &Held) {
        self.buffered.fetch_add(held.len(), Ordering::SeqCst);
    }

    fn send(
        &self,
        lane: &Lane,
        held: &Arc<Held>,
        stop: &Shutdown,
        before_waiting: impl FnOnce(),
    ) -> bool {
        const LOOK_UP: Duration = Duration::from_millis(20);
        self.expect(held);
        if lane.into.is_full() {
            before_waiting();
        }
        while let Err(SendTimeoutError::Timeout(_)) =
            lane.into.send_timeout(Arc::clone(held), LOOK_UP)
        {
            if stop.is_set() {
                return false;
            }
        }
        // One worker knows now. That others know too only makes them share;
        // batches are gathered by one at a time.
        let sharing = if self.batch_size == 1 {
            self.workers
        } else {
            1
        };
        for _ in 1..held.len().min(sharing) {
            if lane.into.try_send(Arc::clone(held)).is_err() {
                break;
            }
        }
        true
    }

    /// The next batch for a worker, from both lanes alike; `None` once `ended`
    /// disconnects. `wake` is nudged where that makes room for returning ones.
    pub(crate) fn next(&self, ended: &Receiver<()>, wake: &Shutdown) -> Option<Arc<Held>> {
        if let Ok(held) = self.new.from.try_recv() {
            return Some(held);
        }
        self.rest(wake);
        let next = select! {
            recv(self.new.from) -> held => held.ok(),
            recv(self.returning.from) -> held => {
                wake.nudge();
                held.ok()
            }
            recv(self.alone.from) -> held => held.ok(),
            recv(ended) -> _ => None,
        };
        self.stir();
        next
    }

    /// Counts a worker as idle.
    pub(crate) fn rest(&self, wake: &Shutdown) {
        self.idle.fetch_add(1, Ordering::SeqCst);
        if self.wake_below.load(Ordering::SeqCst) > 0 {
            // A reader that waits for room has some now: this worker's.
            wake.nudge();
        }
    }

    /// The opposite of [`rest`](Self::rest).
    pub(crate) fn stir(&self) {
        self.idle.fetch_sub(1, Ordering::SeqCst);
    }

    /// Waits until there may be a batch to take, `ended` is disconnected, or it
    /// is too late. Returns whether it isn't. With a time, an entry that runs
    /// alone is none of the caller's business.
    pub(crate) fn wait(&self, ended: &Receiver<()>, until: Option<Instant>) -> bool {
        let mut select = Select::new();
        select.recv(&self.new.from);
        select.recv(&self.returning.from);
        select.recv(ended);
        if let Some(until) = until {
            return select.ready_deadline(until).is_ok();
        }
        select.recv(&self.alone.from);
        select.ready();
        true
    }

    /// A batch of new entries, if one waits.
    pub(crate) fn next_new(&self) -> Option<Arc<Held>> {
        self.new.from.try_recv().ok()
    }

    /// The entry that is to run while nothing else does, if it waits.
    pub(crate) fn next_alone(&self) -> Option<Arc<Held>> {
        self.alone.from.try_recv().ok()
    }

    /// A batch of returning entries, if one waits; `wake` as in
    /// [`next`](Self::next).
    pub(crate) fn next_returning(&self, wake: &Shutdown) -> Option<Arc<Held>> {
        let held = self.returning.from.try_recv().ok()?;
        wake.nudge();
        Some(held)
    }

    /// Counts a worker as running, unless it must wait for others to run alone.
    pub(crate) fn enter(&self, held: &Held, wake: &Shutdown) -> bool {
        // Counted first, looked second; `pause` goes the other way round. So
        // one of both sees the other.
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst) && !held.is_alone() {
            // Whoever has just seen it counted looks again.
            self.leave(wake);
            return false;
        }
        true
    }

    /// The opposite of [`enter`](Self::enter).
    pub(crate) fn leave(&self, wake: &Shutdown) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst) {
            wake.nudge();
        }
    }

    /// Whether workers must make way for an entry that runs alone.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// How many handlers run.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Has workers start nothing but what comes by [`push_alone`].
    ///
    /// [`push_alone`]: Self::push_alone
    pub(crate) fn pause(&self) {
        *self.pause.lock() = Some(bounded(0));
        self.paused.store(true, Ordering::SeqCst);
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.paused.store(false, Ordering::SeqCst);
        *self.pause.lock() = None;
    }

    /// Waits for the end of a pause, or until the entry that runs alone waits.
    pub(crate) fn wait_out(&self, ended: &Receiver<()>) {
        let pause = self.pause.lock();
        let Some(resumed) = pause.as_ref().map(|(_, resumed)| resumed.clone()) else {
            return;
        };
        drop(pause);
        let mut select = Select::new();
        select.recv(&self.alone.from);
        select.recv(&resumed);
        select.recv(ended);
        select.ready();
    }

    /// Notes that an entry has left the buffer, and wakes a reader that waits
    /// for room, once there is enough.
    pub(crate) fn left(&self, wake: &Shutdown) {
        let before = self.buffered.fetch_sub(1, Ordering::SeqCst);
        if before <= self.wake_below.load(Ordering::SeqCst) {
            wake.nudge();
        }
    }

    /// Notes how long a handler took for each entry.
    pub(crate) fn observe(&self, handler: Duration) {
        let seen = self.handler_nanos.load(Ordering::Relaxed);
        let nanos = u64::try_from(handler.as_nanos()).unwrap_or(u64::MAX).max(1);
        let mean = if seen == 0 {
            nanos
        } else {
            seen - seen / 8 + nanos / 8
        };
        self.handler_nanos.store(mean.max(1), Ordering::Relaxed);
    }

    /// Notes how long the longest of the running handlers has run, and how many
    /// entries they all have in hand.
    pub(crate) fn observe_longest(&self, longest: Duration, entries: usize) {
        let handlers = self.running().max(1);
        let nanos = longest.as_nanos() * handlers as u128 / entries.max(handlers) as u128;
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.longest_nanos.store(nanos, Ordering::Relaxed);
    }

    /// How many entries the reader may ask for now, with `landing` about to be
    /// buffered: none before a third of the buffer is free, so that reads stay
    /// large.
    pub(crate) fn room(&self, landing: usize, held_bytes: usize) -> usize {
        let limit = self.limit(held_bytes);
        let free = limit.saturating_sub(self.buffered() + landing);
        if free < limit / READS {
            return 0;
        }
        free.min(self.read_count)
    }

    /// Waits until `room` isn't 0, the flag is set or `deadline` has passed.
    /// Returns whether there is room.
    pub(crate) fn wait_for_room(
        &self,
        wake: &Shutdown,
        deadline: Instant,
        room: impl Fn() -> usize,
    ) -> bool {
        if room() > 0 {
            return true;
        }
        // Whatever the limit is by then: at half of what is there now, or when
        // workers run out, it is asked again.
        self.wake_below
            .store(self.buffered().div_ceil(2).max(1), Ordering::SeqCst);
        wake.wait_until(deadline, || room() > 0);
        self.wake_below.store(0, Ordering::SeqCst);
        room() > 0
    }

    fn limit(&self, held_bytes: usize) -> usize {
        self.load(held_bytes).limit()
    }

    fn load(&self, held_bytes: usize) -> Load {
        let mean = self.handler_nanos.load(Ordering::Relaxed);
        let longest = self.longest_nanos.load(Ordering::Relaxed);
        Load {
            workers: self.workers,
            idle: self.idle(),
            batch_size: self.batch_size,
            handler: (mean > 0).then(|| Duration::from_nanos(mean.max(longest))),
            lease: self.lease,
            read_count: self.read_count,
            held_bytes,
            entry_bytes: self.entry_bytes.load(Ordering::Relaxed),
        }
    }

    /// How many entries of `~waiting` to claim: where batches are quickly done,
    /// as many as fill one for each idle worker.
    pub(crate) fn room_for_due(&self) -> usize {
        let quick = self.load(0).starts_soon();
        let replies = self.idle() * self.batch_size;
        self.room_for_returning()
            .max(replies.min(quick).min(self.read_count))
    }

    /// How many returning entries the workers could start at once, each by
    /// itself: none while some still wait.
    pub(crate) fn room_for_returning(&self) -> usize {
        if self.returning.from.is_empty() {
            self.idle().max(1)
        } else {
            0
        }
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffered.load(Ordering::SeqCst)
    }

    pub(crate) fn idle(&self) -> usize {
        self.idle.load(Ordering::SeqCst)
    }
}
