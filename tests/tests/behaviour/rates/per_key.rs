//! A rate for each value of a field.

use std::time::{Duration, Instant, SystemTime};

use stream_lib::{RateLimit, RawMessage};
use stream_tests::wait_until;

use super::whole_group::assert_kept;
use crate::support::{DEADLINE, Seen, Shop, quick};

#[test]
fn each_value_has_a_rate_of_its_own() {
    const EACH: usize = 12;
    let shop = Shop::open();
    for _ in 0..EACH {
        for user in ["ann", "bob", "cy"] {
            shop.ask::<String>(&format!("XADD orders * user {user}"));
        }
    }
    // Those without the field share one.
    for _ in 0..EACH {
        shop.ask::<String>("XADD orders * a b");
    }
    let seen = Seen::default();
    let noted = seen.clone();
    let limit = RateLimit::per_second(10).burst(2).per_key("user");
    let config = quick("orders").rate_limit(limit);
    let consumer = shop
        .manager
        .consume_fn::<RawMessage>("c", config, move |message| {
            let user = message.get_str("user").unwrap_or_default().to_owned();
            noted.push((user, Instant::now(), message.attempt()));
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 4 * EACH as u64
    });
    let all = seen.all();
    for user in ["ann", "bob", "cy", ""] {
        let of = all.iter().filter(|(name, ..)| name == user);
        let times: Vec<_> = of.map(|(_, at, _)| *at).collect();
        assert_eq!(times.len(), EACH, "of {user}");
        assert_kept(&times, 10.0, 2);
    }
    assert!(
        all.iter().all(|(.., attempt)| *attempt == 1),
        "waiting isn't counted"
    );
    assert_eq!(consumer.stats().failed, 0);
}

#[test]
fn turns_that_passed_during_a_hold_are_not_used_at_once() {
    const ORDERS: usize = 20;
    let shop = Shop::open();
    for _ in 0..ORDERS {
        shop.ask::<String>("XADD orders * user ann");
    }
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders")
        .lease(Duration::from_millis(300))
        .rate_limit(RateLimit::per_second(5).per_key("user"));
    shop.manager
        .consume_fn::<RawMessage>("c", config, move |_| {
            noted.push(Instant::now());
            Ok(())
        })
        .unwrap();
    seen.wait_for(2);
    let until = SystemTime::now() + Duration::from_secs(2);
    shop.manager
        .hold("orders", "orders_group", until, "a break")
        .unwrap();
    seen.wait_for(ORDERS);
    assert_kept(&seen.all(), 5.0, 1);
}
