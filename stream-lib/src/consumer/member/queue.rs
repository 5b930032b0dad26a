//! The lanes on which replies reach the workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, SendTimeoutError, Sender, bounded, select};

use crate::consumer::member::held::Held;
use crate::runtime::Shutdown;

/// Replies that wait for workers.
///
/// A reply is sent once for each worker that could share it; each worker that receives it
/// takes entries from it until none is left. So the cost of a channel operation is per
/// reply and worker, not per entry.
#[derive(Debug)]
pub(crate) struct WorkQueue {
    new: WorkLane,
    /// Retries and entries taken over from others, which must not wait behind
    /// a backlog of new ones.
    returning: WorkLane,
    /// For an entry that runs while nothing else does.
    alone: WorkLane,
    /// How many workers may share one reply.
    sharing: usize,
}

#[derive(Debug)]
struct WorkLane {
    into: Sender<Arc<Held>>,
    from: Receiver<Arc<Held>>,
}

impl WorkQueue {
    pub(crate) fn new(workers: usize, batch_size: usize, read_count: usize) -> Self {
        /// The most members: one for each possible partition.
        const MEMBERS: usize = 256;
        Self {
            // Enough for all buffered entries, each in a reply of its own, and one
            // emptied reply per worker.
            new: WorkLane::new(2 * read_count + workers + MEMBERS),
            returning: WorkLane::new(2 * workers + MEMBERS),
            alone: WorkLane::new(1),
            // Batches are gathered by one worker at a time.
            sharing: if batch_size == 1 { workers } else { 1 },
        }
    }

    /// Hands new entries to the workers. Returns false if the consumer stopped before any
    /// worker could be told. `before_waiting` is called if there is no place for the
    /// reply yet.
    #[must_use]
    pub(crate) fn push_new(
        &self,
        held: &Arc<Held>,
        stop: &Shutdown,
        before_waiting: impl FnOnce(),
    ) -> bool {
        self.new.push(held, self.sharing, stop, before_waiting)
    }

    /// As [`push_new`](Self::push_new), for returning entries: at most as many as there
    /// are workers.
    #[must_use]
    pub(crate) fn push_returning(&self, held: &Arc<Held>, stop: &Shutdown) -> bool {
        self.returning.push_counted(held, self.sharing, stop)
    }

    /// As [`push_new`](Self::push_new), for an entry that runs while the workers
    /// are paused.
    #[must_use]
    pub(crate) fn push_alone(&self, held: &Arc<Held>, stop: &Shutdown) -> bool {
        self.alone.push(held, 1, stop, || {})
    }

    /// A reply with new entries, if one waits.
    pub(crate) fn take_new(&self) -> Option<Arc<Held>> {
        self.new.from.try_recv().ok()
    }

    /// A reply with returning entries, if one waits.
    pub(crate) fn take_returning(&self) -> Option<Arc<Held>> {
        let held = self.returning.from.try_recv().ok()?;
        held.home().returning_taken();
        Some(held)
    }

    /// The entry that is to run while nothing else does, if it waits.
    pub(crate) fn take_alone(&self) -> Option<Arc<Held>> {
        self.alone.from.try_recv().ok()
    }

    /// Waits for the next reply on any lane; `None` once `ended` disconnects.
    pub(crate) fn next(&self, ended: &Receiver<()>) -> Option<Arc<Held>> {
        select! {
            recv(self.new.from) -> held => held.ok(),
            recv(self.returning.from) -> held => {
                let held = held.ok()?;
                held.home().returning_taken();
                Some(held)
            }
            recv(self.alone.from) -> held => held.ok(),
            recv(ended) -> _ => None,
        }
    }

    /// Waits for a reply on any lane, or for `ended` to disconnect. The reply may be gone
    /// by the time this returns.
    pub(crate) fn wait(&self, ended: &Receiver<()>) {
        let mut select = self.lanes_to_share();
        select.recv(ended);
        select.recv(&self.alone.from);
        select.ready();
    }

    /// Waits for a reply on the lanes of new and of returning entries, for
    /// `ended` to disconnect, or until `until`. Returns false on timeout.
    pub(crate) fn wait_until(&self, ended: &Receiver<()>, until: Instant) -> bool {
        let mut select = self.lanes_to_share();
        select.recv(ended);
        select.ready_deadline(until).is_ok()
    }

    /// Waits for the entry that runs alone, or for one of the channels to disconnect.
    pub(crate) fn wait_for_alone(&self, resumed: &Receiver<()>, ended: &Receiver<()>) {
        let mut select = Select::new();
        select.recv(&self.alone.from);
        select.recv(resumed);
        select.recv(ended);
        select.ready();
    }

    fn lanes_to_share(&self) -> Select<'_> {
        let mut select = Select::new();
        select.recv(&self.new.from);
        select.recv(&self.returning.from);
        select
    }
}

impl WorkLane {
    fn new(capacity: usize) -> Self {
        let (into, from) = bounded(capacity);
        Self { into, from }
    }

    fn push(
        &self,
        held: &Arc<Held>,
        sharing: usize,
        stop: &Shutdown,
        before_waiting: impl FnOnce(),
    ) -> bool {
        if !self.send(held, stop, before_waiting) {
            return false;
        }
        // One worker knows now. The others are told only to share, so a full lane loses
        // nothing.
        for _ in 1..held.len().min(sharing) {
            if self.into.try_send(Arc::clone(held)).is_err() {
                break;
            }
        }
        true
    }

    /// As [`push`](Self::push), for a lane whose replies are counted for their member.
    fn push_counted(&self, held: &Arc<Held>, sharing: usize, stop: &Shutdown) -> bool {
        let home = held.home();
        // Counted first: a worker may take it before anything else is done here.
        home.expect_returning();
        if !self.send(held, stop, || {}) {
            home.returning_failed();
            return false;
        }
        for _ in 1..held.len().min(sharing) {
            home.expect_returning();
            if self.into.try_send(Arc::clone(held)).is_err() {
                home.returning_failed();
                break;
            }
        }
        true
    }

    fn send(&self, held: &Arc<Held>, stop: &Shutdown, before_waiting: impl FnOnce()) -> bool {
        const LOOK_UP: Duration = Duration::from_millis(20);
        if self.into.is_full() {
            before_waiting();
        }
        while let Err(SendTimeoutError::Timeout(_)) =
            self.into.send_timeout(Arc::clone(held), LOOK_UP)
        {
            if stop.is_set() {
                return false;
            }
        }
        true
    }
}
