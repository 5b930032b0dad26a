//! Leases: takeover, renewal, and lost leases.

use std::time::Duration;

use stream_lib::{RetryPolicy, StreamManager};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, HOUR, Order, Seen, Shop, noting, order, quick, read_and_die};

const LEASE: Duration = Duration::from_millis(500);

#[test]
fn abandoned_entries_are_taken_over_after_the_lease_oldest_first() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 30);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 20);
    read_and_die(&shop.server, "dead-too", 5);
    let seen = Seen::default();
    let config = quick("orders").workers(1).lease(LEASE);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(30);
    shop.wait_until_settled("orders");
    let (fresh, taken): (Vec<_>, Vec<_>) = seen.all().into_iter().partition(|(_, n)| *n == 1);
    let order = |from: usize, to, attempt| (from..to).map(move |n| (n.to_string(), attempt));
    assert_eq!(taken, order(0, 25, 2).collect::<Vec<_>>());
    assert_eq!(fresh, order(25, 30, 1).collect::<Vec<_>>());
    assert_eq!(consumer.stats().taken_over, 25);
}

#[test]
fn entry_of_another_consumer_is_left_alone_within_its_lease() {
    let shop = Shop::open();
    // Entries as old as their ids say: the first could have been idle for long.
    shop.ask::<String>("XADD orders 1-1 order_id old amount 1");
    shop.ask::<String>("XADD orders 1-2 order_id fresh amount 1");
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 1);
    read_and_die(&shop.server, "busy", 1);
    let entries = shop.pending("orders");
    let two_hours = 7_200_000;
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group dead 0 1-1 IDLE {two_hours} JUSTID"
    ));
    let seen = Seen::default();
    let config = quick("orders").lease(HOUR);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(1);
    wait_until(DEADLINE, "the old one to be settled", || {
        shop.pending("orders").len() == 1
    });
    assert_eq!(seen.all(), [("old".to_owned(), 2)]);
    assert_eq!(shop.pending("orders"), entries[1..]);
}

#[test]
fn entries_with_ids_in_the_future_are_taken_over() {
    let shop = Shop::open();
    shop.ask::<String>("XADD orders 9999999999998-1 order_id 0 amount 1");
    // Behind it, ids that Redis gives lie in the future too.
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 2);
    let seen = Seen::default();
    let config = quick("orders").workers(1).lease(LEASE);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(2);
    shop.wait_until_settled("orders");
    assert_eq!(seen.all(), [("0".to_owned(), 2), ("0".to_owned(), 2)]);
}

#[test]
fn entry_with_an_id_in_the_future_is_left_alone_within_its_lease() {
    let shop = Shop::open();
    shop.ask::<String>("XADD orders 9999999999998-1 order_id future amount 1");
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "busy", 1);
    let entries = shop.pending("orders");
    shop.ask::<String>("XADD orders 9999999999998-2 order_id next amount 1");
    let seen = Seen::default();
    let config = quick("orders").lease(HOUR);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(1);
    wait_until(DEADLINE, "the other one to be settled", || {
        shop.pending("orders") == entries
    });
    assert_eq!(seen.all(), [("next".to_owned(), 1)]);
}

#[test]
fn entry_whose_deliveries_are_used_up_is_not_run_again() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 1);
    let id = &shop.pending("orders")[0].id;
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group dead 0 {id} IDLE 60000 RETRYCOUNT 3 JUSTID"
    ));
    let seen = Seen::default();
    let config = quick("orders")
        .lease(LEASE)
        .retry(RetryPolicy::default().max_deliveries(3));
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    wait_until(DEADLINE, "a dead letter", || consumer.stats().dead == 1);
    let dead = shop.dead("orders");
    let reason = dead[0].1.iter().find(|(name, _)| name == b"~reason");
    assert_eq!(reason.unwrap().1, b"crashed");
    let deliveries = dead[0].1.iter().find(|(name, _)| name == b"~deliveries");
    assert_eq!(deliveries.unwrap().1, b"3");
    assert_eq!(seen.count(), 0);
    shop.wait_until_settled("orders");
}

#[test]
fn slow_handler_keeps_its_entry() {
    const RENEWALS: usize = 10;
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let slow = Seen::default();
    let noted = slow.clone();
    let config = || quick("orders").lease(LEASE);
    let consumer = shop
        .manager
        .consume_fn::<Order>("slow", config(), move |order| {
            noted.push(order.lease_lost());
            doorway.pass();
            noted.push(order.lease_lost());
            Ok(())
        })
        .unwrap();
    shop.manager.add(&order("1")).unwrap();
    slow.wait_for(1);
    let rival = StreamManager::connect(shop.server.url()).unwrap();
    let seen = Seen::default();
    rival.consume("rival", config(), noting(&seen)).unwrap();

    // Each time the entry is younger than before, its lease was renewed; at
    // the end several leases have passed.
    let (mut renewals, mut known) = (0, 0);
    wait_until(DEADLINE, "ten renewals", || {
        let [(_, owner, idle, deliveries)]: [(String, String, u64, u64); 1] =
            shop.ask("XPENDING orders orders_group - + 2");
        assert_eq!((Some(owner), deliveries), (consumer.name(), 1));
        renewals += usize::from(idle < known);
        known = idle;
        renewals == RENEWALS
    });
    gate.open();
    wait_until(DEADLINE, "it to be done", || {
        consumer.stats().completed == 1
    });
    assert_eq!(slow.all(), [false, false]);
    assert_eq!(seen.count(), 0);
}

#[test]
fn lost_lease_shows_and_its_completion_is_not_acknowledged() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let lost = Seen::default();
    let noted = lost.clone();
    let config = quick("orders").workers(1).lease(LEASE);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            if order.order_id == "1" {
                noted.push(order.lease_lost());
                wait_until(DEADLINE, "the lease to be lost", || order.lease_lost());
                noted.push(order.lease_lost());
                doorway.pass();
            }
            Ok(())
        })
        .unwrap();
    let id = shop.manager.add(&order("1")).unwrap().id().unwrap();
    lost.wait_for(1);
    // The thief shows a sign of life, so that nobody takes it back.
    shop.ask::<u8>("ZADD {orders}:members:orders_group 9999999999999 thief");
    shop.ask::<redis::Value>(&format!("XCLAIM orders orders_group thief 0 {id}"));
    lost.wait_for(2);
    assert_eq!(lost.all(), [false, true]);

    gate.open();
    wait_until(DEADLINE, "the completion to be counted", || {
        consumer.stats().lost == 1
    });
    let pending = shop.pending("orders");
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].consumer, "thief");
    assert_eq!(consumer.stats().completed, 0);
}

#[test]
fn failure_after_a_lost_lease_leaves_the_entry_with_its_new_owner() {
    let shop = Shop::open();
    let lost = Seen::default();
    let noted = lost.clone();
    let config = quick("orders").workers(1).lease(HOUR);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.id());
            wait_until(DEADLINE, "the thief", || noted.count() == 2);
            Err("too late".into())
        })
        .unwrap();
    let id = shop.manager.add(&order("1")).unwrap().id().unwrap();
    lost.wait_for(1);
    shop.ask::<redis::Value>(&format!("XCLAIM orders orders_group thief 0 {id}"));
    lost.push(id);
    wait_until(DEADLINE, "the failure to be counted", || {
        consumer.stats().lost == 1
    });
    assert_eq!(shop.pending("orders")[0].consumer, "thief");
    assert_eq!(shop.ask::<u64>("ZCARD {orders}:waiting:orders_group"), 0);
}

#[test]
fn handler_past_the_cap_loses_its_lease_to_others() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let stuck = Seen::default();
    let noted = stuck.clone();
    let config = quick("orders").lease(LEASE).lease_cap(LEASE);
    let consumer = shop
        .manager
        .consume_fn::<Order>("stuck", config, move |order| {
            noted.push(order.attempt());
            doorway.pass();
            Ok(())
        })
        .unwrap();
    shop.manager.add(&order("1")).unwrap();
    stuck.wait_for(1);
    let rival = StreamManager::connect(shop.server.url()).unwrap();
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    rival.consume("rival", config, noting(&seen)).unwrap();
    seen.wait_for(1);
    assert_eq!(seen.all(), [("1".to_owned(), 2)]);
    shop.wait_until_settled("orders");
    gate.open();
    wait_until(DEADLINE, "the late completion to be counted", || {
        consumer.stats().lost == 1
    });
    assert_eq!(stuck.all(), [1]);
}

#[test]
fn waiting_entry_that_its_set_has_lost_is_found() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders")
        .lease(LEASE)
        .retry(RetryPolicy::exponential(HOUR));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.attempt());
            if order.attempt() == 1 {
                return Err("later".into());
            }
            Ok(())
        })
        .unwrap();
    shop.manager.add(&order("1")).unwrap();
    wait_until(DEADLINE, "it to wait", || consumer.stats().failed == 1);
    shop.ask::<()>("DEL {orders}:waiting:orders_group");
    seen.wait_for(2);
    assert_eq!(seen.all(), [1, 2]);
    shop.wait_until_settled("orders");
}
