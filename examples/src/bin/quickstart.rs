//! Thousands of typed orders through a real Redis, in a few seconds: `make demo`.
//!
//! Several threads add orders, and the workers of a consumer group handle them. Some
//! handlers fail at first, and their orders are retried.

use std::io::{self, Write};
use std::process;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::bail;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use stream_examples::StopSignal;
use stream_lib::{
    Consumer, ConsumerConfig, Delivery, HandlerResult, RetryPolicy, StreamConfig, StreamManager,
    StreamMessage,
};

const ORDERS: u64 = 100_000;
const THREADS: usize = 4;
const WORKERS: usize = 4;
/// Orders per round trip.
const BATCH: usize = 100;
/// The first attempt fails for each order whose number is divisible by this.
const FAILS_ONCE: u64 = 500;

/// An order. In the stream, each of these is a field of text.
#[derive(StreamMessage)]
struct Order {
    number: u64,
    user_id: u64,
    amount: f64,
    status: Status,
    #[stream(json)]
    items: Vec<Item>,
}

#[derive(StreamMessage)]
#[stream(rename_all = "snake_case")]
enum Status {
    Pending,
}

#[derive(Serialize, Deserialize)]
struct Item {
    name: String,
    pieces: u32,
}

fn main() -> anyhow::Result<()> {
    stream_examples::log_to_stderr();
    let signal = StopSignal::catch()?;
    let (server, manager) = stream_examples::connect()?;
    // A unique name, since the server may have streams of its own.
    let stream = format!("stream-lib-quickstart-{}", process::id());

    let ran = run(&manager, &stream, &signal);
    manager.shutdown();
    stream_examples::remove_stream(&server, &stream)?;
    ran
}

fn run(manager: &StreamManager, stream: &str, signal: &StopSignal) -> anyhow::Result<()> {
    writeln!(
        io::stdout(),
        "{ORDERS} orders, added by {THREADS} threads, handled by {WORKERS} workers"
    )?;
    let config = StreamConfig::new(stream).batch_size(BATCH);
    manager.create_simple_producer("order_producer", config)?;
    let config = ConsumerConfig::new(stream)
        .workers(WORKERS)
        .retry(RetryPolicy::exponential(Duration::from_millis(100)));
    let started = Instant::now();
    let consumer = manager.consume_fn::<Order>("order_consumer", config, handle)?;

    let bars = Bars::new();
    thread::scope(|scope| {
        let added = &bars.added;
        let producers = (0_u64..)
            .take(THREADS)
            .map(|first| {
                thread::Builder::new()
                    .name(format!("producer {first}"))
                    .spawn_scoped(scope, move || produce(manager, first, added))
            })
            .collect::<Result<Vec<_>, _>>()?;
        bars.follow(&producers, &consumer, signal)?;
        join(producers)
    })?;
    let seconds = started.elapsed().as_secs_f64();

    let stats = consumer.stats();
    let groups = manager.stream_stats(stream)?.groups;
    #[expect(clippy::cast_precision_loss, reason = "exact for 2^53 orders")]
    let rate = stats.completed as f64 / seconds;
    let mut out = io::stdout();
    writeln!(out, "produced {}", bars.added.position())?;
    writeln!(out, "completed {}", stats.completed)?;
    writeln!(out, "retried {}", stats.failed)?;
    writeln!(
        out,
        "pending {}",
        groups.iter().map(|g| g.pending).sum::<u64>()
    )?;
    writeln!(out, "messages per second {rate:.0}")?;
    Ok(())
}

/// Adds the share of one thread: every 4th order, if there are 4 threads.
fn produce(manager: &StreamManager, first: u64, progress: &ProgressBar) -> anyhow::Result<()> {
    let producer = manager.producer::<Order>("order_producer")?;
    let mut numbers = (first..ORDERS).step_by(THREADS).peekable();
    while numbers.peek().is_some() {
        let orders: Vec<_> = numbers.by_ref().take(BATCH).map(Order::numbered).collect();
        for added in producer.add_all(&orders) {
            added?;
            progress.inc(1);
        }
    }
    Ok(())
}

/// The handler of an order.
fn handle(order: &Delivery<Order>) -> HandlerResult {
    if order.number.is_multiple_of(FAILS_ONCE) && order.attempt() == 1 {
        return Err("the payment service is busy".into());
    }
    Ok(())
}

fn join(producers: Vec<ScopedJoinHandle<'_, anyhow::Result<()>>>) -> anyhow::Result<()> {
    for producer in producers {
        match producer.join() {
            Ok(result) => result?,
            Err(_) => bail!("a producing thread panicked"),
        }
    }
    Ok(())
}

impl Order {
    fn numbered(number: u64) -> Self {
        Self {
            number,
            user_id: number % 1_000,
            amount: 99.99,
            status: Status::Pending,
            items: vec![Item {
                name: "keyboard".to_owned(),
                pieces: 1,
            }],
        }
    }
}

/// A bar for added orders and one for completed ones. They are drawn on standard error,
/// if that is a terminal.
struct Bars {
    added: ProgressBar,
    completed: ProgressBar,
    _both: MultiProgress,
}

impl Bars {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{msg:>9} {bar:40} {pos:>6} of {len} {per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let both = MultiProgress::new();
        let bar = |text: &'static str| {
            let bar = ProgressBar::new(ORDERS).with_style(style.clone());
            both.add(bar).with_message(text)
        };
        Self {
            added: bar("added"),
            completed: bar("completed"),
            _both: both,
        }
    }

    /// Shows the progress of the consumer, until it has completed all orders that the
    /// producers have added.
    fn follow<T>(
        &self,
        producers: &[ScopedJoinHandle<'_, T>],
        consumer: &Consumer,
        signal: &StopSignal,
    ) -> anyhow::Result<()> {
        const LOOK: Duration = Duration::from_millis(10);
        const PATIENCE: Duration = Duration::from_mins(1);
        let mut moved = Instant::now();
        loop {
            // Asked first: the orders of an ended producer are all counted.
            let all_added = producers.iter().all(ScopedJoinHandle::is_finished);
            let completed = consumer.stats().completed;
            if completed > self.completed.position() {
                moved = Instant::now();
                self.completed.set_position(completed);
            }
            if all_added && completed >= self.added.position() {
                self.added.finish();
                self.completed.finish();
                return Ok(());
            }
            if signal.comes_within(LOOK) {
                bail!("stopped after {completed} orders");
            }
            if let Some(error) = consumer.failure() {
                return Err(error.into());
            }
            if moved.elapsed() > PATIENCE {
                bail!("no order was completed for {PATIENCE:?}, after {completed}");
            }
        }
    }
}
