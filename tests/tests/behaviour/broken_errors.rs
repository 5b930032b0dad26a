//! Handlers whose errors, panics and hooks misbehave as far as the language allows.

use std::error::Error as StdError;
use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;
use std::time::Duration;

use log::Level;
use stream_lib::{
    BatchConfig, BatchDelivery, ConsumerEvents, Delivery, HandlerResult, RetryPolicy, events,
};
use stream_tests::{LogCapture, wait_until};

use crate::support::{DEADLINE, Order, Shop, quick};

/// Panics when it is dropped, with a value of the same kind.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

/// An error that does what its number says.
struct Odd(u8);

const KINDS: u8 = 7;
const PANICS_SHOWN: u8 = 1;
const PANICS_ASKED: u8 = 2;
const PANICS_DROPPED: u8 = 3;
const CIRCLE: u8 = 4;
const LONG: u8 = 5;
const SPITEFUL: u8 = 6;

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PANICS_SHOWN => panic!("{}", "not\nto be shown ".repeat(10_000)),
            LONG => {
                for _ in 0..500_000 {
                    f.write_str("line\r\n\u{2028}\u{1b}[31m ")?;
                }
                Ok(())
            }
            number => write!(f, "odd error {number}"),
        }
    }
}

impl fmt::Debug for Odd {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("not to be debugged");
    }
}

impl StdError for Odd {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0 {
            PANICS_ASKED => panic!("not to be asked"),
            CIRCLE => Some(self),
            _ => None,
        }
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        match self.0 {
            PANICS_DROPPED => panic!("not to be dropped"),
            SPITEFUL => panic_any(Spiteful),
            _ => {}
        }
    }
}

fn number(order: &Order) -> u8 {
    order.order_id.parse::<u8>().unwrap() % 8
}

/// The last kind is a panic.
fn fail(order: &Order) -> HandlerResult {
    match number(order) {
        KINDS => panic_any(Spiteful),
        kind => Err(Odd(kind).into()),
    }
}

/// Two deliveries, without a wait.
fn twice() -> RetryPolicy {
    RetryPolicy::list([Duration::ZERO])
}

/// No line about `stream` has a line break in it, or is longer than a screen.
#[track_caller]
fn assert_lines_are_short(log: &LogCapture, stream: &str) {
    let name = format!("`{stream}`");
    let lines = log.matching(|line| line.text.contains(&name));
    assert!(!lines.is_empty());
    for line in lines {
        let breaks = |c: char| c.is_control() || c == '\u{2028}';
        let bad = line.text.chars().count() > 1_500 || line.text.contains(breaks);
        assert!(!bad, "{}…", line.text.chars().take(200).collect::<String>());
    }
}

#[test]
fn errors_of_any_kind_end_as_dead_letters_and_end_no_thread() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let handler = |delivery: &Delivery<Order>| fail(delivery);
    let config = quick("odd").workers(3).retry(twice());
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.add_by_hand("odd", 64);
    wait_until(DEADLINE, "all to be dead", || consumer.stats().dead == 64);
    let stats = consumer.stats();
    assert_eq!((stats.failed, stats.panicked), (64, 16));
    assert_lines_are_short(&log, "odd");
    for (_, fields) in shop.dead("odd") {
        let error = fields.iter().find(|(name, _)| name == b"~error");
        let error = String::from_utf8(error.unwrap().1.clone()).unwrap();
        assert!(error.chars().count() < 1_100 && !error.contains('\n'));
    }
    let report = shop.manager.shutdown();
    assert_eq!(report.still_running, 0);
    let bugs = log.containing("this is a bug in stream-lib");
    assert!(bugs.is_empty(), "{bugs:#?}");
}

#[test]
fn errors_of_any_kind_in_a_batch_end_no_thread() {
    let shop = Shop::open();
    let log = LogCapture::start();
    // Every second batch fails as a whole, by the kind of its first delivery.
    let handler = |batch: &[BatchDelivery<Order>]| -> HandlerResult {
        if batch.len().is_multiple_of(2) {
            return fail(&batch[0]);
        }
        for delivery in batch {
            match number(delivery) {
                KINDS => panic!("{}", "many\nlines ".repeat(100_000)),
                kind => delivery.fail(Odd(kind)),
            }
        }
        Ok(())
    };
    let config = quick("oddly").workers(3).retry(twice());
    let batches = BatchConfig::new(5);
    let consumer = shop
        .manager
        .consume_batches("c", config, batches, handler)
        .unwrap();
    shop.add_by_hand("oddly", 64);
    wait_until(DEADLINE, "all to be dead", || consumer.stats().dead == 64);
    assert_lines_are_short(&log, "oddly");
    let report = shop.manager.shutdown();
    assert_eq!(report.still_running, 0);
    let bugs = log.containing("this is a bug in stream-lib");
    assert!(bugs.is_empty(), "{bugs:#?}");
}

/// Asks the error, whatever comes of it, and then panics.
struct Hooks;

impl ConsumerEvents for Hooks {
    fn connected(&self, _: &events::Connected<'_>) {
        panic_any(Spiteful);
    }

    fn completed(&self, _: &events::Completed<'_>) {
        panic_any(Spiteful);
    }

    fn retried(&self, event: &events::Retried<'_>) {
        let text = event.error.to_string();
        panic!("{text}");
    }

    fn dead_lettered(&self, event: &events::DeadLettered<'_>) {
        let text = format!("{:?}", event.error);
        panic!("{text}");
    }

    fn panicked(&self, _: &events::Panicked<'_>) {
        panic_any(Spiteful);
    }

    fn stopped(&self, _: &events::Stopped<'_>) {
        panic_any(Spiteful);
    }

    fn disconnected(&self, _: &events::Disconnected<'_>) {
        panic_any(Spiteful);
    }

    fn group_recreated(&self, _: &events::GroupRecreated<'_>) {
        panic_any(Spiteful);
    }
}

#[test]
fn hooks_that_all_panic_change_nothing() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let handler = |delivery: &Delivery<Order>| match delivery.amount {
        0.0 => Ok(()),
        _ => fail(delivery),
    };
    let config = quick("hooked").retry(twice()).events(Arc::new(Hooks));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.add_by_hand("hooked", 16);
    shop.ask::<String>("XADD hooked * order_id 0 amount 0");
    wait_until(DEADLINE, "all to be settled", || {
        let stats = consumer.stats();
        (stats.dead, stats.completed) == (16, 1)
    });
    shop.ask::<u64>("DEL hooked");
    shop.server.restart();
    wait_until(DEADLINE, "an entry of the next life", || {
        shop.ask::<String>("XADD hooked * order_id 0 amount 0");
        consumer.stats().completed > 1
    });
    shop.ask::<()>("SET hooked text");
    wait_until(DEADLINE, "the end", || consumer.failure().is_some());
    let panics = log.matching(|line| line.level == Level::Error);
    let panics = panics
        .iter()
        .filter(|l| l.text.contains("a hook of a consumer panicked"));
    assert!(panics.count() > 16);
    shop.manager.shutdown();
    let bugs = log.containing("this is a bug in stream-lib");
    assert!(bugs.is_empty(), "{bugs:#?}");
}
