//! Entries that this process holds: the stage of each, and since when.
//!
//! # The stages of an entry
//!
//! ```text
//!              worker            handler: Ok      acknowledger       Redis confirms
//! Buffered ─────────────▶ Running ─────────▶ Done ─────────────▶ Settling ────▶ Gone
//!   │   │                  │   │              │                   ▲  ▲  ▲        ▲
//!   │   │      lease lost  │   └── any other end ─────────────────┘  │  │        │
//!   │   │                  ▼                  │                      │  │        │
//!   │   │                Lost ────── any end ─┼──────────────────────┘  │        │
//!   │   │                                     └── lease lost ───────────┼────────┤
//!   │   └── withdrawn, or buffered for a lease ─────────────────────────┘        │
//!   └── lease lost ──────────────────────────────────────────────────────────────┘
//! ```
//!
//! Several threads move an entry, and each move has one owner. From `Buffered`,
//! `Done` and (for the loss of its lease) `Running` an entry moves by a compare
//! and exchange: the thread that succeeds answers for what comes next, so that an
//! entry never both runs and is given back, and is acknowledged by one thread.
//! From there on the entry belongs to that thread alone: a worker moves its
//! running entry to `Settling` whether or not the lease was lost meanwhile, and
//! the thread that asks Redis moves a settling one to `Gone`. Where the answer to
//! an acknowledgement was lost, the entry goes back from `Settling` to `Done`.
//!
//! Leases are renewed in all stages but `Lost` and `Gone`: a completed entry is
//! held until Redis has confirmed it. An entry that was taken over in `Settling`
//! stays there, since Redis says so when it is asked to settle it.
//!
//! How the step from `Done` is announced is written down in
//! [`acknowledging`](super::acknowledging).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::command::Entries;
use crate::message::{EntryId, Fields};

/// Where an entry stands between its delivery and its settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Waits for a worker.
    Buffered = 0,
    /// A handler runs.
    Running = 1,
    /// A handler runs, and another consumer holds the entry, or soon may.
    Lost = 2,
    /// The handler has succeeded; nobody has asked Redis yet to acknowledge it.
    Done = 3,
    /// The delivery has ended, or the entry was withdrawn from the buffer; Redis
    /// has not confirmed it yet.
    Settling = 4,
    /// No longer this process's.
    Gone = 5,
}

/// The other entries that may run with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// All.
    Any,
    /// Taken over from a process that may have died of it: nothing in the same
    /// batch.
    OwnBatch,
    /// On its last delivery after such deaths: nothing at all. Given back, it
    /// is left to the takeover.
    Alone,
}

/// The entries of one reply, shared by the threads that run them, renew them
/// and settle them.
///
/// One fast message costs a few atomic operations here and nothing else: that
/// it is done shows in its stage, and only the first of several that are done
/// is announced.
#[derive(Debug)]
pub(crate) struct Held {
    entries: Entries,
    stages: Vec<AtomicU8>,
    /// When each handler was started: milliseconds since `received`.
    started: Vec<AtomicU32>,
    /// The next entry for a worker.
    next: AtomicUsize,
    received: Instant,
    /// When Redis last confirmed that the entries are ours: milliseconds since
    /// `received`.
    confirmed: AtomicU32,
    company: Company,
    /// The acknowledger has been told that entries are done, and has yet to
    /// look.
    announced: AtomicBool,
    cap_reported: AtomicBool,
    all_bytes: Arc<AtomicUsize>,
}

impl Held {
    /// `asked` is when the request was sent that brought the entries; their
    /// bytes are added to `all_bytes` for as long as this lives.
    pub(crate) fn new(
        entries: Entries,
        company: Company,
        asked: Instant,
        all_bytes: &Arc<AtomicUsize>,
    ) -> Self {
        let len = entries.len();
        all_bytes.fetch_add(entries.bytes(), Ordering::Relaxed);
        Self {
            stages: (0..len)
                .map(|_| AtomicU8::new(Stage::Buffered as u8))
                .collect(),
            started: (0..len).map(|_| AtomicU32::new(0)).collect(),
            entries,
            next: AtomicUsize::new(0),
            received: asked,
            confirmed: AtomicU32::new(0),
            company,
            announced: AtomicBool::new(false),
            cap_reported: AtomicBool::new(false),
            all_bytes: Arc::clone(all_bytes),
        }
    }

    pub(crate) fn company(&self) -> Company {
        self.company
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.company == Company::Alone
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.entries.bytes()
    }

    pub(crate) fn id(&self, index: usize) -> EntryId {
        self.entries.id(index)
    }

    pub(crate) fn attempt(&self, index: usize) -> u32 {
        self.entries.deliveries(index)
    }

    pub(crate) fn header(&self, index: usize, name: &str) -> Option<&[u8]> {
        self.entries.header(index, name)
    }

    pub(crate) fn fields(&self, index: usize) -> Fields<'_> {
        self.entries.fields(index)
    }

    pub(crate) fn stage(&self, index: usize) -> Stage {
        match self.stages.get(index).map(|s| s.load(Ordering::Acquire)) {
            Some(0) => Stage::Buffered,
            Some(1) => Stage::Running,
            Some(2) => Stage::Lost,
            Some(3) => Stage::Done,
            Some(4) => Stage::Settling,
            _ => Stage::Gone,
        }
    }

    /// Moves an entry from one stage to another, if it stands there.
    pub(crate) fn advance(&self, index: usize, from: Stage, to: Stage) -> bool {
        self.stages.get(index).is_some_and(|stage| {
            stage
                .compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        })
    }

    /// Sets the stage, for the thread that the entry belongs to.
    pub(crate) fn set_stage(&self, index: usize, to: Stage) {
        if let Some(stage) = self.stages.get(index) {
            stage.store(to as u8, Ordering::Release);
        }
    }

    /// The next entry that waits for a worker; it is running from `now` on.
    pub(crate) fn start_next(&self, now: Instant) -> Option<usize> {
        loop {
            if self.next.load(Ordering::Relaxed) >= self.len() {
                return None;
            }
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.len() {
                return None;
            }
            if self.start(index, now) {
                return Some(index);
            }
        }
    }

    /// As [`start_next`](Self::start_next), if the next entry `fits`.
    pub(crate) fn start_next_if(
        &self,
        now: Instant,
        fits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        loop {
            let index = self.next.load(Ordering::Relaxed);
            if index >= self.len() || !fits(index) {
                return None;
            }
            let claimed =
                self.next
                    .compare_exchange(index, index + 1, Ordering::Relaxed, Ordering::Relaxed);
            if claimed.is_ok() && self.start(index, now) {
                return Some(index);
            }
        }
    }

    fn start(&self, index: usize, now: Instant) -> bool {
        let starts = self.advance(index, Stage::Buffered, Stage::Running);
        if starts {
            self.restart(index, now);
        }
        starts
    }

    /// Notes that the handler of a running entry begins `now`.
    pub(crate) fn restart(&self, index: usize, now: Instant) {
        if let Some(started) = self.started.get(index) {
            started.store(self.millis_since_received(now), Ordering::Relaxed);
        }
    }

    /// Notes that an entry is done. Returns whether this is to be announced: the
    /// acknowledger has looked since the last time.
    pub(crate) fn announce(&self) -> bool {
        !self.announced.swap(true, Ordering::AcqRel)
    }

    /// Takes the entries that are done, to acknowledge them, after an
    /// announcement. Entries that are done from now on are announced again.
    pub(crate) fn take_done(&self) -> Vec<usize> {
        self.announced.swap(false, Ordering::AcqRel);
        (0..self.len())
            .filter(|&index| {
                let is_done = self.stage(index) == Stage::Done;
                is_done && self.advance(index, Stage::Done, Stage::Settling)
            })
            .collect()
    }

    /// How many entries are done, but not confirmed by Redis.
    pub(crate) fn settling(&self) -> usize {
        (0..self.len())
            .filter(|&index| matches!(self.stage(index), Stage::Done | Stage::Settling))
            .count()
    }

    /// Whether every entry has been started or withdrawn.
    pub(crate) fn is_used_up(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.len()
    }

    /// The next entry that waits for a worker, withdrawn from the buffer.
    pub(crate) fn withdraw_next(&self) -> Option<usize> {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.len() {
                return None;
            }
            if self.advance(index, Stage::Buffered, Stage::Settling) {
                return Some(index);
            }
        }
    }

    /// How long ago Redis last confirmed that the entries are ours. Before a
    /// lease has passed, nobody else can have taken them.
    pub(crate) fn since_confirmed(&self) -> Duration {
        self.since_confirmed_at(Instant::now())
    }

    /// As [`since_confirmed`](Self::since_confirmed), for a caller that knows the time.
    pub(crate) fn since_confirmed_at(&self, now: Instant) -> Duration {
        let confirmed = Duration::from_millis(self.confirmed.load(Ordering::Acquire).into());
        now.saturating_duration_since(self.received)
            .saturating_sub(confirmed)
    }

    /// Notes that Redis has renewed the lease by a request sent at `asked`.
    pub(crate) fn confirm(&self, asked: Instant) {
        self.confirmed
            .fetch_max(self.millis_since_received(asked), Ordering::AcqRel);
    }

    /// How long the entry has been buffered, up to now.
    pub(crate) fn age(&self) -> Duration {
        self.received.elapsed()
    }

    /// How long the handler of a running entry has been at it.
    pub(crate) fn running_for(&self, index: usize) -> Duration {
        let started = self
            .started
            .get(index)
            .map_or(0, |s| s.load(Ordering::Relaxed));
        self.received
            .elapsed()
            .saturating_sub(Duration::from_millis(started.into()))
    }

    /// How long each of the running entries has been at it.
    pub(crate) fn running(&self) -> impl Iterator<Item = Duration> {
        (0..self.len())
            .filter(|&index| matches!(self.stage(index), Stage::Running | Stage::Lost))
            .map(|index| self.running_for(index))
    }

    /// True the first time: one log line a reply is enough.
    pub(crate) fn report_cap(&self) -> bool {
        !self.cap_reported.swap(true, Ordering::Relaxed)
    }

    fn millis_since_received(&self, at: Instant) -> u32 {
        let millis = at.saturating_duration_since(self.received).as_millis();
        u32::try_from(millis).unwrap_or(u32::MAX)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all_bytes
            .fetch_sub(self.entries.bytes(), Ordering::Relaxed);
    }
}
