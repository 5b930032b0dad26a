//! Bounds on the number and the age of dead letters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stream_lib::{
    BatchConfig, BatchDelivery, ConsumerConfig, ConsumerEvents, HandlerError, HandlerResult, events,
};
use stream_tests::{LogCapture, wait_until};

use crate::support::{DEADLINE, Order, Shop, quick};

/// A shop whose server trims exactly, and a consumer that refuses everything.
fn refusing(config: ConsumerConfig) -> Shop {
    let shop = Shop::open();
    shop.ask::<()>("CONFIG SET stream-node-max-entries 1");
    shop.manager
        .consume_fn::<Order>("c", config, |_| Err(HandlerError::permanent("no").into()))
        .unwrap();
    shop
}

#[test]
fn oldest_dead_letters_beyond_the_length_are_removed() {
    let shop = refusing(quick("orders").dead_letter_max_length(3));
    shop.add_by_hand("orders", 10);
    let consumer = shop.manager.consumer("c").unwrap();
    wait_until(DEADLINE, "the burials", || consumer.stats().dead == 10);
    let letters = shop.manager.dead_letters("orders").unwrap();
    let kept = letters.list(10).unwrap();
    assert_eq!(kept.len(), 3);
}

#[test]
fn dead_letters_beyond_the_age_are_removed() {
    let shop = refusing(quick("orders").dead_letter_max_age(Duration::from_hours(1)));
    let now: Vec<u64> = shop.ask("TIME");
    let hours_ago = |hours: u64| format!("{}-0", now[0] * 1_000 - hours * 3_600_000);
    let (old, older) = (hours_ago(2), hours_ago(3));
    shop.ask::<String>(&format!("XADD {{orders}}:dead {older} order_id 0"));
    shop.ask::<String>(&format!("XADD {{orders}}:dead {old} order_id 1"));
    shop.add_by_hand("orders", 1);
    wait_until(DEADLINE, "the burial", || {
        let letters = shop.dead("orders");
        letters.len() == 1 && letters[0].0 != old
    });
}

/// Counts dead letters that had to go.
#[derive(Default)]
struct Dropped(AtomicU64);

impl ConsumerEvents for Dropped {
    fn dead_letters_dropped(&self, event: &events::DeadLettersDropped<'_>) {
        assert_eq!((event.stream, event.group), ("brim", "brim_group"));
        self.0.fetch_add(event.entries, Ordering::SeqCst);
    }
}

#[test]
fn removal_of_old_dead_letters_is_told_by_events_and_by_a_line_with_a_count() {
    let log = LogCapture::start();
    let dropped = Arc::new(Dropped::default());
    let config = quick("brim")
        .dead_letter_max_length(3)
        .events(Arc::clone(&dropped));
    let shop = refusing(config);
    for round in 1..=3 {
        shop.add_by_hand("brim", 10);
        let consumer = shop.manager.consumer("c").unwrap();
        wait_until(DEADLINE, "the burials", || {
            consumer.stats().dead == 10 * round
        });
    }
    shop.manager.shutdown();
    assert_eq!(dropped.0.load(Ordering::SeqCst), 27);
    let lines = log.containing("dead letters of `brim` are too many");
    let counts = lines.iter().map(|line| {
        let (_, count) = line.text.split_once("the oldest ").unwrap();
        count.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    assert_eq!(counts.sum::<u64>(), 27, "{lines:#?}");
    // One at once, one for each minute that this may have taken, and one at the stop.
    assert!(lines.len() <= 4, "{lines:#?}");
}

#[test]
fn burials_share_requests() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1_000);
    let handler =
        |_: &[BatchDelivery<Order>]| -> HandlerResult { Err(HandlerError::permanent("no").into()) };
    let consumer = shop
        .manager
        .consume_batches("c", quick("orders"), BatchConfig::new(100), handler)
        .unwrap();
    wait_until(DEADLINE, "the burials", || consumer.stats().dead == 1_000);
    shop.wait_until_settled("orders");
    let scripts = shop.server.calls("evalsha");
    assert!(scripts < 500, "{scripts} scripts for 1,000 burials");
    let letters = shop.manager.dead_letters("orders").unwrap();
    assert_eq!(letters.count().unwrap(), 1_000);
}
