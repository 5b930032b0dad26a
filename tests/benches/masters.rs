//! The gain of more masters: one partitioned stream on a cluster of one master and on one
//! of three, added to and consumed at full speed:
//! `cargo bench -p stream-tests --bench masters`. `MESSAGES=n` sets how many (600,000).
//!
//! On a machine with fewer cores than processes the rates say little. The measure is the
//! processor time that each node needs for a message: a node has one core for commands,
//! so the inverse of that time is the highest rate of the node.

#![allow(
    clippy::cast_precision_loss,
    reason = "counts here are far below 2^52, and only rates are made of them"
)]

#[path = "speed/message.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod message;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{env, process, result, thread};

use stream_lib::{Consumer, ConsumerConfig, StreamConfig, StreamManager};
use stream_tests::{Cluster, Usage};

use self::message::Order;

type Result<T> = result::Result<T, Box<dyn Error + Send + Sync>>;

const STREAM: &str = "orders";
const PARTITIONS: u16 = 16;
const BATCH: usize = 500;
const CALL: usize = 10_000;
/// Longer than any pause of a machine that works.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let messages = match env::var("MESSAGES") {
        Ok(number) => number.parse()?,
        Err(_) => 600_000,
    };
    println!("{messages} orders, {PARTITIONS} partitions, added in batches of {BATCH}");
    println!();
    println!(
        "masters  what       rate/s  µs of each master for its messages  busy  µs of the client"
    );
    for masters in [1, 3] {
        run(masters, messages)?;
    }
    Ok(())
}

/// One stream on a number of masters.
fn run(masters: usize, messages: usize) -> Result<()> {
    let cluster = Cluster::options()
        .nodes(masters, 0)
        .servers(|options| options.config("save", ""))
        .start()?;
    let manager = StreamManager::connect(cluster.url())?;
    let config = StreamConfig::new(STREAM)
        .batch_size(BATCH)
        .partitions(PARTITIONS);
    manager.create_simple_producer(STREAM, config)?;
    let producer = manager.producer::<Order>(STREAM)?;
    let orders = Order::numbers(CALL);
    let adding = Stretch::begin(&cluster)?;
    let calls = messages.div_ceil(CALL);
    for _ in 0..calls {
        for added in producer.add_all(&orders) {
            added?;
        }
    }
    adding.end(masters, "add_all", calls * CALL)?;

    let config = ConsumerConfig::new(STREAM).workers(2).read_count(384);
    let consuming = Stretch::begin(&cluster)?;
    let consumer = manager.consume_fn::<Order>("bench", config, |order| {
        black_box(&**order);
        Ok(())
    })?;
    until_completed(&consumer, calls * CALL)?;
    consuming.end(masters, "consume", calls * CALL)?;
    manager.shutdown();
    Ok(())
}

fn until_completed(consumer: &Consumer, count: usize) -> Result<()> {
    let mut last = (0, Instant::now());
    loop {
        let completed = usize::try_from(consumer.stats().completed)?;
        if completed >= count {
            return Ok(());
        }
        if completed != last.0 {
            last = (completed, Instant::now());
        } else if last.1.elapsed() > PATIENCE {
            return Err(format!("stands still at {completed} of {count}").into());
        }
        rest();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a look at a counter now and then is made of pauses"
)]
fn rest() {
    thread::sleep(Duration::from_millis(1));
}

/// A stretch of time, and what each process used when it began.
struct Stretch<'c> {
    cluster: &'c Cluster,
    nodes: Vec<Node>,
    client: Duration,
    started: Instant,
}

/// The usage of one master, and the number of entries that it has received or sent.
struct Node {
    time: Duration,
    entries: usize,
}

impl<'c> Stretch<'c> {
    fn begin(cluster: &'c Cluster) -> Result<Self> {
        Ok(Self {
            cluster,
            nodes: nodes(cluster)?,
            client: own_time()?,
            started: Instant::now(),
        })
    }

    /// Prints the usage.
    fn end(self, masters: usize, what: &str, messages: usize) -> Result<()> {
        let wall = self.started.elapsed().as_secs_f64();
        let client = own_time()?.saturating_sub(self.client).as_secs_f64();
        let now = nodes(self.cluster)?;
        let of_each = self.nodes.iter().zip(&now).map(|(before, after)| {
            let time = after.time.saturating_sub(before.time).as_secs_f64();
            (time * 1e6 / after.entries.max(1) as f64, time / wall)
        });
        let (needs, busy): (Vec<_>, Vec<_>) = of_each
            .map(|(need, busy)| (format!("{need:.2}"), format!("{busy:.2}")))
            .unzip();
        println!(
            "{masters:7}  {what:7}  {:8.0}  {}  {}  {:.2}",
            messages as f64 / wall,
            needs.join(" "),
            busy.join(" "),
            client * 1e6 / messages as f64,
        );
        Ok(())
    }
}

/// Of each master. Its entries are those of its partitions: each message passes there
/// once in each direction.
fn nodes(cluster: &Cluster) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for server in cluster.masters() {
        let usage = server.usage().ok_or("the server's usage is unknown")?;
        let mut entries = 0;
        for number in 0..PARTITIONS {
            let key = format!("{{{STREAM}:{number}}}");
            if cluster.node_of(&key).port() == server.port() {
                entries += server.try_command::<usize>(&["XLEN", &key])?;
            }
        }
        nodes.push(Node {
            time: usage.cpu_time,
            entries,
        });
    }
    Ok(nodes)
}

fn own_time() -> Result<Duration> {
    let usage = Usage::of(process::id()).ok_or("this process's usage is unknown")?;
    Ok(usage.cpu_time)
}
