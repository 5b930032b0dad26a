//! Held groups.

use std::time::{Duration, SystemTime};

use stream_lib::{HandlerError, StreamManager};
use stream_tests::{LogCapture, wait_until};

use crate::support::{DEADLINE, Gate, HOUR, Order, Seen, Shop, noting, quick, read_and_die};

const LEASE: Duration = Duration::from_millis(300);

fn in_an_hour() -> SystemTime {
    SystemTime::now() + HOUR
}

#[test]
fn held_group_reads_nothing_until_it_is_released() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let seen = Seen::default();
    let config = quick("bank").lease(LEASE);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.add_by_hand("bank", 10);
    seen.wait_for(10);
    assert_eq!(consumer.held_until(), None);
    let until = in_an_hour();
    let hold = || {
        shop.manager
            .hold("bank", "bank_group", until, "the bank\nis down")
    };
    hold().unwrap();
    wait_until(DEADLINE, "the hold to be noticed", || {
        consumer.held_until().is_some()
    });
    let held = shop.manager.held("bank", "bank_group").unwrap().unwrap();
    assert_eq!(held.why, "the bank\nis down");
    assert_eq!(Some(held.until), consumer.held_until());
    // A read that was under way may still bring some, which go back.
    shop.add_by_hand("bank", 10);
    wait_until(DEADLINE, "a few signs of life", || {
        shop.server.calls("evalsha") > 20
    });
    let reads = shop.server.calls("xreadgroup");
    let evals = shop.server.calls("evalsha");
    wait_until(DEADLINE, "a few more", || {
        shop.server.calls("evalsha") > evals + 6
    });
    assert_eq!(shop.server.calls("xreadgroup"), reads);
    assert_eq!(seen.count(), 10);
    assert!(
        shop.pending("bank")
            .iter()
            .all(|p| p.consumer == "~waiting")
    );
    assert!(shop.manager.release("bank", "bank_group").unwrap());
    assert!(!shop.manager.release("bank", "bank_group").unwrap());
    seen.wait_for(20);
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 20
    });
    let all = seen.all();
    assert!(all.iter().all(|(_, attempt)| *attempt == 1), "{all:?}");
    let told = log.containing("the group `bank_group` of `bank` is held for");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].text.contains("the bank is down"),
        "{}",
        told[0].text
    );
    assert_eq!(
        log.containing("the group `bank_group` of `bank` is held no more")
            .len(),
        1
    );
}

#[test]
fn hold_ends_by_itself_and_finishes_what_runs() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let seen = Seen::default();
    let noted = seen.clone();
    shop.add_by_hand("orders", 20);
    let config = quick("orders").lease(LEASE).workers(1);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            doorway.pass();
            noted.push((order.order_id.clone(), order.attempt()));
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "one to run", || consumer.stats().running == 1);
    let until = SystemTime::now() + Duration::from_secs(2);
    shop.manager
        .hold("orders", "orders_group", until, "a break")
        .unwrap();
    wait_until(DEADLINE, "the hold to be noticed", || {
        consumer.held_until().is_some()
    });
    wait_until(DEADLINE, "the others to be given back", || {
        consumer.stats().buffered == 0 && !shop.pending("orders").is_empty()
    });
    gate.open();
    wait_until(DEADLINE, "the first to be completed", || {
        consumer.stats().completed == 1
    });
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 20
    });
    assert!(SystemTime::now() >= until, "its time is over first");
    assert!(seen.all().iter().all(|(_, attempt)| *attempt == 1));
    assert_eq!(shop.manager.held("orders", "orders_group").unwrap(), None);
}

#[test]
fn retries_and_entries_of_the_dead_wait_for_the_end_of_a_hold() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 4);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 2);
    shop.manager
        .hold("orders", "orders_group", in_an_hour(), "a test")
        .unwrap();
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    assert!(consumer.held_until().is_some(), "known from the start");
    let evals = shop.server.calls("evalsha");
    wait_until(DEADLINE, "several leases to pass", || {
        shop.server.calls("evalsha") > evals + 12
    });
    assert_eq!(seen.count(), 0);
    assert!(
        shop.pending("orders")
            .iter()
            .all(|p| p.consumer == "dead" && p.deliveries == 1)
    );
    shop.manager.release("orders", "orders_group").unwrap();
    seen.wait_for(4);
}

#[test]
fn hold_of_another_group_does_not_matter() {
    let shop = Shop::open();
    shop.manager
        .hold("orders", "another", in_an_hour(), "a test")
        .unwrap();
    shop.add_by_hand("orders", 3);
    let seen = Seen::default();
    shop.manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    seen.wait_for(3);
    let past = SystemTime::now() - HOUR;
    shop.manager
        .hold("orders", "orders_group", past, "over")
        .unwrap();
    assert_eq!(shop.manager.held("orders", "orders_group").unwrap(), None);
}

#[test]
fn holds_go_with_their_group_and_their_stream() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 3);
    let exists = || shop.ask::<u64>("EXISTS {orders}:hold:orders_group {orders}:rate:orders_group");
    let hold = || {
        shop.ask::<redis::Value>("XGROUP CREATE orders orders_group 0");
        shop.ask::<()>("SET {orders}:rate:orders_group 1");
        let until = in_an_hour();
        shop.manager
            .hold("orders", "orders_group", until, "a test")
            .unwrap();
        assert_eq!(exists(), 2);
    };
    hold();
    assert!(shop.manager.remove_group("orders", "orders_group").unwrap());
    assert_eq!(exists(), 0);
    hold();
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert_eq!(exists(), 0);
}

/// A service tells one process of its limit, and no delivery is used up.
#[test]
fn rate_limit_of_a_service_holds_the_group_and_is_not_counted() {
    let shop = Shop::open();
    let other = StreamManager::connect(shop.server.url().as_str()).unwrap();
    shop.add_by_hand("orders", 1);
    let seen = Seen::default();
    let noted = seen.clone();
    let config = || {
        quick("orders")
            .lease(LEASE)
            .retry(stream_lib::RetryPolicy::list([Duration::ZERO]).max_deliveries(2))
    };
    let handler = move |order: &stream_lib::Delivery<Order>| {
        noted.push((order.order_id.clone(), order.attempt()));
        if noted.count() <= 5 {
            let after = Duration::from_millis(400);
            return Err(HandlerError::rate_limited("slow down", after).into());
        }
        Ok(())
    };
    let consumer = shop.manager.consume("c", config(), handler).unwrap();
    let idle = other
        .consume_fn::<Order>("d", config().group("x"), |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, "it to be completed", || {
        consumer.stats().completed == 1
    });
    assert_eq!(seen.count(), 6);
    assert!(
        seen.all().iter().all(|(_, attempt)| *attempt == 1),
        "{:?}",
        seen.all()
    );
    assert_eq!((consumer.stats().failed, consumer.stats().dead), (5, 0));
    assert!(idle.held_until().is_none(), "of another group");
}

#[test]
fn rate_limit_counts_after_a_hundred_times() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    let seen = Seen::default();
    let noted = seen.clone();
    let retry = stream_lib::RetryPolicy::list([Duration::ZERO]).max_deliveries(2);
    let config = quick("orders").retry(retry);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.attempt());
            let after = Duration::from_millis(1);
            Err(HandlerError::rate_limited("slow down", after).into())
        })
        .unwrap();
    wait_until(DEADLINE, "it to be buried", || consumer.stats().dead == 1);
    let attempts = seen.all();
    assert_eq!(attempts.len(), 101 + 101);
    assert!(attempts[..101].iter().all(|attempt| *attempt == 1));
    assert!(attempts[101..].iter().all(|attempt| *attempt == 2));
}

/// It would come again without an end, and nothing else would run meanwhile.
#[test]
fn rate_limit_counts_where_an_entry_runs_alone() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 1);
    let seen = Seen::default();
    let noted = seen.clone();
    let retry = stream_lib::RetryPolicy::list([Duration::ZERO]).max_deliveries(2);
    let config = quick("orders").lease(LEASE).retry(retry);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.attempt());
            let after = Duration::from_millis(1);
            Err(HandlerError::rate_limited("slow down", after).into())
        })
        .unwrap();
    wait_until(DEADLINE, "it to be buried", || consumer.stats().dead == 1);
    assert_eq!(seen.all(), [2]);
}
