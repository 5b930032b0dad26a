//! The buffer between the threads that fetch entries and the workers.
//!
//! # Who wakes whom
//!
//! The members of one consumer share the buffer. Workers sleep on channels. A reader
//! sleeps on its member's stop signal, with a condition of its own, and is nudged. The
//! keeper and the settler, which serve other consumers, too, are called by the member's
//! [bells](crate::consumer::bells):
//!
//! | Thread | waits for | and is woken by |
//! |---|---|---|
//! | worker | an entry | the reply on its [lane](WorkQueue) |
//! | worker | the end of a [pause](Pause) | the pause's channel, or the entry that runs alone |
//! | settler | something to settle | the thread that queues it |
//! | reader | [room](Room) in the buffer | a worker that takes an entry, or becomes idle |
//! | keeper | room for returning entries | a worker that takes a returning reply |
//! | keeper | the end of all other handlers | a worker that leaves during a pause |
//! | keeper | the end of an entry that runs alone | the thread that had it confirmed |
//! | keeper | an earlier due time | the settler, which has parked an entry |
//! | keeper | the end of the reader's claim | the reader |
//! | each | the stop | the stop signal; for workers, a channel that disconnects; for the keeper and the settler, their bells |
//!
//! No nudge is lost: a thread changes the state first and nudges then, and a sleeper
//! holds the signal's lock from the check of its condition until it sleeps. No ring is
//! lost: a thread changes the state first, and the called one looks at it after it has
//! heard the bell. Workers skip a nudge if no thread waits, since it costs a lock:
//! `wake_below` and `paused` show whether one does. The sleeper sets these before it
//! checks its condition, and a worker changes the state before it reads them; all of
//! these accesses are sequentially consistent, so at least one of the two sees the other.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::config::ConsumerConfig;
use crate::consumer::member::handler_time::HandlerTime;
use crate::consumer::member::held::Held;
use crate::consumer::member::pause::Pause;
use crate::consumer::member::queue::WorkQueue;
use crate::consumer::member::read_ahead::Load;
use crate::consumer::member::room::Room;
use crate::runtime::Shutdown;

/// Entries that wait for workers, and the facts that decide on their number.
#[derive(Debug)]
pub(crate) struct Buffer {
    queue: WorkQueue,
    pub(crate) pause: Pause,
    pub(crate) room: Room,
    pub(crate) handler_time: HandlerTime,
    /// The bytes of all living replies.
    pub(super) bytes: Arc<AtomicUsize>,
}

impl Buffer {
    pub(crate) fn new(config: &ConsumerConfig, batch_size: usize) -> Self {
        Self {
            queue: WorkQueue::new(config.workers, batch_size, config.read_count),
            pause: Pause::new(),
            room: Room::new(config, batch_size),
            handler_time: HandlerTime::default(),
            bytes: Arc::default(),
        }
    }

    /// Hands new entries to the workers. Returns false if the member stopped, as `stop`
    /// says, before any worker could be told. `before_waiting` is called if there is no
    /// place for the reply yet.
    #[must_use]
    pub(crate) fn push(
        &self,
        held: &Arc<Held>,
        stop: &Shutdown,
        before_waiting: impl FnOnce(),
    ) -> bool {
        self.room.weigh(held);
        self.room.expect(held);
        self.queue.push_new(held, stop, before_waiting)
    }

    /// As [`push`](Self::push), for returning entries: at most as many as there are
    /// workers.
    #[must_use]
    pub(crate) fn push_returning(&self, held: &Arc<Held>, stop: &Shutdown) -> bool {
        self.room.expect(held);
        self.queue.push_returning(held, stop)
    }

    /// As [`push`](Self::push), for an entry that runs while the workers are
    /// paused.
    #[must_use]
    pub(crate) fn push_alone(&self, held: &Arc<Held>, stop: &Shutdown) -> bool {
        self.queue.push_alone(held, stop)
    }

    /// The next reply for a worker, from all lanes alike; `None` once `ended`
    /// disconnects.
    pub(crate) fn next(&self, ended: &Receiver<()>) -> Option<Arc<Held>> {
        if let Some(held) = self.queue.take_new() {
            return Some(held);
        }
        self.room.rest();
        let next = self.queue.next(ended);
        self.room.stir();
        next
    }

    /// A reply with new entries, if one waits.
    pub(crate) fn next_new(&self) -> Option<Arc<Held>> {
        self.queue.take_new()
    }

    /// A reply with returning entries, if one waits.
    pub(crate) fn next_returning(&self) -> Option<Arc<Held>> {
        self.queue.take_returning()
    }

    /// The entry that is to run while nothing else does, if it waits.
    pub(crate) fn next_alone(&self) -> Option<Arc<Held>> {
        self.queue.take_alone()
    }

    /// Waits until there may be a reply to take, or `ended` disconnects.
    pub(crate) fn wait(&self, ended: &Receiver<()>) {
        self.queue.wait(ended);
    }

    /// Waits for a reply that several workers may share, for `ended` to
    /// disconnect, or until `until`. Returns false on timeout.
    pub(crate) fn wait_until(&self, ended: &Receiver<()>, until: Instant) -> bool {
        self.queue.wait_until(ended, until)
    }

    /// Waits for the end of a pause, or for the entry that runs alone.
    pub(crate) fn wait_out(&self, ended: &Receiver<()>) {
        if let Some(resumed) = self.pause.resumed() {
            self.queue.wait_for_alone(&resumed, ended);
        }
    }

    /// The present load, with `held_bytes` for the bytes of replies.
    pub(crate) fn load(&self, held_bytes: usize) -> Load {
        self.room.load(self.handler_time.estimate(), held_bytes)
    }
}
