//! Answers that are lost after the server has carried out the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use stream_lib::{Consumer, Delivery, HandlerResult, RetryPolicy, StreamManager};
use stream_tests::{Server, wait_until};

use crate::lossy_relay::LossyRelay;
use crate::support::{DEADLINE, Gate, Order, Seen, ask, order, pending, quick};

const PARK: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../../stream-lib/src/command/scripts/park.lua")
);
const TAKE_OVER: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../../stream-lib/src/command/scripts/take_over.lua")
);

/// A server, a relay before it, and a manager behind that.
fn scene(script: &str) -> (StreamManager, LossyRelay, Server) {
    let server = Server::start().unwrap();
    let relay = LossyRelay::before(server.address(), script);
    let manager = StreamManager::connect(server.url_at(relay.port)).unwrap();
    (manager, relay, server)
}

/// A consumer whose handler fails at the first attempt, and then waits at the gate.
fn failing_first(manager: &StreamManager, gate: &Gate, seen: &Seen<u32>) -> Consumer {
    let (doorway, noted) = (gate.doorway(), seen.clone());
    let handler = move |order: &Delivery<Order>| -> HandlerResult {
        noted.push(order.attempt());
        if order.attempt() == 1 {
            return Err("not yet".into());
        }
        doorway.pass();
        Ok(())
    };
    manager
        .consume("c", quick("orders").workers(1), handler)
        .unwrap()
}

#[test]
fn retry_that_is_parked_again_leaves_the_newer_delivery_alone() {
    let (manager, relay, server) = scene(PARK);
    let (gate, seen) = (Gate::default(), Seen::default());
    let consumer = failing_first(&manager, &gate, &seen);
    relay.lose_next();
    manager.add(&order("1")).unwrap();
    relay.wait_until_lost();
    // It has come back, and runs; the one who parked it knows of nothing.
    seen.wait_for(2);
    relay.open();
    wait_until(DEADLINE, "it to count as parked", || {
        consumer.stats().failed == 1
    });
    let held = pending(&server, "orders");
    assert_eq!(held.len(), 1);
    assert_eq!(Some(&held[0].consumer), consumer.name().as_ref());
    assert_eq!(held[0].deliveries, 2);
    gate.open();
    wait_until(DEADLINE, "it to be completed", || {
        consumer.stats().completed == 1
    });
    assert_eq!(seen.all(), [1, 2]);
    assert_eq!((consumer.stats().failed, consumer.stats().lost), (1, 0));
}

/// The server carries out a request that its client has given up, and repeated.
#[test]
fn park_that_comes_late_leaves_the_newer_delivery_alone() {
    let (manager, relay, server) = scene(PARK);
    let (gate, seen) = (Gate::default(), Seen::default());
    let consumer = failing_first(&manager, &gate, &seen);
    relay.keep_next();
    manager.add(&order("1")).unwrap();
    seen.wait_for(2);
    relay.hand_on_kept();
    let held = pending(&server, "orders");
    assert_eq!(held.len(), 1);
    assert_eq!(Some(&held[0].consumer), consumer.name().as_ref());
    gate.open();
    wait_until(DEADLINE, "it to be completed", || {
        consumer.stats().completed == 1
    });
    assert_eq!(seen.all(), [1, 2]);
}

#[test]
fn entry_that_is_given_back_again_leaves_the_newer_delivery_alone() {
    let (manager, relay, server) = scene(PARK);
    let (first, second) = (Gate::default(), Gate::default());
    let doorways = [first.doorway(), second.doorway()];
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders").workers(1).lease(Duration::from_secs(4));
    let consumer = manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.order_id.clone());
            match noted.count() {
                11 => doorways[0].pass(),
                12 => doorways[1].pass(),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    // Quick ones first, so that the reader knows it may read ahead.
    for number in 0..10 {
        manager.add(&order(number.to_string())).unwrap();
    }
    wait_until(DEADLINE, "the quick ones", || {
        consumer.stats().completed == 10
    });
    relay.lose_next();
    let mut connection = server.connect().unwrap();
    let mut pipe = redis::pipe();
    pipe.atomic();
    for name in ["a", "b", "c", "d"] {
        pipe.cmd("XADD").arg("orders").arg("*");
        pipe.arg("order_id").arg(name).arg("amount").arg("1");
    }
    let ids: Vec<String> = pipe.query(&mut connection).unwrap();
    // Three wait behind the first one, and are given back when a lease is over. The
    // next of them comes once more.
    relay.wait_until_lost();
    let me = consumer.name().unwrap();
    let is_ours = || {
        let held = pending(&server, "orders");
        let mut second = held.iter().filter(|entry| entry.id == ids[1]);
        second.next().is_some_and(|entry| entry.consumer == me)
    };
    wait_until(DEADLINE, "it to come back", is_ours);
    first.open();
    seen.wait_for(12);
    relay.open();
    wait_until(DEADLINE, "all to be given back", || {
        consumer.stats().given_back >= 3
    });
    assert!(is_ours(), "{:?}", pending(&server, "orders"));
    second.open();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 14
    });
    let mut names = seen.all().split_off(10);
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn last_delivery_after_crashes_whose_answer_was_lost_runs_alone_all_the_same() {
    let (manager, relay, server) = scene(TAKE_OVER);
    relay.lose_next();
    manager.add(&order("deadly")).unwrap();
    ask::<()>(&server, "XGROUP CREATE orders orders_group 0");
    ask::<redis::Value>(
        &server,
        "XREADGROUP GROUP orders_group crashed STREAMS orders >",
    );
    let id = pending(&server, "orders").remove(0).id;
    ask::<redis::Value>(
        &server,
        &format!("XCLAIM orders orders_group crashed 0 {id} IDLE 60000 RETRYCOUNT 2 JUSTID"),
    );
    let beside = Arc::new(AtomicUsize::new(0));
    let seen = Seen::default();
    let (noted, others) = (seen.clone(), Arc::clone(&beside));
    let handler = move |order: &Delivery<Order>| -> HandlerResult {
        noted.push((order.order_id.clone(), order.attempt()));
        if order.order_id == "deadly" {
            let before = noted.count();
            // Time for others to start, where they may.
            let (_open, nothing) = mpsc::channel::<()>();
            let _ = nothing.recv_timeout(Duration::from_millis(700));
            others.fetch_add(noted.count() - before, Ordering::SeqCst);
        }
        Ok(())
    };
    let config = quick("orders")
        .workers(3)
        .lease(Duration::from_secs(1))
        .retry(RetryPolicy::default().max_deliveries(3));
    let consumer = manager.consume("c", config, handler).unwrap();
    relay.wait_until_lost();
    relay.open();
    let mut added = 1;
    wait_until(DEADLINE, "the deadly one to have run", || {
        manager.add(&order(added.to_string())).unwrap();
        added += 1;
        seen.all().iter().any(|(name, _)| name == "deadly")
    });
    // More come while it runs.
    for _ in 0..5 {
        manager.add(&order(added.to_string())).unwrap();
        added += 1;
    }
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == added
    });
    let deadly: Vec<_> = seen
        .all()
        .into_iter()
        .filter(|(name, _)| name == "deadly")
        .collect();
    assert_eq!(deadly, [("deadly".to_owned(), 3)]);
    assert_eq!(beside.load(Ordering::SeqCst), 0, "ran beside it");
}

/// What others may have by now is not what Redis counts as ours.
#[test]
fn unseen_entry_is_fetched_while_a_handler_runs_past_the_cap() {
    const LEASE: Duration = Duration::from_secs(1);
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let gate = Gate::default();
    let (doorway, seen) = (gate.doorway(), Seen::default());
    let noted = seen.clone();
    let config = quick("orders").lease(LEASE).lease_cap(LEASE);
    let consumer = manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.order_id.clone());
            if order.order_id == "stuck" {
                doorway.pass();
            }
            Ok(())
        })
        .unwrap();
    let id = manager.add(&order("quick")).unwrap().id().unwrap();
    seen.wait_for(1);
    manager.add(&order("stuck")).unwrap();
    wait_until(DEADLINE, "it to be parked", || {
        ask::<u64>(&server, "ZCARD {orders}:waiting:orders_group") == 1
    });
    // An entry that was acknowledged will do for one whose answer was lost.
    let me = consumer.name().unwrap();
    ask::<redis::Value>(
        &server,
        &format!("XCLAIM orders orders_group {me} 0 {id} FORCE JUSTID RETRYCOUNT 1"),
    );
    seen.wait_for(3);
    assert_eq!(seen.all()[2], "quick");
    gate.open();
    wait_until(DEADLINE, "all to be settled", || {
        pending(&server, "orders").is_empty()
    });
}
