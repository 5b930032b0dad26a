//! One rate for a whole group.

use std::time::{Duration, Instant, SystemTime};

use stream_lib::{BatchConfig, BatchDelivery, RateLimit, StreamManager};
use stream_tests::wait_until;

use crate::support::{DEADLINE, HOUR, Order, Seen, Shop, quick};

/// A turn may be used so much later than its time, when others' come as well.
const SPARE: Duration = Duration::from_millis(50);

/// In no window of time are there more than the rate allows, the burst, and those that
/// begin late. The times are taken in the handlers, some time after each turn: a machine
/// that stands still makes them come closer, so that `slack` widens each window.
#[track_caller]
pub(super) fn assert_kept(times: &[Instant], per_second: f64, burst: usize) {
    let slack = Duration::from_millis(250);
    let mut times = times.to_vec();
    times.sort();
    for (at, first) in times.iter().enumerate() {
        for (behind, last) in times.iter().enumerate().skip(at) {
            let window = (*last - *first + SPARE + slack).as_secs_f64();
            let most = per_second * window + 1.0;
            let count = behind - at + 1;
            #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
            let is_kept = (count - burst.min(count)) as f64 <= most;
            assert!(is_kept, "{count} in {:?}", *last - *first);
        }
    }
}

#[test]
fn rate_is_kept_by_all_processes_together() {
    const ORDERS: usize = 200;
    let shop = Shop::open();
    shop.add_by_hand("orders", ORDERS);
    let managers: Vec<_> = (0..4)
        .map(|_| StreamManager::connect(shop.server.url().as_str()).unwrap())
        .collect();
    let seen = Seen::default();
    let began = Instant::now();
    for manager in &managers {
        let seen = seen.clone();
        let config = quick("orders").rate_limit(RateLimit::per_second(100).burst(10));
        manager
            .consume_fn::<Order>("c", config, move |_| {
                seen.push(Instant::now());
                Ok(())
            })
            .unwrap();
    }
    seen.wait_for(ORDERS);
    assert!(began.elapsed() >= Duration::from_millis(1_800), "no sooner");
    assert_kept(&seen.all(), 100.0, 10);
    shop.wait_until_settled("orders");
}

#[test]
fn batches_keep_the_rate_entry_by_entry() {
    const ORDERS: usize = 150;
    let shop = Shop::open();
    shop.add_by_hand("orders", ORDERS);
    let seen = Seen::default();
    let noted = seen.clone();
    let handler = move |batch: &[BatchDelivery<Order>]| {
        for _ in batch {
            noted.push(Instant::now());
        }
        Ok(())
    };
    let config = quick("orders").rate_limit(RateLimit::per_second(100).burst(20));
    let batch = BatchConfig::new(50);
    let consumer = shop
        .manager
        .consume_batches::<Order>("c", config, batch, handler)
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == ORDERS as u64
    });
    assert_kept(&seen.all(), 100.0, 20);
}

#[test]
fn entries_are_not_hoarded_for_turns_far_ahead() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1_000);
    let config = quick("orders").rate_limit(RateLimit::per_second(2));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, "a few to be completed", || {
        consumer.stats().completed >= 3
    });
    assert!(
        shop.pending("orders").len() <= 8,
        "{:?}",
        shop.pending("orders")
    );
    let report = consumer.stop();
    assert_eq!(report.still_running, 0);
    assert!(
        shop.pending("orders")
            .iter()
            .all(|p| p.consumer == "~waiting")
    );
}

#[test]
fn nothing_begins_while_the_rate_can_not_be_asked_for() {
    let shop = Shop::open();
    shop.ask::<()>("SADD {orders}:rate:orders_group wrong");
    shop.add_by_hand("orders", 5);
    let log = stream_tests::LogCapture::start();
    let config = quick("orders").rate_limit(RateLimit::per_second(1_000));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, "the trouble to be told", || {
        log.containing("can't be asked for").len() == 1
    });
    assert_eq!(consumer.stats().completed, 0);
    shop.ask::<()>("DEL {orders}:rate:orders_group");
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 5
    });
}

/// Its workers learn of the hold when they ask for turns, and the release is noticed
/// although the hold had an hour to go.
#[test]
fn group_with_a_rate_goes_on_when_its_hold_is_released() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    let config = quick("orders")
        .lease(Duration::from_secs(3))
        .rate_limit(RateLimit::per_second(100));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, "the first to be completed", || {
        consumer.stats().completed == 1
    });
    let until = SystemTime::now() + HOUR;
    shop.manager
        .hold("orders", "orders_group", until, "a test")
        .unwrap();
    shop.add_by_hand("orders", 50);
    wait_until(DEADLINE, "the hold to be noticed", || {
        consumer.held_until().is_some()
    });
    assert!(shop.manager.release("orders", "orders_group").unwrap());
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 51
    });
}
