//! Entries so large that the server refuses to send many of them at a time.

use std::time::Duration;

use stream_lib::{Consumer, Delivery, HandlerResult, RawMessage, RetryPolicy};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Seen, Shop, quick};

const ENTRIES: usize = 60;

/// A shop whose server closes connections that have 8 MB to read.
fn strict() -> Shop {
    let shop = Shop::open();
    let limit = "normal 8mb 8mb 0";
    let set = ["CONFIG", "SET", "client-output-buffer-limit", limit];
    shop.server.command::<()>(&set);
    shop
}

/// Adds entries of 1 MB.
fn add_large(shop: &Shop, count: usize) {
    let body = "x".repeat(1 << 20);
    for number in 0..count {
        let number = number.to_string();
        let add = ["XADD", "photos", "*", "number", &number, "body", &body];
        shop.server.command::<String>(&add);
    }
}

fn number(photo: &Delivery<RawMessage>) -> usize {
    photo.get_str("number").unwrap().parse().unwrap()
}

fn wait_for_all(shop: &Shop, consumer: &Consumer) {
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == ENTRIES as u64
    });
    shop.wait_until_settled("photos");
}

/// Every number once.
fn assert_each_once(mut seen: Vec<usize>) {
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..ENTRIES));
}

#[test]
fn entries_too_large_to_be_read_together_are_read_in_smaller_portions() {
    let shop = strict();
    add_large(&shop, ENTRIES);
    let seen = Seen::default();
    let noted = seen.clone();
    let consumer = shop
        .manager
        .consume_fn::<RawMessage>("c", quick("photos").workers(4), move |photo| {
            noted.push(number(photo));
            Ok(())
        })
        .unwrap();
    wait_for_all(&shop, &consumer);
    assert_each_once(seen.all());
}

#[test]
fn entries_too_large_to_come_back_together_come_back_in_smaller_portions() {
    let shop = strict();
    add_large(&shop, ENTRIES);
    let seen = Seen::default();
    let noted = seen.clone();
    let failing = move |photo: &Delivery<RawMessage>| -> HandlerResult {
        if photo.attempt() == 1 {
            return Err("not yet".into());
        }
        noted.push(number(photo));
        Ok(())
    };
    let at_once = RetryPolicy::exponential(Duration::from_millis(1));
    let config = quick("photos").workers(20).retry(at_once);
    let consumer = shop.manager.consume("c", config, failing).unwrap();
    wait_for_all(&shop, &consumer);
    assert_each_once(seen.all());
    let stats = consumer.stats();
    // An answer that was lost had a delivery that nobody saw.
    assert!(stats.failed <= ENTRIES as u64, "{stats}");
}

#[test]
fn entry_too_large_to_be_read_at_all_is_buried_and_holds_up_nobody() {
    let shop = strict();
    let body = "x".repeat(9 << 20);
    let add = ["XADD", "photos", "*", "number", "0", "body", &body];
    let large: String = shop.server.command(&add);
    add_large(&shop, 3);
    let at_once = RetryPolicy::list([Duration::ZERO]);
    let config = quick("photos").retry(at_once);
    let consumer = shop
        .manager
        .consume_fn::<RawMessage>("c", config, |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead) == (3, 1)
    });
    shop.wait_until_settled("photos");
    let id = "redis.call('XRANGE', KEYS[1], '-', '+')[1][2]";
    let script =
        format!("local f = {id} for i = 1, #f, 2 do if f[i] == '~id' then return f[i+1] end end");
    let buried: String = shop
        .server
        .command(&["EVAL", &script, "1", "{photos}:dead"]);
    assert_eq!(buried, large);
}
