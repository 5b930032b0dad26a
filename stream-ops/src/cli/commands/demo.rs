//! `demo`: something to look at.
//!
//! This process adds orders, and another one handles them, so that it may crash. With
//! `--fault crash` one order kills each process that gets it: after the third nobody is
//! alive, which is the outage of the README.

use std::env;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stream_lib::{
    ConsumerConfig, OnUndecodable, Producer, RawMessage, RetryPolicy, StreamConfig, StreamManager,
    StreamMessage,
};

use crate::cli::args::{Demo, Fault};
use crate::cli::context::{Context, pause};
use crate::cli::exit::{Exit, Fault as Failure, Outcome};
use crate::words::shown;

/// The stream and the group.
const STREAM: &str = "demo:orders";
const GROUP: &str = "billing";

/// Between two orders.
const EVERY: Duration = Duration::from_millis(50);

/// How often processes are started again that have crashed.
const LIVES: u32 = 3;

/// Short, so that the dead are noticed soon.
const LEASE: Duration = Duration::from_secs(2);

/// The order that kills a process.
const KILLER: u64 = 4_000_000_000;

#[derive(StreamMessage)]
#[stream(name = "demo:orders")]
struct Order {
    #[stream(rename = "order_id")]
    number: String,
    amount: f64,
    copies: u64,
}

pub(crate) fn run(context: &Context, args: &Demo) -> Outcome {
    if args.works {
        return work(context, args.fault);
    }
    let redis = context.redis()?;
    let facts = crate::observe::look_at(redis, STREAM)?;
    if facts.exists && !context.globals.yes {
        return Err(Failure::usage(format!(
            "the stream `{STREAM}` exists already at {}: with --yes the demo uses it, and removes \
             it at the end",
            shown(redis.address().as_bytes())
        )));
    }
    context.output.note(&format!(
        "streamctl: orders come into `{STREAM}`, and {GROUP} handles them. Look at them with \
         `streamctl --stream {STREAM}`; Ctrl-C ends it and removes the stream."
    ));
    context.end_between_steps();
    let mut crew = Crew::start(context, args.fault)?;
    let until = args.time.map(|time| Instant::now() + time);
    let manager = redis.manager();
    manager.create_simple_producer(STREAM, StreamConfig::new(STREAM))?;
    let broken: Producer<RawMessage> = manager.producer(STREAM)?;
    let mut number = 0;
    while !context.is_interrupted() && until.is_none_or(|until| Instant::now() < until) {
        add(manager, &broken, args.fault, number)?;
        number += 1;
        crew.look_after(context)?;
        pause(EVERY);
    }
    crew.end();
    manager.remove_producer(STREAM)?;
    clean_up(context, manager)?;
    context.output.raw(&format!(
        "{number} orders were added; `{STREAM}` is removed.\n"
    ))?;
    Ok(if context.is_interrupted() {
        Exit::Interrupted
    } else {
        Exit::Done
    })
}

/// The handling process is told to end; until its sign of life has lapsed the stream is in
/// use.
fn clean_up(context: &Context, manager: &StreamManager) -> Outcome<()> {
    let until = Instant::now() + 5 * LEASE;
    loop {
        match manager.delete_stream(STREAM) {
            Err(e) if e.kind() == stream_lib::ErrorKind::InUse && Instant::now() < until => {
                pause(EVERY);
            }
            Err(e) => {
                context
                    .output
                    .note(&format!("streamctl: `{STREAM}` could not be removed: {e}"));
                return Ok(());
            }
            Ok(_) => return Ok(()),
        }
    }
}

fn add(
    manager: &StreamManager,
    broken: &Producer<RawMessage>,
    fault: Option<Fault>,
    number: u64,
) -> Outcome<()> {
    let order_id = format!("A-{number}");
    if fault == Some(Fault::Poison) && number % 25 == 24 {
        // A comma is no decimal point.
        let order = RawMessage::new()
            .with("order_id", &order_id)
            .with("amount", "12,50")
            .with("copies", "1");
        broken.add(&order)?;
        return Ok(());
    }
    let is_killer = fault == Some(Fault::Crash) && number == 100;
    manager.add(&Order {
        number: order_id,
        amount: 12.5,
        copies: if is_killer { KILLER } else { 1 },
    })?;
    Ok(())
}

/// The process that handles orders, and those that take its place.
struct Crew {
    child: Option<Child>,
    fault: Option<Fault>,
    lives: u32,
}

impl Crew {
    fn start(context: &Context, fault: Option<Fault>) -> Outcome<Self> {
        let mut crew = Self {
            child: None,
            fault,
            lives: LIVES,
        };
        crew.hire(context)?;
        Ok(crew)
    }

    fn hire(&mut self, context: &Context) -> Outcome<()> {
        let failed = |e: std::io::Error| {
            Failure::new(
                Exit::Failed,
                format!("can't start a process that handles orders: {e}"),
            )
        };
        let mut command = Command::new(env::current_exe().map_err(failed)?);
        if let Some(url) = &context.globals.url {
            // Not as an argument, which all users of the machine may see.
            command.env("REDIS_URL", url);
        }
        command.args(["demo", "--works", "--quiet"]);
        if let Some(fault) = self.fault {
            command.args(["--fault", fault.as_str()]);
        }
        let started = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.child = Some(started.spawn().map_err(failed)?);
        self.lives -= 1;
        Ok(())
    }

    /// Starts another process where one has crashed, a few times.
    fn look_after(&mut self, context: &Context) -> Outcome<()> {
        let has_ended = match &mut self.child {
            Some(child) => child.try_wait()?.is_some(),
            None => false,
        };
        if has_ended {
            self.child = None;
            if self.lives > 0 {
                context
                    .output
                    .note("streamctl: a process has crashed; the next one starts");
                self.hire(context)?;
            } else {
                context
                    .output
                    .note("streamctl: a process has crashed; that was the last one");
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the other process does.
fn work(context: &Context, fault: Option<Fault>) -> Outcome {
    let config = ConsumerConfig::new(STREAM)
        .group(GROUP)
        .workers(2)
        .lease(LEASE)
        .retry(RetryPolicy::exponential(Duration::from_secs(1)))
        .on_undecodable(OnUndecodable::Bury);
    let manager = context.redis()?.manager();
    context.end_between_steps();
    manager.consume_fn::<Order>(GROUP, config, move |order| {
        if order.copies >= KILLER {
            std::process::abort();
        }
        if fault == Some(Fault::Slow) {
            pause(Duration::from_secs(1));
        }
        let _ = (&order.number, order.amount);
        Ok(())
    })?;
    // Whoever has started it ends it.
    while !context.is_interrupted() {
        pause(EVERY);
    }
    manager.shutdown();
    Ok(Exit::Done)
}
