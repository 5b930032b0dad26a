//! From before the call that adds a message to its handler, at 1,000 messages a
//! second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stream_lib::StreamConfig;

use super::{consume, rest, until_completed};
use crate::message::Order;
use crate::rig::Rig;
use crate::{Readings, Result};

const PAUSE: Duration = Duration::from_millis(1);

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let orders = Order::numbers(rig.plan.timed);
    let stream = rig.stream();
    let times = Arc::new(Times::new(orders.len()));
    let manager = rig.manager()?;
    manager.create_simple_producer("bench", StreamConfig::new(&stream.name))?;
    let producer = manager.producer::<Order>("bench")?;
    let seen = Arc::clone(&times);
    let config = consume::config(&stream.name, "timed");
    let consumer = manager.consume_fn::<Order>("bench", config, move |order| {
        seen.seen(order.which());
        Ok(())
    })?;
    at_a_steady_rate(&orders, |order| {
        times.sent(order.which());
        producer.add(order)?;
        Ok(())
    })?;
    until_completed(&consumer, orders.len())?;
    manager.shutdown();
    Ok(vec![
        ("latency_p50_us", times.percentile(0.50)?),
        ("latency_p99_us", times.percentile(0.99)?),
    ])
}

/// Sends a message every millisecond. Lost time is not made up for.
pub(crate) fn at_a_steady_rate(
    orders: &[Order],
    mut send: impl FnMut(&Order) -> Result<()>,
) -> Result<()> {
    for order in orders {
        let next = Instant::now() + PAUSE;
        send(order)?;
        rest(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// The times at which each message was sent, and first seen by its handler.
#[derive(Debug)]
pub(crate) struct Times {
    began: Instant,
    /// In nanoseconds since then; 0 for not yet.
    each: Vec<(AtomicU64, AtomicU64)>,
}

impl Times {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            began: Instant::now(),
            each: (0..count).map(|_| Default::default()).collect(),
        }
    }

    pub(crate) fn sent(&self, which: usize) {
        if let Some((sent, _)) = self.each.get(which) {
            sent.store(self.now(), Ordering::Release);
        }
    }

    pub(crate) fn seen(&self, which: usize) {
        if let Some((_, seen)) = self.each.get(which) {
            let now = self.now();
            // A repeat doesn't count.
            let _ = seen.compare_exchange(0, now, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// In microseconds. Every message must have arrived.
    pub(crate) fn percentile(&self, part: f64) -> Result<f64> {
        let mut ways = Vec::with_capacity(self.each.len());
        for (sent, seen) in &self.each {
            let (sent, seen) = (sent.load(Ordering::Acquire), seen.load(Ordering::Acquire));
            if sent == 0 || seen == 0 {
                return Err("a message has not arrived".into());
            }
            ways.push(seen.saturating_sub(sent));
        }
        ways.sort_unstable();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of the length"
        )]
        let index = (ways.len() as f64 * part) as usize;
        let way = ways.get(index).ok_or("nothing was sent")?;
        Ok(*way as f64 / 1e3)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
