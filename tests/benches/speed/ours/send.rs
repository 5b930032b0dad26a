//! Typed sends by a simple producer from one thread, each with its receipt.

use stream_lib::{Producer, Receipt, StreamConfig, StreamMessage};

use super::add::CALL;
use crate::message::{Order, Payload};
use crate::rig::Rig;
use crate::{Readings, Result};

/// Orders of four fields.
pub(crate) fn orders(rig: &Rig) -> Result<Readings> {
    let (rate, server_cpu) = all(rig, rig.plan.bulk, &Order::numbers(CALL))?;
    Ok(vec![("send_per_s", rate), ("send_server_cpu", server_cpu)])
}

/// Payloads of one field, in the number that the peer sends.
pub(crate) fn payloads(rig: &Rig) -> Result<Readings> {
    let payloads = vec![Payload::new(); CALL];
    let (rate, _) = all(rig, rig.plan.slow * 3, &payloads)?;
    Ok(vec![("send_payload_per_s", rate)])
}

/// Sends messages in turn, and waits for every receipt. Returns their rate, and the load
/// of the server.
fn all<M: StreamMessage>(rig: &Rig, count: usize, messages: &[M]) -> Result<(f64, f64)> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    manager.create_simple_producer("bench", StreamConfig::new(&stream.name))?;
    let producer: Producer<M> = manager.producer("bench")?;
    let mut receipts = Vec::with_capacity(count);
    let watch = rig.watch()?;
    for message in messages.iter().cycle().take(count) {
        receipts.push(producer.send(message)?);
    }
    receipts
        .into_iter()
        .try_for_each(|receipt: Receipt| receipt.wait().map(drop))?;
    let spent = watch.stop()?;
    stream.must_have(count)?;
    Ok((count as f64 / spent.wall, spent.server_cpu / spent.wall))
}
