//! `demo`: a server of its own, with producers, consumers and a fault.
//!
//! Consumers are processes of their own, so that they can die. Each ends when its standard
//! input does, and the server when this process does: however this ends, nothing is left.

use std::env;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use stream_lib::test_util::PrivateServer;
use stream_lib::{
    ConsumerConfig, OnUndecodable, RawMessage, RetryPolicy, StreamConfig, StreamManager,
    StreamMessage,
};

use crate::cli::change_args::{Demo, DemoFault};
use crate::cli::context::{Context, pause};
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::words::shown;

const STREAM: &str = "orders";

/// How often a message is added.
const EVERY: Duration = Duration::from_millis(50);

/// Of the messages with the fault `poison`, each so manieth can't be read.
const POISON: u64 = 20;

/// What the demonstration's messages are.
#[derive(Debug, StreamMessage)]
#[stream(name = "orders")]
#[expect(clippy::struct_field_names, reason = "the field's name in the entry")]
struct Order {
    order_id: String,
    amount: f64,
    #[stream(sensitive)]
    card: String,
}

/// Where consumers are: their group, and how long a handler takes, in milliseconds.
const PLACES: [(&str, &str, u64); 4] = [
    ("billing", "billing", 5),
    ("shipping", "shipping", 5),
    ("slow", "billing", 400),
    ("doomed", "billing", 600_000),
];

pub(crate) fn run(context: &Context, demo: &Demo) -> Outcome {
    let server = PrivateServer::start()?;
    let url = server.url();
    context.end_between_steps();
    let manager = StreamManager::connect(url)?;
    let handle =
        manager.create_simple_producer("demo", StreamConfig::new(STREAM).max_length(20_000))?;
    let (orders, raw) = (handle.typed::<Order>(), handle.typed::<RawMessage>());
    let places: &[&str] = match demo.fault {
        None | Some(DemoFault::Poison) => &["billing", "shipping"],
        Some(DemoFault::Slow) => &["slow", "shipping"],
        Some(DemoFault::Crash) => &["doomed", "shipping"],
    };
    let mut workers = Workers::default();
    for place in places {
        workers.start(place, url)?;
    }
    context.output.raw(&said(url, demo.fault))?;
    let ends = demo.time.map(|time| Instant::now() + time);
    let mut number = 0_u64;
    while !context.is_interrupted() && ends.is_none_or(|ends| Instant::now() < ends) {
        number += 1;
        let id = format!("ORD-{number:06}");
        if demo.fault == Some(DemoFault::Poison) && number.is_multiple_of(POISON) {
            let order = RawMessage::new()
                .with("order_id", &id)
                .with("amount", "12,50");
            raw.add(&order.with("card", "4111111111111111"))?;
        } else {
            let amount = f64::from(u32::try_from(number % 9_000).unwrap_or(0)) / 100.0;
            let card = "4111111111111111".to_owned();
            orders.add(&Order {
                order_id: id,
                amount,
                card,
            })?;
        }
        if demo.fault == Some(DemoFault::Crash) && number.is_multiple_of(20) {
            let pending = manager.stream_stats(STREAM)?;
            let holds =
                |group: &stream_lib::GroupStats| group.name == "billing" && group.pending > 0;
            if pending.groups.iter().any(holds) {
                workers.kill_first();
            }
        }
        pause(EVERY);
    }
    drop(workers);
    drop(manager);
    drop(server);
    Ok(if context.is_interrupted() {
        Exit::Interrupted
    } else {
        Exit::Done
    })
}

fn said(url: &str, fault: Option<DemoFault>) -> String {
    let what = match fault {
        None => "Two groups keep up with a stream of orders.",
        Some(DemoFault::Crash) => "The only process of the group billing dies, and holds entries.",
        Some(DemoFault::Slow) => "Handlers of the group billing take too long: it falls behind.",
        Some(DemoFault::Poison) => "Each 20th order has an amount that no consumer can read.",
    };
    let url = shown(url.as_bytes());
    format!(
        "{what}\nLook at it from another terminal:\n\n  export REDIS_URL='{url}'\n  streamctl\n  \
         streamctl group ls {STREAM}\n  streamctl dlq ls {STREAM} --kinds\n\nCtrl-C ends it, and \
         leaves nothing.\n"
    )
}

/// The consumers' processes, which end with this.
#[derive(Default)]
struct Workers(Vec<Child>);

impl Workers {
    fn start(&mut self, place: &str, url: &str) -> Outcome<()> {
        let failed = |e| Fault::new(Exit::Failed, format!("can't start a consumer: {e}"));
        let program = env::current_exe().map_err(failed)?;
        let child = Command::new(program)
            .args(["--url", url, "demo-worker", place])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        self.0.push(child);
        Ok(())
    }

    /// As a crash would; once.
    fn kill_first(&mut self) {
        if let Some(first) = self.0.first_mut() {
            let _ = first.kill();
            let _ = first.wait();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One consumer, until standard input ends.
pub(crate) fn work(context: &Context, place: &str) -> Outcome {
    let found = PLACES.iter().find(|(name, ..)| *name == place);
    let (_, group, takes) = found.ok_or_else(|| Fault::usage("there is no such place"))?;
    let takes = Duration::from_millis(*takes);
    let config = ConsumerConfig::new(STREAM)
        .group(*group)
        .consumer(place)
        .workers(2)
        .lease(Duration::from_secs(5))
        .retry(RetryPolicy::list([Duration::from_millis(200)]))
        .on_undecodable(OnUndecodable::Bury);
    let manager = context.redis()?.manager();
    let consumer = manager.consume_fn::<Order>(place, config, move |_| {
        thread::park_timeout(takes);
        Ok(())
    })?;
    let mut end = Vec::new();
    let _ = io::stdin().read_to_end(&mut end);
    drop(consumer);
    Ok(Exit::Done)
}
