//! One producer of each kind, and the threads that use them.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use stream_lib::{
    Added, BackupStreamConfig, Envelope, Producer, Receipt, Result, StreamConfig, StreamManager,
    StreamMessage,
};
use stream_tests::poll;
use tempfile::TempDir;

use super::bell::Bell;
use super::ledger::Calls;

const SEND_TIMEOUT: Duration = Duration::from_secs(5);
const BATCH: usize = 20;
/// More than the stream takes at once.
const BURST: usize = 100;
/// Nothing is trimmed: the whole stream is compared at the end.
const EVERYTHING: u64 = 1_000_000_000_000;

#[derive(StreamMessage, Debug, Clone)]
pub(super) struct Order {
    pub(super) number: u64,
}

/// What makes producers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `add`, one at a time.
    Simple,
    /// `add_with_key`.
    Keyed,
    /// `add_all`, twenty at once.
    Batches,
    /// `send`, whose receipts are waited for later.
    Sent,
    /// `add` by way of a backup stream, with bursts that fill the stream.
    Backup,
    /// As `Backup`, with a spool.
    Spooled,
    /// As `Simple`, on all replicas.
    Replicated,
    /// As `Keyed`, on all replicas.
    ReplicatedKeyed,
    /// As `Spooled`, on all replicas.
    ReplicatedSpooled,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Keyed => "keyed",
            Self::Batches => "batches",
            Self::Sent => "sent",
            Self::Backup => "backup",
            Self::Spooled => "spooled",
            Self::Replicated => "replicated",
            Self::ReplicatedKeyed => "replicated-keyed",
            Self::ReplicatedSpooled => "replicated-spooled",
        }
    }

    /// Whether a confirmed order is on all replicas.
    pub(super) fn is_replicated(self) -> bool {
        matches!(
            self,
            Self::Replicated | Self::ReplicatedKeyed | Self::ReplicatedSpooled
        )
    }

    /// How long a call may take. Each batch has a time of its own.
    pub(super) fn longest_call(self) -> Duration {
        match self {
            Self::Batches | Self::Backup | Self::Spooled | Self::ReplicatedSpooled => {
                SEND_TIMEOUT * u32::try_from(BURST.div_ceil(BATCH)).unwrap_or(1)
            }
            _ => SEND_TIMEOUT,
        }
    }

    pub(super) fn spools(self) -> bool {
        matches!(self, Self::Spooled | Self::ReplicatedSpooled)
    }
}

/// What a producer is to be.
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) stream: String,
    /// Those that a replicated one waits for: all.
    pub(super) replicas: u32,
}

/// A producer at work.
pub(super) struct Work {
    pub(super) kind: Kind,
    pub(super) stream: String,
    pub(super) calls: Arc<Calls>,
    manager: Arc<StreamManager>,
    thread: Option<JoinHandle<()>>,
}

impl Work {
    /// Makes the producer, and adds until the bell rings.
    pub(super) fn begin(
        manager: &Arc<StreamManager>,
        plan: Plan,
        spool: &TempDir,
        enough: &Arc<Bell>,
    ) -> Self {
        create(manager, &plan, spool);
        let Plan { kind, stream, .. } = plan;
        let producer = manager.producer::<Order>(&stream).unwrap();
        let calls = Arc::new(Calls::default());
        let (noted, enough) = (Arc::clone(&calls), Arc::clone(enough));
        let thread = Builder::new().name(format!("drill {}", kind.name()));
        let thread = thread.spawn(move || add(kind, &producer, &noted, &enough));
        Self {
            kind,
            stream,
            calls,
            manager: Arc::clone(manager),
            thread: Some(thread.unwrap()),
        }
    }

    /// Waits for the thread, after the bell has rung.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// The messages that are on disk.
    pub(super) fn spooled(&self) -> u64 {
        let stats = self.manager.spool_stats(&self.stream).unwrap();
        stats.map_or(0, |stats| stats.messages + stats.set_aside)
    }
}

fn create(manager: &StreamManager, plan: &Plan, spool: &TempDir) {
    let (kind, stream) = (plan.kind, &plan.stream);
    let mut config = StreamConfig::new(stream)
        .send_timeout(SEND_TIMEOUT)
        .batch_size(BATCH)
        .min_retention_count(EVERYTHING);
    if kind.is_replicated() {
        config = config.replicas(plan.replicas, Duration::from_millis(500));
    }
    let made = match kind {
        Kind::Backup | Kind::Spooled | Kind::ReplicatedSpooled => {
            let mut config = BackupStreamConfig::from(config).capacity(50);
            if kind.spools() {
                config = config.spool_dir(spool.path().join(stream));
            }
            manager.create_backup_producer(stream, config)
        }
        _ => manager.create_simple_producer(stream, config),
    };
    made.unwrap();
}

fn add(kind: Kind, producer: &Producer<Order>, calls: &Calls, enough: &Bell) {
    let mut numbers = 0..;
    while !enough.has_rung() {
        let burst = match kind {
            Kind::Batches | Kind::Sent => 20,
            Kind::Backup | Kind::Spooled if numbers.start % 200 == 0 => BURST,
            _ => 1,
        };
        let orders: Vec<_> = (&mut numbers)
            .take(burst)
            .map(|number| Order { number })
            .collect();
        let began = Instant::now();
        for (order, result) in orders.iter().zip(answers(kind, producer, &orders)) {
            calls.enter(order.number, began, &result);
        }
        let pause = match burst {
            1 => Duration::from_millis(4),
            _ => Duration::from_millis(40),
        };
        poll(pause, || enough.has_rung().then_some(()));
    }
}

fn answers(kind: Kind, producer: &Producer<Order>, orders: &[Order]) -> Vec<Result<Added>> {
    let key = |order: &Order| order.number.to_string();
    match (kind, orders) {
        (Kind::Keyed | Kind::ReplicatedKeyed, orders) => orders
            .iter()
            .map(|order| producer.add_with_key(order, &key(order)))
            .collect(),
        (Kind::Sent, orders) => {
            let receipts: Vec<_> = orders.iter().map(|order| producer.send(order)).collect();
            let wait = |receipt: Result<Receipt>| receipt.and_then(Receipt::wait);
            receipts.into_iter().map(wait).collect()
        }
        (_, [order]) => vec![producer.add(order)],
        (_, orders) => producer.add_all(orders.iter().map(Envelope::from)),
    }
}
