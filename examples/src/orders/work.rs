//! `orders work`.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use stream_lib::{Consumer, ConsumerConfig, RateLimit, RetryPolicy, StreamManager};

use super::args::WorkArgs;
use super::handler::{OrderHandler, panic_in_one_line};
use super::idle::Idle;
use crate::StopSignal;

/// The time between two looks of the main thread for an end.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn run(args: &WorkArgs) -> anyhow::Result<()> {
    panic_in_one_line();
    // Before anything else, so that no signal is missed.
    let signal = StopSignal::catch().context("catching signals")?;
    let handler = OrderHandler::new(args)?;
    let (_server, manager) = crate::connect()?;
    let consumer = manager.consume("order_consumer", config(args), handler)?;
    wait_for_the_end(&signal, &manager, &consumer, args.exit_when_idle);
    // Before the stop, which must not count as a failure.
    let failure = consumer.failure();
    let report = manager.shutdown();
    let stats = consumer.stats();
    writeln!(
        io::stdout(),
        "completed {} failed {} dead {} released {}",
        stats.completed,
        stats.failed,
        stats.dead,
        stats.given_back
    )?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    if report.still_running > 0 {
        bail!(
            "{} handlers still ran when the grace was over",
            report.still_running
        );
    }
    Ok(())
}

fn config(args: &WorkArgs) -> ConsumerConfig {
    let ms = Duration::from_millis;
    let retry = RetryPolicy::exponential(ms(args.backoff_ms)).max_deliveries(args.max_deliveries);
    let mut config = ConsumerConfig::new(&args.stream)
        .workers(args.workers)
        .read_count(args.read_count)
        .lease(ms(args.lease_ms))
        .grace(ms(args.grace_ms))
        .drain_backup(!args.no_drain)
        .retry(retry);
    if let Some(rate) = args.rate {
        config = config.rate_limit(RateLimit::per_second(rate));
    }
    if let Some(group) = &args.group {
        config = config.group(group);
    }
    if let Some(label) = &args.consumer {
        config = config.consumer(label);
    }
    config
}

/// Waits for a signal, for idleness, or for the error that ended the consumer.
fn wait_for_the_end(
    signal: &StopSignal,
    manager: &StreamManager,
    consumer: &Consumer,
    exit_when_idle: Option<u64>,
) {
    let mut idle = exit_when_idle.map(|ms| Idle::new(Duration::from_millis(ms)));
    while consumer.is_running() {
        if signal.comes_within(LOOK) {
            return;
        }
        if let Some(idle) = &mut idle
            && idle.is_over(manager, consumer)
        {
            return;
        }
    }
}
