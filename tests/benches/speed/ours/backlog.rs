//! Consuming from a big backlog: as fast as from a small one, in little memory.

use std::env;
use std::hint::black_box;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use stream_lib::StreamManager;
use stream_tests::Usage;

use super::{consume, rest, until_completed};
use crate::message::Order;
use crate::rig::{BACKLOG, ORDERS, Rig};
use crate::{Readings, Result};

/// As many entries as [`consume::orders`] reads, out of ten times as many.
pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    if rig.plan.backlog.is_none() {
        return Err("not measured in a short trial".into());
    }
    let group = rig.group(BACKLOG)?;
    let (entries, spent) = consume::consume::<Order>(rig, &group, rig.plan.bulk)?;
    let entries = entries as f64;
    Ok(vec![
        ("backlog_consume_per_s", entries / spent.wall),
        (
            "backlog_consume_server_us",
            spent.server_cpu * 1e6 / entries,
        ),
    ])
}

/// The most memory that a process of its own has while it consumes.
pub(crate) fn memory(rig: &Rig) -> Result<Readings> {
    let (stream, count) = match rig.plan.backlog {
        Some(_) => (BACKLOG, rig.plan.bulk * 2),
        None => (ORDERS, rig.plan.bulk),
    };
    let group = rig.group(stream)?;
    let mut child = Command::new(env::current_exe()?)
        .args(["consume", &rig.server().url(), stream, &group.name])
        .arg(count.to_string())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Some(usage) = Usage::of(child.id()) {
            most = most.max(usage.resident);
        }
        rest(Duration::from_millis(10));
    };
    if !status.success() {
        let mut error = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut error)?;
        }
        return Err(format!("the consuming process has failed: {error}").into());
    }
    Ok(vec![("rss_mib", most as f64 / f64::from(1 << 20))])
}

/// The work of that process.
pub(crate) fn consume_here(url: &str, stream: &str, group: &str, count: usize) -> Result<()> {
    let manager = StreamManager::connect(url)?;
    let config = consume::config(stream, group);
    let consumer = manager.consume_fn::<Order>("bench", config, |order| {
        black_box(&**order);
        Ok(())
    })?;
    until_completed(&consumer, count)?;
    manager.shutdown();
    Ok(())
}
