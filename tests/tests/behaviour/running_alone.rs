//! Entries on their last delivery after crashes: each runs alone, and is settled before
//! the next one may kill the process.

use std::time::{Duration, Instant};

use stream_lib::{HandlerError, RetryPolicy};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, quick, read_and_die};

/// Two entries of a process that died twice of them.
fn leave_two_to_die(shop: &Shop) {
    shop.add_by_hand("orders", 2);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 2);
    for entry in shop.pending("orders") {
        let claim = format!("XCLAIM orders orders_group dead 0 {}", entry.id);
        shop.ask::<redis::Value>(&format!("{claim} IDLE 3600000 RETRYCOUNT 2 JUSTID"));
    }
}

/// Redis has no memory for dead letters, so that the end of the first stays unknown to it:
/// the second waits for that, and then no longer than a second.
#[test]
fn next_one_begins_once_the_end_of_the_one_before_is_settled_or_a_second_later() {
    const SECOND: Duration = Duration::from_secs(1);
    let shop = Shop::open();
    leave_two_to_die(&shop);
    let (gate, begun) = (Gate::default(), Seen::default());
    let (doorway, noted) = (gate.doorway(), begun.clone());
    let retry = RetryPolicy::default().max_deliveries(3);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", quick("orders").retry(retry), move |order| {
            noted.push((order.order_id.clone(), Instant::now()));
            doorway.pass();
            Err(HandlerError::permanent("no such user").into())
        })
        .unwrap();
    begun.wait_for(1);
    shop.ask::<()>("CONFIG SET maxmemory 1");
    let ends = Instant::now();
    gate.open();
    begun.wait_for(2);
    let all = begun.all();
    let names: Vec<_> = all.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["0", "1"]);
    let waited = all[1].1.duration_since(ends);
    assert!(waited >= SECOND, "the second began after {waited:?}");
    assert_eq!(consumer.stats().dead, 0, "there was no memory");
    shop.ask::<()>("CONFIG SET maxmemory 0");
    wait_until(DEADLINE, "the burials", || consumer.stats().dead == 2);
    shop.wait_until_settled("orders");
}
