//! `demo`: a server of its own, with producers, consumers and a fault.
//!
//! Consumers are processes of their own, so that they can die. Each ends when its
//! standard input does, and the server ends with this process: nothing is left, however
//! the process ends.

use std::env;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use stream_lib::test_util::PrivateServer;
use stream_lib::{
    ConnectionConfig, ConsumerConfig, OnUndecodable, RawMessage, RetryPolicy, StreamConfig,
    StreamManager, StreamMessage,
};

use crate::cli::change_args::{Demo, DemoFault};
use crate::cli::context::{Context, pause};
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::serve::{Dashboard, Role, Settings, Token};
use crate::server::Redis;
use crate::words::shown;

const STREAM: &str = "orders";

/// How often a message is added.
const EVERY: Duration = Duration::from_millis(50);

/// With the fault `poison`, every n-th message can't be decoded.
const POISON: u64 = 20;

/// The messages of the demonstration.
#[derive(Debug, StreamMessage)]
#[stream(name = "orders")]
#[expect(clippy::struct_field_names, reason = "the field's name in the entry")]
struct Order {
    order_id: String,
    amount: f64,
    copies: u64,
}

/// With the fault `crash`, an order of this many copies kills the process that gets it.
const KILLER: u64 = 4_000_000_000;

/// How often a process that dies is started.
const LIVES: u32 = 3;

/// More than the lives of a process, so that the order that kills them stays pending, and is
/// not buried.
const RETRIES: usize = 9;

/// Short, so that a dead process is noticed soon.
const LEASE: Duration = Duration::from_secs(2);

/// The roles of consumers: name, group, and how long a handler takes, in milliseconds.
const PLACES: [(&str, &str, u64); 3] = [
    ("billing", "billing", 5),
    ("shipping", "shipping", 5),
    ("slow", "billing", 400),
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
        Some(DemoFault::Slow) => &["slow", "shipping"],
        Some(DemoFault::Crash) => &["billing"],
        _ => &["billing", "shipping"],
    };
    let mut workers = Workers::default();
    for place in places {
        workers.start(place, url, LIVES)?;
    }
    let dashboard = demo.serve.then(|| serve(url, demo)).transpose()?;
    let mut text = said(url, demo.fault);
    if let Some((dashboard, token)) = &dashboard {
        let _ = write!(
            text,
            "\nThe dashboard: {}\nTo change something there: any name, and the password {token}\n",
            dashboard.url()
        );
    }
    context.output.raw(&text)?;
    let ends = demo.time.map(|time| Instant::now() + time);
    let mut number = 0_u64;
    while !context.is_interrupted() && ends.is_none_or(|ends| Instant::now() < ends) {
        number += 1;
        let order_id = format!("ORD-{number:06}");
        if demo.fault == Some(DemoFault::Poison) && number.is_multiple_of(POISON) {
            // A comma is no decimal point.
            let order = RawMessage::new().with("order_id", &order_id);
            raw.add(&order.with("amount", "12,50").with("copies", "1"))?;
        } else {
            let amount = f64::from(u32::try_from(number % 9_000).unwrap_or(0)) / 100.0;
            let is_killer = demo.fault == Some(DemoFault::Crash) && number == 100;
            let copies = if is_killer { KILLER } else { 1 };
            orders.add(&Order {
                order_id,
                amount,
                copies,
            })?;
        }
        workers.look_after(url)?;
        pause(EVERY);
    }
    if let Some((dashboard, _)) = dashboard {
        dashboard.stop();
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

/// The dashboard of the demonstration, and the token for its changes.
fn serve(url: &str, demo: &Demo) -> Outcome<(Dashboard, String)> {
    let failed = |why: String| Fault::new(Exit::Failed, why);
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|e| failed(format!("no random numbers: {e}")))?;
    let mut token = String::new();
    for byte in random {
        let _ = write!(token, "{byte:02x}");
    }
    let settings = Settings {
        listen: demo.listen,
        title: Some("demo".to_owned()),
        token: Some(Token::new(&token).map_err(failed)?),
        allow: Role::Admin,
        ..Settings::default()
    };
    settings.validate().map_err(Fault::usage)?;
    let redis = Redis::connect(ConnectionConfig::new(url)?)?;
    let started = Dashboard::start(redis, settings);
    let dashboard = started.map_err(|e| failed(format!("can't serve on {}: {e}", demo.listen)))?;
    Ok((dashboard, token))
}

fn said(url: &str, fault: Option<DemoFault>) -> String {
    let what = match fault {
        None => "Two groups keep up with a stream of orders.",
        Some(DemoFault::Crash) => {
            "The 100th order kills each process of the group `billing` that gets it."
        }
        Some(DemoFault::Slow) => "Handlers of the group `billing` are too slow: it falls behind.",
        Some(DemoFault::Poison) => "Every 20th order has an amount that can't be decoded.",
    };
    let url = shown(url.as_bytes());
    format!(
        "{what}\nLook at it from another terminal:\n\n  export REDIS_URL='{url}'\n  streamctl\n  \
         streamctl group ls {STREAM}\n  streamctl dlq ls {STREAM} --kinds\n\nCtrl-C ends it, and \
         leaves nothing.\n"
    )
}

/// The processes of consumers. They are killed when this is dropped.
#[derive(Default)]
struct Workers(Vec<Worker>);

struct Worker {
    child: Child,
    place: String,
    /// How often it may be started again.
    lives: u32,
}

impl Workers {
    fn start(&mut self, place: &str, url: &str, lives: u32) -> Outcome<()> {
        let failed = |e| Fault::new(Exit::Failed, format!("can't start a consumer: {e}"));
        let program = env::current_exe().map_err(failed)?;
        let child = Command::new(program)
            .args(["--url", url, "demo-worker", place])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        self.0.push(Worker {
            child,
            place: place.to_owned(),
            lives: lives.saturating_sub(1),
        });
        Ok(())
    }

    /// Starts processes that have died again, a few times.
    fn look_after(&mut self, url: &str) -> Outcome<()> {
        let has_died = |worker: &mut Worker| matches!(worker.child.try_wait(), Ok(Some(_)));
        let dead: Vec<Worker> = self.0.extract_if(.., has_died).collect();
        for worker in dead.into_iter().filter(|worker| worker.lives > 0) {
            self.start(&worker.place, url, worker.lives)?;
        }
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            let _ = worker.child.kill();
            let _ = worker.child.wait();
        }
    }
}

/// One consumer, until standard input ends.
pub(crate) fn work(context: &Context, place: &str) -> Outcome {
    let found = PLACES.iter().find(|(name, ..)| *name == place);
    let (_, group, takes) = found.ok_or_else(|| Fault::usage("there is no such role"))?;
    let takes = Duration::from_millis(*takes);
    let config = ConsumerConfig::new(STREAM)
        .group(*group)
        .consumer(place)
        .workers(2)
        .lease(LEASE)
        .retry(RetryPolicy::list([Duration::from_millis(200); RETRIES]))
        .on_undecodable(OnUndecodable::Bury);
    let manager = context.redis()?.manager();
    let consumer = manager.consume_fn::<Order>(place, config, move |order| {
        if order.copies == KILLER {
            process::exit(1);
        }
        thread::park_timeout(takes);
        Ok(())
    })?;
    let mut end = Vec::new();
    let _ = io::stdin().read_to_end(&mut end);
    drop(consumer);
    Ok(Exit::Done)
}
