//! Members of a group: signs of life, and last deliveries that run alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use stream_lib::{ConsumerEvents, Delivery, HandlerResult, RetryPolicy, events};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, order, quick};

const LEASE: Duration = Duration::from_millis(300);

#[expect(clippy::unnecessary_wraps, reason = "it is a handler")]
fn fine(_: &Delivery<Order>) -> HandlerResult {
    Ok(())
}

#[test]
fn dead_consumers_that_hold_nothing_are_removed_and_others_stay() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    shop.ask::<u8>("XGROUP CREATECONSUMER orders orders_group idle");
    shop.ask::<redis::Value>("XREADGROUP GROUP orders_group holder STREAMS orders >");
    shop.ask::<u8>("XGROUP CREATECONSUMER orders orders_group alive");
    shop.ask::<u8>("ZADD {orders}:members:orders_group 9999999999999 alive");
    shop.ask::<u8>("ZADD {orders}:members:orders_group 9999999999999 holder");
    let config = quick("orders").lease(LEASE).consumer_expiry(LEASE);
    let consumer = shop.manager.consume_fn::<Order>("c", config, fine).unwrap();
    wait_until(DEADLINE, "the idle consumer to be removed", || {
        !shop.consumers("orders").contains(&"idle".to_owned())
    });
    let mut left = shop.consumers("orders");
    left.retain(|name| Some(name) != consumer.name().as_ref());
    assert_eq!(left, ["alive", "holder"]);
}

#[test]
fn entry_on_its_last_delivery_after_crashes_runs_while_nothing_else_does() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    shop.ask::<redis::Value>("XREADGROUP GROUP orders_group crashed STREAMS orders >");
    let id = shop.pending("orders").remove(0).id;
    // Two deliveries of three are gone; its consumer has been dead for long.
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group crashed 0 {id} IDLE 60000 RETRYCOUNT 2 JUSTID"
    ));
    shop.add_by_hand("orders", 400);

    let running = Arc::new(AtomicUsize::new(0));
    let beside = Arc::new(Mutex::new(None));
    let handler = {
        let (running, beside) = (Arc::clone(&running), Arc::clone(&beside));
        move |delivery: &Delivery<Order>| -> HandlerResult {
            let others = running.fetch_add(1, Ordering::SeqCst);
            if delivery.attempt() == 3 {
                *beside.lock() = Some((others, delivery.id().to_string()));
            }
            // Long enough for handlers to overlap where they may.
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let config = quick("orders")
        .workers(4)
        .lease(LEASE)
        .retry(RetryPolicy::default().max_deliveries(3));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, handler)
        .unwrap();
    wait_until(DEADLINE, "all orders", || consumer.stats().completed == 401);
    assert_eq!(beside.lock().clone(), Some((0, id)));
    shop.wait_until_settled("orders");
    wait_until(DEADLINE, "the lock to be released", || {
        shop.ask::<u8>("EXISTS {orders}:lock:alone:orders_group") == 0
    });
    assert_eq!(shop.dead("orders").len(), 0);
}

#[test]
fn last_delivery_after_crashes_comes_before_the_rest_of_a_reply() {
    let shop = Shop::open();
    let (first, second) = (Gate::default(), Gate::default());
    let doorways = [first.doorway(), second.doorway()];
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders")
        .workers(1)
        .lease(Duration::from_secs(6))
        .retry(RetryPolicy::default().max_deliveries(3));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.attempt());
            match noted.count() {
                21 => doorways[0].pass(),
                23 => doorways[1].pass(),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    // Quick ones first, so that the reader knows it may read ahead. One is old
    // enough to have been abandoned.
    shop.ask::<String>("XADD orders 1-1 order_id old amount 1");
    shop.add_by_hand("orders", 19);
    seen.wait_for(20);
    shop.add_by_hand("orders", 1);
    seen.wait_for(21);
    shop.add_by_hand("orders", 15);
    wait_until(DEADLINE, "15 to be buffered", || {
        consumer.stats().buffered == 15
    });
    // The first of them may have come alone, the second not.
    first.open();
    seen.wait_for(23);
    // One that was acknowledged will do for one that has crashed twice.
    shop.ask::<redis::Value>(
        "XCLAIM orders orders_group crashed 0 1-1 IDLE 60000 RETRYCOUNT 2 FORCE JUSTID",
    );
    wait_until(DEADLINE, "it to be taken over", || {
        consumer.stats().taken_over == 1
    });
    second.open();
    wait_until(DEADLINE, "all orders", || consumer.stats().completed == 37);
    assert_eq!(seen.all()[23], 3, "{:?}", seen.all());
}

#[test]
fn last_delivery_waits_while_another_process_has_one() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    shop.ask::<redis::Value>("XREADGROUP GROUP orders_group crashed STREAMS orders >");
    let id = shop.pending("orders").remove(0).id;
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group crashed 0 {id} IDLE 60000 RETRYCOUNT 9 JUSTID"
    ));
    shop.ask::<()>("SET {orders}:lock:alone:orders_group somebody");
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |delivery: &Delivery<Order>| -> HandlerResult {
            seen.push(delivery.attempt());
            Ok(())
        }
    };
    let config = quick("orders").lease(LEASE);
    shop.manager
        .consume_fn::<Order>("c", config, handler)
        .unwrap();
    // New entries are handled meanwhile, in several rounds of takeovers.
    for number in 0..5 {
        shop.manager.add(&order(number.to_string())).unwrap();
        seen.wait_for(number + 1);
        let calls = shop.server.calls("XPENDING");
        wait_until(DEADLINE, "another look at abandoned entries", || {
            shop.server.calls("XPENDING") > calls
        });
    }
    assert!(
        seen.all().iter().all(|attempt| *attempt == 1),
        "{:?}",
        seen.all()
    );
    shop.ask::<u8>("DEL {orders}:lock:alone:orders_group");
    seen.wait_for(6);
    assert_eq!(seen.all()[5], 10);
    shop.wait_until_settled("orders");
}

/// Writes down the name of every event.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, event: impl Into<String>) {
        self.0.lock().push(event.into());
    }

    fn wait_for(&self, event: &str) {
        wait_until(DEADLINE, format!("the event `{event}`"), || {
            self.0.lock().iter().any(|noted| noted == event)
        });
    }
}

impl ConsumerEvents for Diary {
    fn connected(&self, _: &events::Connected<'_>) {
        self.note("connected");
    }

    fn disconnected(&self, _: &events::Disconnected<'_>) {
        self.note("disconnected");
    }

    fn group_recreated(&self, _: &events::GroupRecreated<'_>) {
        self.note("group recreated");
    }

    fn taken_over(&self, event: &events::TakenOver<'_>) {
        self.note(format!("taken over {}", event.entries));
    }

    fn retried(&self, event: &events::Retried<'_>) {
        self.note(format!("retried {}", event.attempt));
    }

    fn dead_lettered(&self, event: &events::DeadLettered<'_>) {
        self.note(format!("dead {}", event.reason));
    }

    fn panicked(&self, event: &events::Panicked<'_>) {
        self.note(format!("panicked {}", event.text));
        panic!("a hook that panics harms nobody");
    }

    fn stopped(&self, event: &events::Stopped<'_>) {
        self.note(format!("stopped {:?}", event.error.kind()));
    }
}

#[test]
fn every_event_is_told() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    shop.ask::<redis::Value>("XREADGROUP GROUP orders_group crashed STREAMS orders >");
    let id = shop.pending("orders").remove(0).id;
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group crashed 0 {id} IDLE 60000 JUSTID"
    ));
    let diary = Diary::default();
    let handler = |delivery: &Delivery<Order>| -> HandlerResult {
        match (delivery.order_id.as_str(), delivery.attempt()) {
            ("panics", 1) => panic!("boom"),
            ("fails", _) => Err("no".into()),
            _ => Ok(()),
        }
    };
    let config = quick("orders")
        .lease(LEASE)
        .retry(RetryPolicy::list([Duration::ZERO; 2]))
        .events(diary.clone());
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, handler)
        .unwrap();
    diary.wait_for("connected");
    diary.wait_for("taken over 1");
    shop.manager.add(&order("panics")).unwrap();
    diary.wait_for("panicked boom");
    diary.wait_for("retried 1");
    shop.manager.add(&order("fails")).unwrap();
    diary.wait_for("retried 2");
    diary.wait_for("dead retries-exhausted");
    shop.wait_until_settled("orders");

    shop.ask::<()>("FLUSHALL");
    diary.wait_for("group recreated");
    shop.server.kill();
    diary.wait_for("disconnected");
    diary.0.lock().clear();
    shop.server.restart();
    diary.wait_for("connected");
    wait_until(DEADLINE, "the group to be there again", || {
        shop.ask::<u8>("EXISTS orders") == 1
    });
    shop.ask::<()>("SET orders text");
    diary.wait_for("stopped WrongType");
    assert!(!consumer.is_running());
}

#[test]
fn age_counts_from_the_first_id_by_the_servers_clock() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |delivery: &Delivery<Order>| -> HandlerResult {
            seen.push(delivery.age());
            Ok(())
        }
    };
    let (seconds, _): (u64, u64) = shop.ask("TIME");
    let hour_ago = (seconds - 3_600) * 1_000;
    shop.ask::<String>(&format!("XADD orders {hour_ago}-0 order_id a amount 1"));
    shop.ask::<String>(&format!(
        "XADD orders * order_id b amount 1 ~origin {hour_ago}-7"
    ));
    shop.ask::<String>("XADD orders * order_id c amount 1");
    let config = quick("orders").workers(1);
    shop.manager
        .consume_fn::<Order>("c", config, handler)
        .unwrap();
    seen.wait_for(3);
    let hours: Vec<_> = seen.all().iter().map(|age| age.as_secs() / 3_500).collect();
    assert_eq!(hours, [1, 1, 0]);
}
