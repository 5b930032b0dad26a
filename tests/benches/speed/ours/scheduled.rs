//! Scheduled messages: scheduled one by one, added by the promoter when they are due, and
//! the cost of a stream while they wait.

use std::time::{Duration, Instant};

use stream_lib::{StreamConfig, StreamManager};

use super::commands::Commands;
use super::rest;
use crate::message::Order;
use crate::rig::{Rig, Stream};
use crate::{Readings, Result};

/// Long after the measurement.
const LATER: Duration = Duration::from_hours(1);

/// A promoter without progress for this long has stopped.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the requests of an idle process are counted.
const IDLE: Duration = Duration::from_secs(5);

/// Schedules messages from one thread, one at a time, then has all of them due at once.
pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    let count = rig.plan.single;
    let watch = rig.watch()?;
    schedule(&manager, &stream, count)?;
    let added = watch.stop()?;
    // In the order of their ids, as if each had been scheduled for 1970.
    let due = format!("{{{}}}:due", stream.name);
    let all_due = ["ZUNIONSTORE", &due, "1", &due, "WEIGHTS", "0"];
    let watch = rig.watch()?;
    rig.server().try_command::<i64>(&all_due)?;
    let started = Instant::now();
    while stream.len()? < count {
        if started.elapsed() > PATIENCE {
            return Err(format!("stands still at {} of {count}", stream.len()?).into());
        }
        rest(Duration::from_millis(50));
    }
    let promoted = watch.stop()?;
    manager.shutdown();
    let messages = count as f64;
    Ok(vec![
        ("scheduled_add_per_s", messages / added.wall),
        ("scheduled_add_server_us", added.server_cpu * 1e6 / messages),
        ("promote_us", promoted.server_cpu * 1e6 / messages),
    ])
}

/// The requests of a process, and the time of the server's commands, while only a
/// scheduled message waits.
pub(crate) fn idle(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    schedule(&manager, &stream, 1)?;
    // The first looks are behind it.
    rest(Duration::from_secs(1));
    let (before, started) = (Commands::of(rig)?, Instant::now());
    rest(IDLE);
    let (after, seconds) = (Commands::of(rig)?, started.elapsed().as_secs_f64());
    manager.shutdown();
    Ok(vec![
        (
            "idle_scheduled_requests_per_s",
            (after.calls - before.calls) / seconds,
        ),
        (
            "idle_scheduled_server_us_per_s",
            (after.micros - before.micros) / seconds,
        ),
    ])
}

fn schedule(manager: &StreamManager, stream: &Stream<'_>, count: usize) -> Result<()> {
    manager.create_simple_producer("bench", StreamConfig::new(&stream.name))?;
    let producer = manager.producer::<Order>("bench")?;
    for order in &Order::numbers(count) {
        producer.with(order).after(LATER).add()?;
    }
    Ok(())
}
