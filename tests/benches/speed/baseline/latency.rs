//! The bare blocking loop whose latency ours is compared with: one thread adds,
//! one reads, both with the redis crate.

use std::thread;

use redis::Commands;

use super::bare;
use crate::message::Order;
use crate::ours::latency::{Times, at_a_steady_rate};
use crate::rig::Rig;
use crate::{Readings, Result};

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let count = rig.plan.timed;
    let orders = Order::numbers(count);
    let stream = rig.stream();
    let make = ["XGROUP", "CREATE", &stream.name, "timed", "0", "MKSTREAM"];
    rig.server().try_command::<String>(&make)?;
    let times = Times::new(count);
    let mut writer = bare::connect(rig)?;
    let mut reader = bare::connect(rig)?;
    thread::scope(|scope| {
        let reading = scope.spawn(|| -> Result<()> {
            let mut seen = 0;
            while seen < count {
                let (ids, read) = bare::read_orders(&mut reader, &stream.name, "timed", 100)?;
                for order in &read {
                    times.seen(order.which());
                }
                if ids.is_empty() {
                    return Err("nothing came for a second".into());
                }
                seen += reader.xack::<_, _, _, usize>(&stream.name, "timed", &ids)?;
            }
            Ok(())
        });
        at_a_steady_rate(&orders, |order| {
            times.sent(order.which());
            bare::add_order(&mut writer, &stream.name, order)?;
            Ok(())
        })?;
        crate::ours::join(vec![reading])
    })?;
    Ok(vec![
        ("bare_latency_p50_us", times.percentile(0.50)?),
        ("bare_latency_p99_us", times.percentile(0.99)?),
    ])
}
