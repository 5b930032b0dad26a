//! Measurements of the library, one per file.

pub(crate) mod add;
pub(crate) mod backlog;
pub(crate) mod cluster;
mod commands;
pub(crate) mod consume;
pub(crate) mod emit;
pub(crate) mod end_to_end;
pub(crate) mod latency;
pub(crate) mod partitioned;
pub(crate) mod routed;
pub(crate) mod scheduled;
pub(crate) mod send;

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use stream_lib::{Added, Consumer, Producer};

use crate::Result;
use crate::message::Order;

/// Threads that add at once, in measurements with many.
pub(crate) const THREADS: usize = 64;

/// A consumer without progress for this long has stopped.
const PATIENCE: Duration = Duration::from_secs(20);

/// Joins threads, and returns the first error.
pub(crate) fn join<'s>(
    threads: impl IntoIterator<Item = ScopedJoinHandle<'s, Result<()>>>,
) -> Result<()> {
    let mut first = Ok(());
    for thread in threads {
        let joined = thread
            .join()
            .unwrap_or_else(|_| Err("a thread has panicked".into()));
        first = first.and(joined);
    }
    first
}

/// Adds all of `orders` one by one, from each of many threads at once.
fn add_by_many(producer: &Producer<Order>, orders: &[Order]) -> Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    for order in orders {
                        producer.add(order)?;
                    }
                    Ok(())
                })
            })
            .collect();
        join(threads)
    })
}

/// Waits until a consumer has completed at least `count` entries, and returns their
/// number.
fn until_completed(consumer: &Consumer, count: usize) -> Result<usize> {
    let mut last = 0;
    let mut moved = Instant::now();
    loop {
        let completed = usize::try_from(consumer.stats().completed)?;
        if completed >= count {
            return Ok(completed);
        }
        if completed != last {
            last = completed;
            moved = Instant::now();
        } else if moved.elapsed() > PATIENCE {
            return Err(format!("stands still at {completed} of {count}").into());
        }
        rest(Duration::from_millis(1));
    }
}

/// Pauses.
#[expect(
    clippy::disallowed_methods,
    reason = "a load at a steady rate, and a look at a counter now and then, are made of pauses"
)]
pub(crate) fn rest(pause: Duration) {
    thread::sleep(pause);
}

/// Fails if any message wasn't added: a rate of lost messages is none.
fn all_added(results: Vec<stream_lib::Result<Added>>) -> Result<()> {
    for result in results {
        result?;
    }
    Ok(())
}
