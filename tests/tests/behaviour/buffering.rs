//! Read-ahead: only entries that start soon.

use std::sync::mpsc;
use std::time::Duration;

use stream_lib::{Delivery, HandlerResult};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, noting, quick};

#[test]
fn slow_handlers_leave_the_backlog_to_those_who_are_idle() {
    let shop = Shop::open();
    let lease = Duration::from_mins(5);
    let gate = Gate::default();
    let doorway = gate.doorway();
    let seen = Seen::default();
    let noted = seen.clone();
    let handler = move |order: &Delivery<Order>| -> HandlerResult {
        noted.push(order.order_id.clone());
        if noted.count() == 1 {
            // The handler's time, from which the consumer learns.
            let (_open, nothing) = mpsc::channel::<()>();
            let _ = nothing.recv_timeout(Duration::from_millis(1_500));
        } else {
            doorway.pass();
        }
        Ok(())
    };
    let config = quick("orders").workers(1).lease(lease);
    let slow = shop.manager.consume("slow", config, handler).unwrap();
    shop.add_by_hand("orders", 12);
    seen.wait_for(2);
    assert_eq!(slow.stats().delivered, 2);

    let others = Seen::default();
    let config = quick("orders").lease(lease);
    shop.manager
        .consume("idle", config, noting(&others))
        .unwrap();
    others.wait_for(10);
    gate.open();
    wait_until(DEADLINE, "the slow one to end", || {
        slow.stats().completed == 2
    });
    shop.wait_until_settled("orders");
}

#[test]
fn first_entry_is_read_alone_where_nobody_knows_how_long_handlers_take() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let handler = move |_: &Delivery<Order>| -> HandlerResult {
        doorway.pass();
        Ok(())
    };
    shop.add_by_hand("orders", 100);
    let consumer = shop
        .manager
        .consume("c", quick("orders").workers(3), handler)
        .unwrap();
    wait_until(DEADLINE, "the handlers to run", || {
        consumer.stats().running == 3
    });
    assert_eq!(consumer.stats().delivered, 3);
    gate.open();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 100
    });
}
