//! `orders produce`.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use stream_lib::{
    Added, BackupStreamConfig, Envelope, Error, Producer, ProducerHandle, StreamConfig,
    StreamManager,
};

use super::Order;
use super::args::{ProduceArgs, ProducerKind};
use crate::pretend_to_work;

const PRODUCER: &str = "order_processor";

/// How long the end waits for spooled orders to be sent.
const SPOOL_GRACE: Duration = Duration::from_secs(5);

pub(super) fn run(args: &ProduceArgs) -> anyhow::Result<()> {
    if args.spool_dir.is_some() && args.producer != ProducerKind::Backup {
        bail!("--spool-dir needs --producer backup");
    }
    // With a spool, the server need not be there.
    let (_server, manager) = match args.spool_dir {
        Some(_) => crate::connect_lazily()?,
        None => crate::connect()?,
    };
    create_producer(&manager, args)?;
    let mut tally = produce(&manager, args)?;
    let report = manager.shutdown();
    tally.replayed(report.spooled);
    writeln!(
        io::stdout(),
        "produced {} main {} backup {} spooled",
        tally.main,
        tally.backup,
        tally.spooled
    )?;
    if tally.failed > 0 {
        bail!("{} of {} orders failed", tally.failed, args.count);
    }
    Ok(())
}

fn create_producer(
    manager: &StreamManager,
    args: &ProduceArgs,
) -> stream_lib::Result<ProducerHandle> {
    let mut config = StreamConfig::new(&args.stream).batch_size(args.batch.into());
    if let Some(entries) = args.max_length {
        config = config.max_length(entries);
    }
    if let Some(partitions) = args.partitions {
        config = config.partitions(partitions);
    }
    match args.producer {
        ProducerKind::Simple => manager.create_simple_producer(PRODUCER, config),
        ProducerKind::Backup => {
            let mut config = BackupStreamConfig::from(config);
            if let Some(dir) = &args.spool_dir {
                config = config.spool_dir(dir).spool_grace(SPOOL_GRACE);
            }
            manager.create_backup_producer(PRODUCER, config)
        }
    }
}

/// How many orders have gone where.
#[derive(Debug, Default)]
struct Tally {
    main: u64,
    backup: u64,
    spooled: u64,
    failed: u64,
}

fn produce(manager: &StreamManager, args: &ProduceArgs) -> anyhow::Result<Tally> {
    let start = Instant::now();
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for first in 0..u64::from(args.threads) {
            let producer = manager.producer::<Order>(PRODUCER)?;
            let thread = thread::Builder::new()
                .name(format!("producer {first}"))
                .spawn_scoped(scope, move || add_share(&producer, args, first, start))
                .context("starting a thread")?;
            threads.push(thread);
        }
        for thread in threads {
            match thread.join() {
                Ok(share) => tally.join(&share),
                Err(_) => bail!("a producing thread panicked"),
            }
        }
        Ok(tally)
    })
}

/// Adds every n-th order of n threads, from `first` on.
fn add_share(producer: &Producer<Order>, args: &ProduceArgs, first: u64, start: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut numbers = (first..args.count).step_by(args.threads.into()).peekable();
    while let Some(&next) = numbers.peek() {
        if let Some(rate) = args.rate {
            wait_for_turn(start, next, rate);
        }
        let orders: Vec<_> = numbers
            .by_ref()
            .take(args.batch.into())
            .map(|number| Order::of_customer(&args.prefix, number, args.keys))
            .collect();
        let results = match (orders.as_slice(), args.in_ms, args.keys) {
            (orders, Some(ms), keys) => {
                let wait = Duration::from_millis(ms);
                let later = |order| {
                    let draft = producer.with(order).after(wait);
                    match keys {
                        Some(_) => draft.key(key_of(order)).add(),
                        None => draft.add(),
                    }
                };
                orders.iter().map(later).collect()
            }
            ([order], None, None) => vec![producer.add(order)],
            ([order], None, Some(_)) => vec![producer.with(order).key(key_of(order)).add()],
            (orders, None, None) => producer.add_all(orders),
            (orders, None, Some(_)) => {
                let keyed = |order| Envelope::new(order).key(key_of(order));
                producer.add_all(orders.iter().map(keyed))
            }
        };
        for (order, result) in orders.iter().zip(results) {
            tally.count(order, result);
        }
    }
    tally
}

/// The orders of a customer stay in one partition.
fn key_of(order: &Order) -> String {
    order.user_id.to_string()
}

/// Waits for the turn of an order. Time lost in an outage is made up.
fn wait_for_turn(start: Instant, number: u64, rate: f64) {
    #[expect(clippy::cast_precision_loss, reason = "exact for 2^53 orders")]
    let due = Duration::try_from_secs_f64(number as f64 / rate).unwrap_or(Duration::MAX);
    pretend_to_work(due.saturating_sub(start.elapsed()));
}

impl Tally {
    fn count(&mut self, order: &Order, result: Result<Added, Error>) {
        match result {
            Ok(Added::Backup(_)) => self.backup += 1,
            Ok(Added::Spooled) => self.spooled += 1,
            // Main, or scheduled. A duplicate is in Redis already, and a message with any
            // future answer is, too.
            Ok(_) => self.main += 1,
            Err(e) => {
                self.failed += 1;
                eprintln!("failed {}: {:#}", order.order_id, anyhow::Error::from(e));
            }
        }
    }

    /// Counts spooled orders that have been sent since as main.
    fn replayed(&mut self, left: u64) {
        let replayed = self.spooled.saturating_sub(left);
        self.spooled = left;
        self.main += replayed;
    }

    fn join(&mut self, other: &Self) {
        self.main += other.main;
        self.backup += other.backup;
        self.spooled += other.spooled;
        self.failed += other.failed;
    }
}
