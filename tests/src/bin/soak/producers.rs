//! The threads that add orders.

use std::time::{Duration, Instant};

use fastrand::Rng;
use stream_lib::{
    BackupStreamConfig, ConnectionConfig, Producer, StreamConfig, StreamManager, StreamMessage,
};

use super::args::Args;
use super::{Outcome, STREAM, Scene, forks};

const NAME: &str = "order_processor";
const BATCH: usize = 20;
/// The backlog from which on orders go to the backup stream: a burst is larger.
const CAPACITY: u64 = 1_000;
const EVERYTHING: u64 = 1_000_000_000_000;
/// How long an order waits for replicas, where there are any.
const REPLICATION: Duration = Duration::from_secs(1);
/// How many orders come at once now and then: more than the workers buffer.
const BURST: u64 = 2_000;

/// An order as `orders work` reads it.
#[derive(StreamMessage, Debug)]
#[expect(clippy::struct_field_names, reason = "the names stand in the stream")]
struct Order {
    order_id: String,
    user_id: u64,
    amount: f64,
    status: &'static str,
}

/// Adds orders until it is enough: mostly one at a time, now and then many.
pub(super) fn run(scene: &Scene, thread: u8, args: &Args, mut rng: Rng) -> Outcome<()> {
    let url = scene.redis.url_for_producers();
    let mut manager = StreamManager::connect_lazy(ConnectionConfig::new(url)?)?;
    // Nothing is trimmed: the whole stream is compared at the end.
    let config = StreamConfig::new(STREAM)
        .batch_size(BATCH)
        .min_retention_count(EVERYTHING)
        .replicas(scene.redis.replicas(), REPLICATION);
    // One in two by way of the backup stream, so that it is drained under fire.
    if thread.is_multiple_of(2) {
        manager.create_simple_producer(NAME, config)?;
    } else {
        manager
            .create_backup_producer(NAME, BackupStreamConfig::from(config).capacity(CAPACITY))?;
    }
    let mut producer = manager.producer::<Order>(NAME)?;
    let mut numbers = 0..;
    let mut due = Instant::now();
    while !scene.enough.is_set() {
        let count = match rng.u32(..5 * args.rate) {
            0 => rng.u64(..BURST),
            1..=20 => rng.u64(2..40),
            _ => 1,
        };
        let orders = numbers.by_ref().take(usize::try_from(count)?);
        let orders: Vec<_> = orders.map(|number| Order::new(thread, number)).collect();
        add(scene, &producer, &orders);
        // Each a few times in a minute.
        if rng.u32(..15 * args.rate) == 0 {
            let child = Order::new(thread, u64::MAX);
            (manager, producer) = forks::strike(scene, manager, producer, &child)?;
        }
        let pause = Duration::from_secs_f64(rng.f64() * 2.0 / f64::from(args.rate));
        // Time lost in an outage is not made up for: bursts come separately.
        due = (due + pause).max(Instant::now());
        scene.enough.comes_within(due - Instant::now());
    }
    manager.shutdown();
    Ok(())
}

fn add(scene: &Scene, producer: &Producer<Order>, orders: &[Order]) {
    // In pieces, so that a burst ends soon when it is enough.
    for piece in orders.chunks(5 * BATCH) {
        if scene.enough.is_set() {
            return;
        }
        let results = match piece {
            [order] => vec![producer.add(order)],
            piece => producer.add_all(piece),
        };
        for (order, result) in piece.iter().zip(results) {
            scene.ledger.enter(order.order_id.clone(), &result);
        }
    }
}

impl Order {
    fn new(thread: u8, number: u64) -> Self {
        Self {
            order_id: format!("p{thread}-{number}"),
            user_id: number % 1_000,
            amount: f64::from(u16::try_from(number % 10_000).unwrap_or(0)) / 100.0,
            status: "pending",
        }
    }
}
