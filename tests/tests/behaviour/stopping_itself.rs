//! Starts and stops by a consumer's handle.

use std::sync::{Arc, OnceLock};

use stream_lib::{Consumer, Delivery, ErrorKind, HandlerResult};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Order, Seen, Shop, noting, order, quick};

#[test]
fn handle_starts_and_stops_its_consumer() {
    let shop = Shop::open();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .create_consumer("c", quick("orders"), noting(&seen))
        .unwrap();
    let report = consumer.stop();
    assert_eq!(report.completed, 0, "it doesn't run yet");
    for count in 1..=3 {
        consumer.start().unwrap();
        assert_eq!(
            consumer.start().unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
        shop.manager.add(&order(count.to_string())).unwrap();
        seen.wait_for(count);
        let report = consumer.stop();
        assert_eq!((report.completed, report.still_running), (count as u64, 0));
        assert!(!consumer.is_running());
    }
    assert!(shop.consumers("orders").is_empty(), "it has left its group");
}

#[test]
fn handler_stops_its_own_consumer() {
    let shop = Shop::open();
    let own = Arc::new(OnceLock::<Consumer>::new());
    let handler = {
        let own = Arc::clone(&own);
        move |_: &Delivery<Order>| -> HandlerResult {
            let report = own.wait().stop();
            assert_eq!(report.still_running, 1, "this handler");
            Ok(())
        }
    };
    let consumer = shop.manager.consume("c", quick("orders"), handler).unwrap();
    own.set(consumer.clone()).unwrap();
    shop.add_by_hand("orders", 1);
    wait_until(DEADLINE, "the stop", || !consumer.is_running());
    let report = consumer.stop();
    assert_eq!((report.completed, report.still_running), (1, 0));
    assert_eq!(consumer.stats().panicked, 0);
}

#[test]
fn removed_consumer_does_not_start_where_no_shutdown_would_stop_it() {
    let shop = Shop::open();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    shop.manager.remove_consumer("c").unwrap();
    assert_eq!(consumer.start().unwrap_err().kind(), ErrorKind::Closed);
    assert!(!consumer.is_running());
}
