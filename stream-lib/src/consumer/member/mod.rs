//! One life of a consumer: what its threads share.

pub(crate) mod done;
pub(crate) mod held;
mod held_replies;
pub(crate) mod link;
pub(crate) mod queue;
mod read_ahead;
pub(crate) mod settle;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use parking_lot::{Mutex, MutexGuard};

use crate::command::{self, Claimed, Entries, Group};
use crate::config::ConsumerConfig;
use crate::connection::{LinkHandle, Topology, Wire};
use crate::consumer::member::held::{Company, Held};
use crate::consumer::member::held_replies::HeldReplies;
use crate::consumer::member::queue::Queue;
use crate::consumer::member::settle::{Action, Settle};
use crate::consumer::stats::Counters;
use crate::consumer::worker::open::Open;
use crate::error::{Error, Result};
use crate::runtime::{ServerClock, Shutdown, Trouble};

/// What the threads of a running consumer share.
pub(crate) struct Member {
    pub(crate) topology: Arc<Topology>,
    pub(crate) config: ConsumerConfig,
    pub(crate) group: Group,
    /// The name in Redis: the label and random characters.
    pub(crate) name: String,
    pub(crate) replies: HeldReplies,
    pub(crate) queue: Queue,
    /// What workers of a batch handler gather from, in turn.
    pub(crate) open: Mutex<Open>,
    pub(crate) counters: Arc<Counters>,
    /// Bytes of the replies that batches keep.
    pub(crate) held_bytes: Arc<AtomicUsize>,
    pub(crate) settle: Sender<Settle>,
    /// Stop reading and starting.
    pub(crate) stop: Shutdown,
    /// Give up what is unconfirmed: the grace is over.
    pub(crate) halt: Shutdown,
    /// Held from a claim until its entries are registered, and while unseen
    /// deliveries are looked for: an entry on its way must not look unseen.
    pub(crate) claiming: Mutex<()>,
    /// An answer may have been lost: what Redis has as ours and we don't know
    /// must be fetched.
    pub(crate) recovery_wanted: AtomicBool,
    /// Batches with entries that are done, which the reader acknowledges with
    /// its next read; `None` while it doesn't.
    pub(crate) done: Mutex<Option<Vec<Arc<Held>>>>,
    /// The group is known to have stood.
    pub(crate) prepared: AtomicBool,
    /// The reader's connection, to end its waits.
    pub(crate) reader_wire: LinkHandle,
    /// When an entry of `~waiting` is due, as far as known.
    pub(crate) next_due: Mutex<Option<Instant>>,
    pub(crate) clock: ServerClock,
    /// The longest lease in the group, in ms, as far as known.
    pub(crate) group_lease: AtomicU64,
    /// Of the connections, by their [`Role`](link::Role).
    pub(crate) trouble: Trouble,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Member {
    #[allow(clippy::too_many_arguments, reason = "called once, by the wiring")]
    pub(crate) fn new(
        topology: Arc<Topology>,
        config: ConsumerConfig,
        group: Group,
        name: String,
        counters: Arc<Counters>,
        failure: Arc<Mutex<Option<Error>>>,
        settle: Sender<Settle>,
        batch_size: usize,
    ) -> Self {
        Self {
            topology,
            queue: Queue::new(&config, batch_size),
            open: Mutex::default(),
            config,
            group,
            name,
            replies: HeldReplies::default(),
            counters,
            held_bytes: Arc::default(),
            settle,
            stop: Shutdown::default(),
            halt: Shutdown::default(),
            claiming: Mutex::new(()),
            recovery_wanted: AtomicBool::new(false),
            done: Mutex::new(None),
            prepared: AtomicBool::new(false),
            reader_wire: LinkHandle::default(),
            next_due: Mutex::new(None),
            clock: ServerClock::new(),
            group_lease: AtomicU64::new(0),
            trouble: Trouble::default(),
            failure,
        }
    }

    /// Makes entries known as held, before anybody starts them.
    pub(crate) fn hold(&self, entries: Entries, company: Company, asked: Instant) -> Arc<Held> {
        let held = Held::new(entries, company, asked, &self.held_bytes);
        let delivered = held.len() as u64;
        self.counters
            .delivered
            .fetch_add(delivered, Ordering::Relaxed);
        let held = Arc::new(held);
        self.replies.insert(&held);
        held
    }

    /// Makes claimed entries known, after which others may claim again, and
    /// hands them to the workers.
    pub(crate) fn accept(
        &self,
        claimed: Claimed,
        company: Company,
        asked: Instant,
        claiming: MutexGuard<'_, ()>,
    ) {
        let deleted = claimed.deleted;
        self.counters.deleted.fetch_add(deleted, Ordering::Relaxed);
        if !claimed.entries.is_empty() {
            let held = self.hold(claimed.entries, company, asked);
            drop(claiming);
            if !self.queue.push_returning(&held, &self.stop) {
                self.give_back_rest(&held);
            }
        }
    }

    /// Withdraws what no worker has started, and has it given back.
    pub(crate) fn give_back_rest(&self, held: &Arc<Held>) {
        while let Some(index) = held.withdraw_next() {
            self.give_back(held, index);
        }
    }

    /// Has an entry given back that was withdrawn from the buffer.
    pub(crate) fn give_back(&self, held: &Arc<Held>, index: usize) {
        self.queue.left(&self.stop);
        self.send(Settle::new(held, index, Action::GiveBack));
    }

    /// Gives a sign of life, and takes in what the others tell. With
    /// `patience`, removes consumers that are dead for longer.
    pub(crate) fn beat(&self, wire: &mut Wire, patience: Option<Duration>) -> Result<()> {
        let lease = self.config.lease;
        let beat = command::beat(wire, &self.group, &self.name, lease, patience)?;
        self.clock.set(beat.server_ms, Instant::now());
        let longest = u64::try_from(beat.lease.as_millis()).unwrap_or(u64::MAX);
        let known = self.group_lease.swap(longest, Ordering::Relaxed);
        if beat.lease > lease && known != longest {
            log::warn!(
                "the lease of this consumer of `{}` is {lease:?}, another's in the group `{}` is \
                 {:?}: entries are taken over after the longer one",
                self.group.stream(),
                self.group.name(),
                beat.lease
            );
        }
        for name in beat.removed {
            log::info!(
                "removed the dead consumer `{name}` from `{}`",
                self.group.name()
            );
        }
        Ok(())
    }

    /// After how long without a renewal an entry is taken over.
    pub(crate) fn takeover_after(&self) -> Duration {
        let group = Duration::from_millis(self.group_lease.load(Ordering::Relaxed));
        group.max(self.config.lease)
    }

    /// Queues what shall become of an entry. Once the consumer has been given
    /// up nobody listens; the entry's lease then lapses.
    pub(crate) fn send(&self, settle: Settle) {
        let _ = self.settle.send(settle);
    }

    /// Passes on what a batch has announced: to the reader, if that acknowledges,
    /// or to the thread that settles.
    pub(crate) fn tell_of_done(&self, held: &Arc<Held>) {
        if let Some(replies) = &mut *self.done.lock() {
            return replies.push(Arc::clone(held));
        }
        self.send(Settle::Done(Arc::clone(held)));
    }

    /// Notes when an entry of `~waiting` is due, and wakes who claims it.
    pub(crate) fn expect_due(&self, at: Instant) {
        let mut next = self.next_due.lock();
        if next.is_none_or(|known| at < known) {
            *next = Some(at);
            drop(next);
            self.stop.nudge();
        }
    }

    /// Stops the consumer for good, by an error that waiting won't mend.
    pub(crate) fn fail(&self, error: &Error) {
        let mut failure = self.failure.lock();
        let is_first = failure.is_none();
        if is_first {
            log::error!(
                "the consumer `{}` of `{}` stops: {error}",
                self.name,
                self.group.stream()
            );
            let (stream, group) = (self.group.stream(), self.group.name());
            let doing = format_args!("consuming `{stream}` in the group `{group}`");
            *failure = Some(error.clone().while_doing(doing));
        }
        drop(failure);
        self.stop.set();
        if is_first {
            // Without the lock: a hook may ask for the failure.
            self.config.events.tell(|e| e.stopped(error));
        }
    }
}
