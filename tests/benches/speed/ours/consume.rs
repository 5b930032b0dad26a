//! Typed consumption: decoded to the struct, a handler that does nothing, two
//! workers, everything acknowledged.

use std::hint::black_box;

use stream_lib::ConsumerConfig;

use super::until_completed;
use crate::message::Order;
use crate::rig::{Group, ORDERS, Rig, Spent};
use crate::{Readings, Result};

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let group = rig.group(ORDERS)?;
    let (entries, spent) = consume(rig, &group, rig.plan.bulk)?;
    let entries = entries as f64;
    Ok(vec![
        ("consume_per_s", entries / spent.wall),
        ("consume_server_cpu", spent.server_cpu / spent.wall),
        ("consume_server_us", spent.server_cpu * 1e6 / entries),
        ("client_us_per_message", spent.client_cpu * 1e6 / entries),
    ])
}

/// Consumes so many entries, from the call that starts the consumer to the last
/// confirmed acknowledgement.
pub(super) fn consume(rig: &Rig, group: &Group<'_>, count: usize) -> Result<(usize, Spent)> {
    let manager = rig.manager()?;
    let config = config(group.stream, &group.name);
    let watch = rig.watch()?;
    let consumer = manager.consume_fn::<Order>("bench", config, |order| {
        black_box(&**order);
        Ok(())
    })?;
    let completed = until_completed(&consumer, count)?;
    let spent = watch.stop()?;
    manager.shutdown();
    Ok((completed, spent))
}

pub(super) fn config(stream: &str, group: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream).group(group).workers(2)
}
