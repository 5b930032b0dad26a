//! How many dead letters a stream keeps, and for how long.

use std::time::Duration;

use stream_lib::{ConsumerConfig, HandlerError};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Order, Shop, quick};

/// A shop whose server trims exactly, and a consumer that refuses everything.
fn refusing(config: ConsumerConfig) -> Shop {
    let shop = Shop::open();
    shop.ask::<()>("CONFIG SET stream-node-max-entries 1");
    shop.manager
        .consume_fn::<Order>("c", config, |_| Err(HandlerError::permanent("no").into()))
        .unwrap();
    shop
}

#[test]
fn oldest_dead_letters_beyond_the_length_are_removed() {
    let shop = refusing(quick("orders").dead_letter_max_length(3));
    shop.add_by_hand("orders", 10);
    let consumer = shop.manager.consumer("c").unwrap();
    wait_until(DEADLINE, "the burials", || consumer.stats().dead == 10);
    let letters = shop.manager.dead_letters("orders").unwrap();
    let kept = letters.list(10).unwrap();
    assert_eq!(kept.len(), 3);
}

#[test]
fn dead_letters_beyond_the_age_are_removed() {
    let shop = refusing(quick("orders").dead_letter_max_age(Duration::from_hours(1)));
    let now: Vec<u64> = shop.ask("TIME");
    let hours_ago = |hours: u64| format!("{}-0", now[0] * 1_000 - hours * 3_600_000);
    let (old, older) = (hours_ago(2), hours_ago(3));
    shop.ask::<String>(&format!("XADD {{orders}}:dead {older} order_id 0"));
    shop.ask::<String>(&format!("XADD {{orders}}:dead {old} order_id 1"));
    shop.add_by_hand("orders", 1);
    wait_until(DEADLINE, "the burial", || {
        let letters = shop.dead("orders");
        letters.len() == 1 && letters[0].0 != old
    });
}
