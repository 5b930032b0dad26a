//! Typed adds by a backup producer, with room in the main stream.

use stream_lib::{BackupStreamConfig, StreamConfig};

use super::add::CALL;
use super::{THREADS, add_by_many, all_added};
use crate::message::Order;
use crate::rig::Rig;
use crate::{Readings, Result};

const BATCH: usize = 50;

/// More than is ever added here.
const CAPACITY: u64 = 100_000_000;

pub(crate) fn in_batches(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    manager.create_backup_producer("bench", config(&stream.name))?;
    let producer = manager.producer::<Order>("bench")?;
    let orders = Order::numbers(CALL);
    let calls = (rig.plan.bulk / 2).div_ceil(CALL);
    let watch = rig.watch()?;
    for _ in 0..calls {
        all_added(producer.add_all(&orders))?;
    }
    let spent = watch.stop()?;
    stream.must_have(calls * CALL)?;
    let messages = (calls * CALL) as f64;
    Ok(vec![
        ("routed_batch_per_s", messages / spent.wall),
        ("routed_batch_server_cpu", spent.server_cpu / spent.wall),
        ("routed_batch_server_us", spent.server_cpu * 1e6 / messages),
    ])
}

pub(crate) fn from_one_thread(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    manager.create_backup_producer("bench", config(&stream.name))?;
    let orders = Order::numbers(rig.plan.single);
    let watch = rig.watch()?;
    for order in &orders {
        manager.add_to("bench", order)?;
    }
    let spent = watch.stop()?;
    stream.must_have(orders.len())?;
    Ok(vec![(
        "routed_1_thread_per_s",
        orders.len() as f64 / spent.wall,
    )])
}

pub(crate) fn from_64_threads(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    manager.create_backup_producer("bench", config(&stream.name))?;
    let producer = manager.producer::<Order>("bench")?;
    let share = rig.plan.crowd / THREADS;
    let orders = Order::numbers(share);
    let watch = rig.watch()?;
    add_by_many(&producer, &orders)?;
    let spent = watch.stop()?;
    stream.must_have(share * THREADS)?;
    Ok(vec![(
        "routed_64_threads_per_s",
        (share * THREADS) as f64 / spent.wall,
    )])
}

fn config(stream: &str) -> BackupStreamConfig {
    StreamConfig::new(stream)
        .batch_size(BATCH)
        .max_length(CAPACITY)
        .into()
}
