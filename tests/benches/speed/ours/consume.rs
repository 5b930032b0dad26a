//! Typed consumption: decoded to the struct, a handler that does nothing, two
//! workers, everything acknowledged.

use std::hint::black_box;

use stream_lib::ConsumerConfig;
use stream_lib::prelude::OwnedMessage;

use super::until_completed;
use crate::message::{Order, Payload};
use crate::rig::{Group, ORDERS, PAYLOADS, Rig, Spent};
use crate::{Readings, Result};

/// Three times the default: for streams with so many entries.
const READ_COUNT: usize = 384;

/// Orders of four fields.
pub(crate) fn orders(rig: &Rig) -> Result<Readings> {
    let group = rig.group(ORDERS)?;
    let (entries, spent) = consume::<Order>(rig, &group, rig.plan.bulk)?;
    let entries = entries as f64;
    Ok(vec![
        ("consume_per_s", entries / spent.wall),
        ("consume_server_cpu", spent.server_cpu / spent.wall),
        ("consume_server_us", spent.server_cpu * 1e6 / entries),
        ("client_us_per_message", spent.client_cpu * 1e6 / entries),
    ])
}

/// Payloads of one field: the stream that the peer reads.
pub(crate) fn payloads(rig: &Rig) -> Result<Readings> {
    let group = rig.group(PAYLOADS)?;
    let (entries, spent) = consume::<Payload>(rig, &group, rig.plan.bulk)?;
    Ok(vec![("consume_payload_per_s", entries as f64 / spent.wall)])
}

/// Consumes `count` entries, from the call that starts the consumer to the last confirmed
/// acknowledgement.
pub(super) fn consume<M: OwnedMessage + 'static>(
    rig: &Rig,
    group: &Group<'_>,
    count: usize,
) -> Result<(usize, Spent)> {
    let manager = rig.manager()?;
    let config = config(group.stream, &group.name);
    let watch = rig.watch()?;
    let consumer = manager.consume_fn::<M>("bench", config, |message| {
        black_box(&**message);
        Ok(())
    })?;
    let completed = until_completed(&consumer, count)?;
    let spent = watch.stop()?;
    manager.shutdown();
    Ok((completed, spent))
}

pub(super) fn config(stream: &str, group: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream)
        .group(group)
        .workers(2)
        .read_count(READ_COUNT)
}
