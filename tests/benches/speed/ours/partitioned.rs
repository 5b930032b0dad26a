//! The same on a stream of sixteen partitions, all on one server.

use std::hint::black_box;

use stream_lib::StreamConfig;

use super::add::{BATCH, CALL};
use super::{all_added, consume, until_completed};
use crate::message::Order;
use crate::rig::{PARTITIONED, PARTITIONS, Rig, partition};
use crate::{Readings, Result};

/// As `add_all`. Messages without a key go round robin, by batch.
pub(crate) fn add_all(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    let config = StreamConfig::new(&stream.name)
        .batch_size(BATCH)
        .partitions(PARTITIONS);
    manager.create_simple_producer("bench", config)?;
    let producer = manager.producer::<Order>("bench")?;
    let orders = Order::numbers(CALL);
    let calls = rig.plan.bulk / CALL;
    let watch = rig.watch()?;
    for _ in 0..calls {
        all_added(producer.add_all(&orders))?;
    }
    let spent = watch.stop()?;
    let messages = calls * CALL;
    let there = stream.len_of(PARTITIONS)?;
    if there != messages {
        return Err(format!("{there} of {messages} entries are in the partitions").into());
    }
    Ok(vec![(
        "partitioned_add_all_per_s",
        messages as f64 / spent.wall,
    )])
}

/// As `consume_orders`.
pub(crate) fn consume(rig: &Rig) -> Result<Readings> {
    let group = rig.partitioned_group()?;
    let manager = rig.manager()?;
    let config = consume::config(PARTITIONED, &group);
    let watch = rig.watch()?;
    let consumer = manager.consume_fn::<Order>("bench", config, |message| {
        black_box(&**message);
        Ok(())
    })?;
    let completed = until_completed(&consumer, rig.plan.bulk)?;
    let spent = watch.stop()?;
    manager.shutdown();
    for number in 0..PARTITIONS {
        let stream = partition(PARTITIONED, number);
        let destroy = ["XGROUP", "DESTROY", &stream, &group];
        rig.server().try_command::<i64>(&destroy)?;
    }
    Ok(vec![(
        "partitioned_consume_per_s",
        completed as f64 / spent.wall,
    )])
}
