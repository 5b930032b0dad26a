//! Compares what was confirmed with what was done and what Redis has.

use std::collections::HashMap;
use std::time::Duration;

use redis::streams::StreamRangeReply;

use super::args::Args;
use super::done::Done;
use super::fleet::{Fleet, Record};
use super::ledger::Fate;
use super::report::{Consumers, Orders, Report};
use super::{Left, Outcome, STREAM, Scene};

/// How far back a fault may be the cause of something.
const LATELY: Duration = Duration::from_secs(15);
/// How long a connection that fell silent is waited for. What was read on it is the
/// consumer's in Redis, and known to nobody until it is fetched: a stop that comes
/// before that leaves the entries to others, and the consumer with them.
const SILENCE: Duration = Duration::from_secs(6);
/// Most names in one line of the report.
const NAMES: usize = 20;

pub(super) fn judge(
    args: &Args,
    seed: u64,
    scene: &Scene,
    fleet: &Fleet<'_>,
    done: &Done,
    left: &Left,
) -> Outcome<Report> {
    let record = &fleet.record;
    let mut failures = record.failures.clone();
    let orders = orders(scene, done, &mut failures)?;
    let consumers = consumers(scene, record, left, &mut failures)?;
    look_at_rest(scene, left, &mut failures);
    look_at_workers(record, done, &mut failures);
    for line in &done.garbled {
        failures.push(format!("a line of a worker can't be read: {line:?}"));
    }
    Ok(Report::new(
        args, seed, scene, record, done, left, &orders, &consumers, failures,
    ))
}

/// Every confirmed order must be in the stream, once, and done.
fn orders(scene: &Scene, done: &Done, failures: &mut Vec<String>) -> Outcome<Orders> {
    let stream = stream(scene)?;
    let mut orders = Orders::default();
    let (mut missing, mut not_written, mut written) = (vec![], vec![], vec![]);
    for (order, fate) in scene.ledger.fates() {
        let landed = stream.contains_key(&order);
        let completed = done.orders.contains_key(&order);
        orders.missing += u64::from(landed && !completed);
        if landed && !completed {
            missing.push(order.clone());
        }
        match fate {
            Fate::Confirmed => {
                orders.confirmed += 1;
                if !landed {
                    not_written.push(order);
                }
            }
            Fate::Unknown => {
                orders.unknown += 1;
                orders.unknown_landed += u64::from(landed);
            }
            Fate::Refused => {
                orders.refused += 1;
                if landed || completed {
                    written.push(order);
                }
            }
        }
    }
    let twice = stream.iter().filter(|(_, times)| **times > 1);
    let twice = twice.map(|(order, _)| order.clone()).collect();
    for (what, names) in [
        ("in the stream and never completed", missing),
        ("confirmed and not in the stream", not_written),
        ("refused by `add` and yet in the stream", written),
        ("more than once in the stream", twice),
    ] {
        if !names.is_empty() {
            failures.push(format!(
                "{} orders are {what}: {}",
                names.len(),
                some(&names)
            ));
        }
    }
    Ok(orders)
}

/// The orders in the stream, and how often each is there.
fn stream(scene: &Scene) -> Outcome<HashMap<String, u32>> {
    let mut connection = scene.redis.master().connect()?;
    let mut orders = HashMap::new();
    let mut start = "-".to_owned();
    loop {
        let mut command = redis::cmd("XRANGE");
        command.arg(STREAM).arg(&start).arg("+");
        let range: StreamRangeReply = command.arg("COUNT").arg(1_000).query(&mut connection)?;
        let Some(last) = range.ids.last() else {
            return Ok(orders);
        };
        start = format!("({}", last.id);
        for entry in &range.ids {
            let order = entry.get::<String>("order_id").unwrap_or_default();
            *orders.entry(order).or_default() += 1;
        }
    }
}

/// Workers that ended in order must have left the group, unless Redis was out
/// of their reach at that moment.
fn consumers(
    scene: &Scene,
    record: &Record,
    left: &Left,
    failures: &mut Vec<String>,
) -> Outcome<Consumers> {
    let mut connection = scene.redis.master().connect()?;
    let mut command = redis::cmd("XINFO");
    command.arg("CONSUMERS").arg(STREAM).arg(&left.group.name);
    let infos: Vec<HashMap<String, redis::Value>> = command.query(&mut connection)?;
    let mut consumers = Consumers::default();
    let mut without_reason = Vec::new();
    for info in infos {
        let name = info.get("name").cloned().unwrap_or(redis::Value::Nil);
        let name: String = redis::from_redis_value(name)?;
        // A random part follows the label.
        let label = name.rsplit_once('-').map_or(&*name, |(label, _)| label);
        let stopped = record.stopped.iter().find(|life| life.label == label);
        if name.starts_with('~') {
            consumers.waiting |= name == "~waiting";
        } else if record.killed.iter().any(|killed| killed == label) {
            consumers.of_killed += 1;
        } else if stopped.is_some_and(|life| {
            let from = life.from.saturating_sub(SILENCE);
            scene.journal.redis_was_away(from, life.to)
        }) {
            consumers.of_cut_off += 1;
        } else {
            without_reason.push(match stopped {
                Some(life) => format!(
                    "{name}, stopped from {:.1} to {:.1} s after {:?}:\n{}\n",
                    life.from.as_secs_f64(),
                    life.to.as_secs_f64(),
                    scene
                        .journal
                        .during(life.from.saturating_sub(LATELY), life.to),
                    life.last_words
                ),
                None => name,
            });
        }
    }
    if !without_reason.is_empty() {
        failures.push(format!(
            "{} consumers stay behind without reason: {}",
            without_reason.len(),
            some(&without_reason)
        ));
    }
    Ok(consumers)
}

fn look_at_rest(scene: &Scene, left: &Left, failures: &mut Vec<String>) {
    if !left.drained {
        let pending = ["XPENDING", STREAM, &left.group.name, "-", "+", "10"];
        let pending = scene.redis.master().try_command::<redis::Value>(&pending);
        failures.push(format!(
            "not drained after {:.0?}: unread {:?}, pending {}, waiting {}: {pending:?}",
            left.took, left.group.unread, left.group.pending, left.group.waiting
        ));
    }
    if left.stats.dead > 0 {
        failures.push(format!("{} dead letters", left.stats.dead));
    }
}

fn look_at_workers(record: &Record, done: &Done, failures: &mut Vec<String>) {
    for line in record.logs.alarming.iter().take(NAMES) {
        failures.push(format!("alarming: {line}"));
    }
    for life in &record.stopped {
        // An acknowledged order is one whose line was written before.
        let prefix = format!("{}-", life.label);
        let mut names = done.by_consumer.iter();
        let lines = names.find(|(name, _)| name.starts_with(&prefix));
        let lines = lines.map_or(0, |(_, lines)| *lines);
        if life.totals.completed > lines {
            failures.push(format!(
                "{} says that it completed {}, and has {lines} lines",
                life.label, life.totals.completed
            ));
        }
    }
}

fn some(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    if names.len() > NAMES {
        text.push_str(" …");
    }
    text
}
