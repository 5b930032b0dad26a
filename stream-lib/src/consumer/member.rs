//! One life of a consumer: what its threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::Sender;
use parking_lot::{Mutex, MutexGuard};

use super::ack::{Action, Settle};
use super::batch::{Batch, Registry};
use super::queue::Queue;
use crate::command::{Claimed, Entries, Group};
use crate::config::ConsumerConfig;
use crate::connection::Topology;
use crate::error::Error;
use crate::runtime::Shutdown;

/// What the threads of a running consumer share.
pub(super) struct Member {
    pub(super) topology: Arc<Topology>,
    pub(super) config: ConsumerConfig,
    pub(super) group: Group,
    /// The name in Redis: the label and random characters.
    pub(super) name: String,
    pub(super) registry: Registry,
    pub(super) queue: Queue,
    pub(super) counters: Arc<Counters>,
    /// Bytes of the replies that batches keep.
    pub(super) held_bytes: Arc<AtomicUsize>,
    pub(super) settle: Sender<Settle>,
    /// Stop reading and starting.
    pub(super) stop: Shutdown,
    /// Give up what is unconfirmed: the grace is over.
    pub(super) halt: Shutdown,
    /// Held from a claim until its entries are registered, and while unseen
    /// deliveries are looked for: an entry on its way must not look unseen.
    pub(super) claiming: Mutex<()>,
    /// An answer may have been lost: what Redis has as ours and we don't know
    /// must be fetched.
    pub(super) recovery_wanted: AtomicBool,
    /// The group is known to have stood.
    pub(super) prepared: AtomicBool,
    /// The reader's connection, for `CLIENT UNBLOCK`; 0 where unknown.
    pub(super) reader_client: AtomicI64,
    /// When an entry of `~waiting` is due, as far as known.
    pub(super) next_due: Mutex<Option<Instant>>,
    /// Which connections are down, a bit each.
    pub(super) down: AtomicU8,
    failure: Arc<Mutex<Option<Error>>>,
}

/// What a consumer has done since it was created.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) delivered: AtomicU64,
    pub(super) running: AtomicUsize,
    pub(super) settling: AtomicUsize,
    pub(super) completed: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) dead: AtomicU64,
    pub(super) released: AtomicU64,
    pub(super) taken_over: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) deleted: AtomicU64,
}

impl Member {
    #[allow(clippy::too_many_arguments, reason = "called once, by the wiring")]
    pub(super) fn new(
        topology: Arc<Topology>,
        config: ConsumerConfig,
        group: Group,
        name: String,
        counters: Arc<Counters>,
        failure: Arc<Mutex<Option<Error>>>,
        settle: Sender<Settle>,
    ) -> Self {
        Self {
            topology,
            queue: Queue::new(&config),
            config,
            group,
            name,
            registry: Registry::default(),
            counters,
            held_bytes: Arc::default(),
            settle,
            stop: Shutdown::default(),
            halt: Shutdown::default(),
            claiming: Mutex::new(()),
            recovery_wanted: AtomicBool::new(false),
            prepared: AtomicBool::new(false),
            reader_client: AtomicI64::new(0),
            next_due: Mutex::new(None),
            down: AtomicU8::new(0),
            failure,
        }
    }

    /// Makes entries known as held, before anybody starts them.
    pub(super) fn hold(&self, entries: Entries, asked: Instant) -> Arc<Batch> {
        let delivered = entries.len() as u64;
        self.counters
            .delivered
            .fetch_add(delivered, Ordering::Relaxed);
        let batch = Arc::new(Batch::new(entries, asked, &self.held_bytes));
        self.registry.insert(&batch);
        batch
    }

    /// Makes claimed entries known, after which others may claim again, and
    /// hands them to the workers.
    pub(super) fn accept(&self, claimed: Claimed, asked: Instant, claiming: MutexGuard<'_, ()>) {
        let deleted = claimed.deleted;
        self.counters.deleted.fetch_add(deleted, Ordering::Relaxed);
        if !claimed.entries.is_empty() {
            let batch = self.hold(claimed.entries, asked);
            drop(claiming);
            if !self.queue.push_returning(&batch, &self.stop) {
                self.give_back_rest(&batch);
            }
        }
    }

    /// Withdraws what no worker has started, and has it given back.
    pub(super) fn give_back_rest(&self, batch: &Arc<Batch>) {
        while let Some(index) = batch.withdraw_next() {
            self.give_back(batch, index);
        }
    }

    /// Has an entry given back that was withdrawn from the buffer.
    pub(super) fn give_back(&self, batch: &Arc<Batch>, index: usize) {
        self.queue.left(&self.stop);
        self.send(Settle::new(batch, index, Action::GiveBack));
    }

    /// Queues what shall become of an entry. Once the consumer has been given
    /// up nobody listens; the entry's lease then lapses.
    pub(super) fn send(&self, settle: Settle) {
        self.counters.settling.fetch_add(1, Ordering::SeqCst);
        if self.settle.send(settle).is_err() {
            self.counters.settling.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Notes when an entry of `~waiting` is due, and wakes who claims it.
    pub(super) fn expect_due(&self, at: Instant) {
        let mut next = self.next_due.lock();
        if next.is_none_or(|known| at < known) {
            *next = Some(at);
            drop(next);
            self.stop.nudge();
        }
    }

    /// Stops the consumer for good, by an error that waiting won't mend.
    pub(super) fn fail(&self, error: Error) {
        let mut failure = self.failure.lock();
        if failure.is_none() {
            log::error!(
                "the consumer `{}` of `{}` stops: {error}",
                self.name,
                self.group.stream()
            );
            *failure = Some(error);
        }
        drop(failure);
        self.stop.set();
    }
}
