//! Consumers that deliver each entry once.

use std::time::Duration;

use stream_lib::{
    BatchConfig, BatchDelivery, ConsumerConfig, Delivery, HandlerResult, RetryPolicy,
};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, noting, quick, read_and_die};

/// No retry, and leases that lapse soon.
fn once() -> ConsumerConfig {
    let policy = RetryPolicy::default().max_deliveries(1);
    quick("orders")
        .lease(Duration::from_millis(500))
        .retry(policy)
}

/// Has the pending entries look as if their consumer had died long ago, after
/// so many deliveries.
fn abandon(shop: &Shop, deliveries: u32) {
    for entry in shop.pending("orders") {
        let (id, consumer) = (entry.id, entry.consumer);
        shop.ask::<redis::Value>(&format!(
            "XCLAIM orders orders_group {consumer} 0 {id} IDLE 60000 RETRYCOUNT {deliveries} JUSTID"
        ));
    }
}

/// The reasons of the dead letters, and how often each was delivered.
fn reasons(shop: &Shop) -> Vec<(String, u64)> {
    let dead = shop.manager.dead_letters("orders").unwrap();
    let letters = dead.list(100).unwrap();
    let reasons = letters
        .iter()
        .map(|letter| (letter.reason().to_string(), letter.deliveries()));
    reasons.collect()
}

#[test]
fn failure_is_final() {
    let shop = Shop::open();
    let handler = |_: &Delivery<Order>| HandlerResult::Err("no stock".into());
    let consumer = shop.manager.consume("c", once(), handler).unwrap();
    shop.add_by_hand("orders", 1);
    wait_until(DEADLINE, "a dead letter", || consumer.stats().dead == 1);
    assert_eq!(reasons(&shop), [("retries-exhausted".to_owned(), 1)]);
    assert_eq!(consumer.stats().failed, 0);
}

#[test]
fn entries_of_a_dead_process_have_used_it_up() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 3);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 3);
    abandon(&shop, 1);
    let seen = Seen::default();
    let consumer = shop.manager.consume("c", once(), noting(&seen)).unwrap();
    wait_until(DEADLINE, "all to be dead", || consumer.stats().dead == 3);
    assert_eq!(reasons(&shop), vec![("crashed".to_owned(), 1); 3]);
    assert_eq!(seen.all(), [], "none of them runs");
}

#[test]
fn first_delivery_of_an_abandoned_entry_runs_beside_others() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 1);
    // As a stop leaves an entry that it gives back and the set then loses.
    abandon(&shop, 0);
    let (gate, seen) = (Gate::default(), Seen::default());
    let handler = {
        let (doorway, seen) = (gate.doorway(), seen.clone());
        move |delivery: &Delivery<Order>| -> HandlerResult {
            seen.push((delivery.order_id.clone(), delivery.attempt()));
            if delivery.order_id == "long" {
                doorway.pass();
            }
            Ok(())
        }
    };
    shop.ask::<String>("XADD orders * order_id long amount 1");
    let consumer = shop.manager.consume("c", once(), handler).unwrap();
    seen.wait_for(2);
    assert_eq!(consumer.stats().dead, 0);
    let mut all = seen.all();
    all.sort();
    assert_eq!(all, [("0".to_owned(), 1), ("long".to_owned(), 1)]);
    gate.open();
    shop.wait_until_settled("orders");
}

#[test]
fn first_deliveries_share_a_batch() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 50);
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |batch: &[BatchDelivery<Order>]| -> HandlerResult {
            seen.push(batch.len());
            Ok(())
        }
    };
    let config = once().workers(1).lease(Duration::from_secs(30));
    let batch = BatchConfig::new(50);
    shop.manager
        .consume_batches("c", config, batch, handler)
        .unwrap();
    seen.wait_for(1);
    assert_eq!(seen.all(), [50]);
}
