//! Consume and produce in one step: each order is passed on to another stream.

use super::commands::Commands;
use super::consume::config;
use super::until_completed;
use crate::message::Order;
use crate::rig::{ORDERS, Rig};
use crate::{Readings, Result};

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let group = rig.group(ORDERS)?;
    let stream = rig.stream();
    let manager = rig.manager()?;
    let name = stream.name.clone();
    let config = config(group.stream, &group.name);
    let before = Commands::of(rig)?;
    let watch = rig.watch()?;
    let consumer = manager.consume_fn::<Order>("bench", config, move |order| {
        order.produce_to(&name, order.message())?;
        Ok(())
    })?;
    let completed = until_completed(&consumer, rig.plan.bulk / 4)?;
    let spent = watch.stop()?;
    let after = Commands::of(rig)?;
    manager.shutdown();
    if stream.len()? < completed {
        return Err(format!("{} of {completed} outputs", stream.len()?).into());
    }
    let entries = completed as f64;
    Ok(vec![
        ("emit_per_s", entries / spent.wall),
        // Of the step alone, without the reads.
        (
            "emit_server_us",
            (after.script_micros - before.script_micros) / entries,
        ),
        ("emit_whole_server_us", spent.server_cpu * 1e6 / entries),
    ])
}
