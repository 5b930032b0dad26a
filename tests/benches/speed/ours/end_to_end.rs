//! Producing and consuming at once, against one server.

use std::hint::black_box;
use std::thread;

use stream_lib::StreamConfig;

use super::add::{BATCH, CALL};
use super::{all_added, consume, join, until_completed};
use crate::message::Order;
use crate::rig::Rig;
use crate::{Readings, Result};

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let manager = rig.manager()?;
    let config = StreamConfig::new(&stream.name).batch_size(BATCH);
    manager.create_simple_producer("bench", config)?;
    let producer = manager.producer::<Order>("bench")?;
    let orders = Order::numbers(CALL);
    let calls = rig.plan.bulk / CALL;
    let config = consume::config(&stream.name, "bench");
    let watch = rig.watch()?;
    let consumer = manager.consume_fn::<Order>("bench", config, |order| {
        black_box(&**order);
        Ok(())
    })?;
    let completed = thread::scope(|scope| {
        let adding = scope.spawn(|| -> Result<()> {
            for _ in 0..calls {
                all_added(producer.add_all(&orders))?;
            }
            Ok(())
        });
        let completed = until_completed(&consumer, calls * CALL);
        join([adding]).and(completed)
    })?;
    let spent = watch.stop()?;
    manager.shutdown();
    Ok(vec![
        ("end_to_end_per_s", completed as f64 / spent.wall),
        ("end_to_end_server_cpu", spent.server_cpu / spent.wall),
    ])
}
