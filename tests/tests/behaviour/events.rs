//! The arguments of hooks: the consumer, and the user's own errors.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stream_lib::message::DecodeError;
use stream_lib::{
    BatchConfig, BatchDelivery, ConsumerEvents, DeadReason, Delivery, EntryId, HandlerError,
    HandlerResult, OnUndecodable, RetryPolicy, events,
};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, order, quick};

/// An error of the user's, with a cause. It panics when it is dropped.
#[derive(Debug)]
struct Declined {
    code: u32,
    cause: fmt::Error,
}

impl Declined {
    fn new(code: u32) -> Self {
        let cause = fmt::Error;
        Self { code, cause }
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "declined with code {}", self.code)
    }
}

impl StdError for Declined {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.cause)
    }
}

impl Drop for Declined {
    fn drop(&mut self) {
        assert!(thread::panicking(), "an error that can't be dropped");
    }
}

/// Notes the failures that it is told.
#[derive(Default)]
struct Failures {
    retried: Seen<(String, u32, Option<u32>)>,
    dead: Seen<(DeadReason, u32, String)>,
}

fn code_of(error: &(dyn StdError + 'static)) -> Option<u32> {
    let declined = error.downcast_ref::<Declined>()?;
    assert!(declined.source().unwrap().is::<fmt::Error>());
    Some(declined.code)
}

impl ConsumerEvents for Failures {
    fn retried(&self, event: &events::Retried<'_>) {
        let from = format!("{}/{}", event.stream, event.group);
        assert!(event.consumer.starts_with("till-"), "{}", event.consumer);
        assert_eq!(event.delay, Duration::ZERO);
        let code = code_of(event.error);
        self.retried.push((from, event.attempt, code));
    }

    fn dead_lettered(&self, event: &events::DeadLettered<'_>) {
        assert_eq!((event.stream, event.group), ("orders", "cards"));
        let error = event.error;
        let kind = if let Some(code) = code_of(error) {
            format!("declined {code}")
        } else if error.is::<DecodeError>() {
            "undecodable".to_owned()
        } else if error.is::<HandlerError>() {
            format!("advice: {error}")
        } else {
            error.to_string()
        };
        self.dead.push((event.reason, event.attempt, kind));
    }
}

#[test]
fn failures_are_told_with_the_users_own_error() {
    let shop = Shop::open();
    let failures = Arc::new(Failures::default());
    let handler = |delivery: &Delivery<Order>| -> HandlerResult {
        match delivery.order_id.as_str() {
            "0" => Err(Declined::new(delivery.attempt()))?,
            "1" => Err(HandlerError::permanent("no such user"))?,
            _ => panic!("boom"),
        }
    };
    let config = quick("orders")
        .group("cards")
        .consumer("till")
        .retry(RetryPolicy::list([Duration::ZERO]))
        .on_undecodable(OnUndecodable::Bury)
        .events(Arc::clone(&failures));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.add_by_hand("orders", 3);
    shop.ask::<String>("XADD orders * order_id 3 amount none");
    wait_until(DEADLINE, "all to be dead", || consumer.stats().dead == 4);
    wait_until(DEADLINE, "all to be told", || failures.dead.count() == 4);

    let mut retried = failures.retried.all();
    retried.sort();
    let from = || "orders/cards".to_owned();
    assert_eq!(retried, [(from(), 1, None), (from(), 1, Some(1))]);
    let mut dead = failures.dead.all();
    dead.sort();
    let expected = [
        (DeadReason::RetriesExhausted, 2, "declined 2"),
        (DeadReason::RetriesExhausted, 2, "panicked: boom"),
        (DeadReason::Permanent, 1, "advice: no such user"),
        (DeadReason::Undecodable, 1, "undecodable"),
    ];
    let expected = expected.map(|(reason, attempt, kind)| (reason, attempt, kind.to_owned()));
    assert_eq!(dead, expected);
    assert!(consumer.is_running(), "no drop of an error ends a thread");
    shop.add_by_hand("orders", 1);
    wait_until(DEADLINE, "the settler to go on", || {
        consumer.stats().dead == 5
    });
}

/// Notes the entries and deliveries whose leases are lost.
#[derive(Default)]
struct Losses(Seen<(EntryId, u32)>);

impl ConsumerEvents for Losses {
    fn lease_lost(&self, event: &events::LeaseLost<'_>) {
        assert_eq!((event.stream, event.group), ("orders", "orders_group"));
        self.0.push((event.id, event.attempt));
    }
}

#[test]
fn lost_lease_is_told_while_its_handler_runs() {
    let shop = Shop::open();
    let (gate, losses) = (Gate::default(), Arc::new(Losses::default()));
    let doorway = gate.doorway();
    let handler = move |_: &Delivery<Order>| -> HandlerResult {
        doorway.pass();
        Ok(())
    };
    let config = quick("orders")
        .lease(Duration::from_millis(500))
        .events(Arc::clone(&losses));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    let id = shop.manager.add(&order("1")).unwrap().id().unwrap();
    wait_until(DEADLINE, "the handler", || consumer.stats().running == 1);
    let steal = format!("XCLAIM orders orders_group thief 0 {id} JUSTID");
    wait_until(DEADLINE, "the loss to be told", || {
        shop.ask::<redis::Value>(&steal);
        losses.0.count() > 0
    });
    assert_eq!(losses.0.all(), [(id, 1)]);
}

/// Counts what is completed.
#[derive(Default)]
struct Completions {
    calls: AtomicUsize,
    entries: AtomicUsize,
    nanos: AtomicU64,
}

impl Completions {
    fn entries(&self) -> usize {
        self.entries.load(Ordering::SeqCst)
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}

impl ConsumerEvents for Completions {
    fn completed(&self, event: &events::Completed<'_>) {
        let nanos = u64::try_from(event.handler_time.as_nanos()).unwrap();
        self.nanos.fetch_add(nanos, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.entries.fetch_add(event.entries, Ordering::SeqCst);
    }
}

/// What a handler does that takes its time.
fn work_for(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        thread::yield_now();
    }
}

#[test]
fn acknowledgements_are_told_together_with_their_handlers_time() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1_000);
    let told = Arc::new(Completions::default());
    let slow = Duration::from_millis(30);
    let handler = move |delivery: &Delivery<Order>| -> HandlerResult {
        match delivery.order_id.as_str() {
            "10" | "20" => work_for(slow),
            "30" if delivery.attempt() == 1 => Err("not yet")?,
            _ => {}
        }
        Ok(())
    };
    let config = quick("orders").workers(1).events(Arc::clone(&told));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    wait_until(DEADLINE, "all to be told", || told.entries() >= 1_000);
    assert_eq!(told.entries(), 1_000);
    assert_eq!(consumer.stats().completed, 1_000);
    let calls = told.calls.load(Ordering::SeqCst);
    assert!(calls < 1_000, "{calls} calls");
    assert!(told.time() >= 2 * slow, "{:?}", told.time());
}

#[test]
fn batch_is_told_with_the_time_of_its_handler() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 50);
    let told = Arc::new(Completions::default());
    let slow = Duration::from_millis(30);
    let handler = move |_: &[BatchDelivery<Order>]| -> HandlerResult {
        work_for(slow);
        Ok(())
    };
    let config = quick("orders").workers(1).events(Arc::clone(&told));
    let batch = BatchConfig::new(50);
    shop.manager
        .consume_batches("c", config, batch, handler)
        .unwrap();
    wait_until(DEADLINE, "all to be told", || told.entries() >= 50);
    assert_eq!(told.entries(), 50);
    assert!(told.time() >= slow, "{:?}", told.time());
}
