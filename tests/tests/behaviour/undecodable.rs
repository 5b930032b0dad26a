//! Entries that this version of a program can't decode, and another one may.

use std::time::Duration;

use stream_lib::{
    BatchConfig, BatchDelivery, Consumer, Delivery, HandlerResult, OnUndecodable, RawMessage,
    RetryPolicy,
};
use stream_tests::{LogCapture, LogLine, wait_until};

use crate::support::{DEADLINE, HOUR, Order, Seen, Shop, quick};

/// Adds orders of which only a newer version knows what they cost.
fn add_newer(shop: &Shop, stream: &str, count: usize) {
    for number in 0..count {
        let add = format!("XADD {stream} * order_id {number} amount gratis");
        shop.ask::<String>(&add);
    }
}

fn wait_for_failed(consumer: &Consumer, count: u64) {
    wait_until(DEADLINE, "the deliveries to fail", || {
        consumer.stats().failed == count
    });
}

/// Reasons and counts of deliveries of all dead letters.
fn dead(shop: &Shop, stream: &str) -> Vec<(String, u64)> {
    let letters = shop.manager.dead_letters(stream).unwrap();
    let all = letters.list(usize::MAX).unwrap();
    all.iter()
        .map(|letter| (letter.reason().to_owned(), letter.deliveries()))
        .collect()
}

#[test]
fn entries_of_a_newer_version_wait_for_a_member_that_knows_them() {
    let shop = Shop::open();
    let policy = RetryPolicy::list([HOUR]);
    let old = |_: &Delivery<Order>| -> HandlerResult { Err("no order is this old".into()) };
    let config = quick("orders").retry(policy.clone());
    let consumer = shop.manager.consume("old", config, old).unwrap();
    add_newer(&shop, "orders", 20);
    wait_for_failed(&consumer, 20);
    assert_eq!(consumer.stats().dead, 0);
    let pending = shop.pending("orders");
    assert_eq!(pending.len(), 20);
    let waits = |entry: &crate::support::Pending| entry.consumer == "~waiting";
    assert!(pending.iter().all(waits), "{pending:?}");
    shop.manager.remove_consumer("old").unwrap();

    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders").retry(policy);
    shop.manager
        .consume_fn::<RawMessage>("new", config, move |order| {
            noted.push((
                order.get_str("order_id").map(str::to_owned),
                order.attempt(),
            ));
            Ok(())
        })
        .unwrap();
    for entry in pending {
        let due = format!("ZADD {{orders}}:waiting:orders_group XX 1 {}", entry.id);
        shop.ask::<()>(&due);
    }
    shop.wait_until_settled("orders");
    assert_eq!(seen.count(), 20);
    assert!(seen.all().iter().all(|(_, attempt)| *attempt == 2));
    assert_eq!(dead(&shop, "orders"), []);
}

#[test]
fn entry_that_no_member_knows_is_buried_after_its_last_delivery() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let handler = |_: &Delivery<Order>| -> HandlerResult { Ok(()) };
    let policy = RetryPolicy::list([Duration::ZERO, Duration::ZERO]);
    let config = quick("newer").retry(policy);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    add_newer(&shop, "newer", 1);
    wait_until(DEADLINE, "a dead letter", || consumer.stats().dead == 1);
    assert_eq!(dead(&shop, "newer"), [("undecodable".to_owned(), 3)]);
    assert_eq!(consumer.stats().failed, 2);
    let said = |words: &str| {
        log.matching(|line| line.text.contains("`newer`") && line.text.contains(words))
    };
    let retried = said("found an undecodable entry, the next comes in");
    assert_eq!(retried.len(), 2, "{retried:#?}");
    let hint = |line: &LogLine| line.text.contains("another member");
    assert!(retried.iter().all(hint), "{retried:#?}");
    wait_until(DEADLINE, "the burial to be told", || {
        said("went to the dead letters (undecodable)").len() == 1
    });
}

#[test]
fn undecodable_entries_of_a_batch_are_retried_and_no_handler_sees_them() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    let handler = move |batch: &[BatchDelivery<Order>]| -> HandlerResult {
        noted.push(batch.len());
        Ok(())
    };
    let config = quick("orders").retry(RetryPolicy::list([Duration::ZERO]));
    shop.add_by_hand("orders", 3);
    add_newer(&shop, "orders", 2);
    let consumer = shop
        .manager
        .consume_batches("c", config, BatchConfig::new(5), handler)
        .unwrap();
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.failed, stats.dead) == (3, 2, 2)
    });
    let buried = || ("undecodable".to_owned(), 2);
    assert_eq!(dead(&shop, "orders"), [buried(), buried()]);
    assert_eq!(seen.all().iter().sum::<usize>(), 3);
}

#[test]
fn undecodable_entry_is_buried_at_once_where_that_is_asked_for() {
    let shop = Shop::open();
    let handler = |_: &Delivery<Order>| -> HandlerResult { Ok(()) };
    let config = quick("orders").on_undecodable(OnUndecodable::Bury);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    add_newer(&shop, "orders", 2);
    wait_until(DEADLINE, "the dead letters", || consumer.stats().dead == 2);
    let buried = || ("undecodable".to_owned(), 1);
    assert_eq!(dead(&shop, "orders"), [buried(), buried()]);
    assert_eq!(consumer.stats().failed, 0);
}
