//! Typed adds by a simple producer: many at once, one by one, and one by one
//! from many threads.

use stream_lib::StreamConfig;

use super::{THREADS, add_by_many, all_added};
use crate::message::Order;
use crate::rig::Rig;
use crate::{Readings, Result};

/// Messages that go out together.
pub(super) const BATCH: usize = 128;

/// Messages of one call.
pub(super) const CALL: usize = 10_000;

/// One thread, ids returned.
pub(crate) fn add_all(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    let config = StreamConfig::new(&stream.name).batch_size(BATCH);
    manager.create_simple_producer("bench", config)?;
    let producer = manager.producer::<Order>("bench")?;
    let orders = Order::numbers(CALL);
    let calls = rig.plan.bulk / CALL;
    let watch = rig.watch()?;
    for _ in 0..calls {
        all_added(producer.add_all(&orders))?;
    }
    let spent = watch.stop()?;
    stream.must_have(calls * CALL)?;
    let messages = (calls * CALL) as f64;
    Ok(vec![
        ("add_all_per_s", messages / spent.wall),
        ("add_all_server_cpu", spent.server_cpu / spent.wall),
        ("add_all_server_us", spent.server_cpu * 1e6 / messages),
        ("add_all_client_us", spent.client_cpu * 1e6 / messages),
    ])
}

pub(crate) fn from_one_thread(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    manager.create_simple_producer("bench", StreamConfig::new(&stream.name))?;
    let orders = Order::numbers(rig.plan.single);
    let watch = rig.watch()?;
    for order in &orders {
        manager.add_to("bench", order)?;
    }
    let spent = watch.stop()?;
    stream.must_have(orders.len())?;
    Ok(vec![(
        "add_1_thread_per_s",
        orders.len() as f64 / spent.wall,
    )])
}

pub(crate) fn from_64_threads(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    manager.create_simple_producer("bench", StreamConfig::new(&stream.name))?;
    let producer = manager.producer::<Order>("bench")?;
    let share = rig.plan.crowd / THREADS;
    let orders = Order::numbers(share);
    let watch = rig.watch()?;
    add_by_many(&producer, &orders)?;
    let spent = watch.stop()?;
    stream.must_have(share * THREADS)?;
    Ok(vec![(
        "add_64_threads_per_s",
        (share * THREADS) as f64 / spent.wall,
    )])
}
