//! The handler of `orders work`: succeeds, or fails as the command line says.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::panic;
use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use stream_lib::{Delivery, Handler, HandlerResult};

use super::Order;
use super::args::WorkArgs;
use crate::pretend_to_work;

/// A handler of orders.
#[derive(Debug)]
pub(super) struct OrderHandler {
    takes: Duration,
    fail: Strikes,
    panic: Strikes,
    abort: Strikes,
    /// The stream that each order is passed on to.
    emit: Option<String>,
    done: Option<File>,
}

/// The orders at which something happens.
#[derive(Debug, Default)]
struct Strikes {
    every: Option<u64>,
    on: Vec<String>,
}

impl OrderHandler {
    pub(super) fn new(args: &WorkArgs) -> anyhow::Result<Self> {
        Ok(Self {
            takes: Duration::from_millis(args.handler_ms),
            fail: Strikes::new(args.fail_every, &args.fail_on),
            panic: Strikes::new(args.panic_every, &args.panic_on),
            abort: Strikes::new(None, &args.abort_on),
            emit: args.emit.clone(),
            done: args.done.as_deref().map(open_done).transpose()?,
        })
    }
}

impl Handler<Order> for OrderHandler {
    fn handle(&self, delivery: &Delivery<Order>) -> HandlerResult {
        let (id, attempt) = (&delivery.order_id, delivery.attempt());
        log::info!("working on {id}, attempt {attempt}");
        pretend_to_work(self.takes);
        if self.abort.hit(delivery, attempt) {
            eprintln!("aborting at {id}");
            process::abort();
        }
        assert!(
            !self.panic.hit(delivery, attempt),
            "told to panic at {id}, attempt {attempt}"
        );
        if self.fail.hit(delivery, attempt) {
            return Err(format!("told to fail at {id}, attempt {attempt}").into());
        }
        if let Some(stream) = &self.emit {
            delivery.produce_to(stream, delivery.message())?;
        }
        if let Some(mut done) = self.done.as_ref() {
            // One write in append mode, so that lines of several processes
            // don't mix.
            let line = format!("{id}\t{attempt}\t{}\n", delivery.consumer());
            done.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

impl Strikes {
    fn new(every: Option<u64>, on: &[String]) -> Self {
        let on = on.to_vec();
        Self { every, on }
    }

    fn hit(&self, order: &Order, attempt: u32) -> bool {
        let divides = |every| order.number().is_some_and(|n| n.is_multiple_of(every));
        attempt == 1 && self.every.is_some_and(divides) || self.on.contains(&order.order_id)
    }
}

fn open_done(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    options
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

/// Prints a panic as one line, without a note on backtraces.
pub(super) fn panic_in_one_line() {
    panic::set_hook(Box::new(|info| {
        let thread = thread::current();
        let text = info.payload_as_str().unwrap_or("no text");
        eprintln!("{} panicked: {text}", thread.name().unwrap_or("a thread"));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strikes_multiples_at_their_first_attempt() {
        let strikes = Strikes::new(Some(5), &[]);
        let hit = |number, attempt| strikes.hit(&Order::numbered("P", number), attempt);
        assert!(hit(0, 1) && hit(10, 1));
        assert!(!hit(9, 1) && !hit(10, 2));
    }

    #[test]
    fn named_orders_are_struck_every_time() {
        let strikes = Strikes::new(None, &["P-3".to_owned(), "P-4".to_owned()]);
        let hit = |number, attempt| strikes.hit(&Order::numbered("P", number), attempt);
        assert!(hit(3, 1) && hit(3, 9) && hit(4, 2));
        assert!(!hit(0, 1) && !hit(33, 1));
    }
}
