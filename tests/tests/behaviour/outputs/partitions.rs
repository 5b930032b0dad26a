//! Outputs to and from partitioned streams; holds and rates of their groups.

use std::time::{Duration, SystemTime};

use stream_lib::{Envelope, RateLimit, StreamConfig};
use stream_tests::wait_until;

use super::{ids, patient, settled};
use crate::support::{DEADLINE, HOUR, Order, Shop, order, quick};

/// Declares four partitions.
fn declare(shop: &Shop, stream: &str) {
    let config = StreamConfig::new(stream).partitions(4);
    let producer = shop.manager.create_simple_producer(stream, config).unwrap();
    drop(producer);
    wait_until(DEADLINE, "the partitions to be declared", || {
        shop.ask::<u64>(&format!("HEXISTS {{{stream}}}:meta partitions")) == 1
    });
}

/// The order ids in each of four partitions.
fn parts(shop: &Shop, stream: &str) -> Vec<Vec<String>> {
    let part = |number| ids(shop, &format!("{{{stream}:{number}}}"));
    (0..4).map(part).collect()
}

#[test]
fn outputs_go_to_the_partitions_of_their_stream() {
    let shop = Shop::open();
    declare(&shop, "settled");
    shop.add_by_hand("orders", 400);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", patient("orders"), |order| {
            let one = settled(&order.order_id);
            order.produce(Envelope::new(&one).idempotency_key(&order.order_id))?;
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 400
    });
    let parts = parts(&shop, "settled");
    let mut all: Vec<usize> = parts
        .concat()
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    all.sort_unstable();
    assert_eq!(all, (0..400).collect::<Vec<_>>());
    assert!(parts.iter().all(|part| part.len() > 50), "evenly");
    assert_eq!(shop.ask::<u64>("EXISTS settled"), 0);
    // Where a producer would have put it.
    let at = |id: &str| {
        parts
            .iter()
            .position(|part| part.iter().any(|other| other == id))
    };
    let producer = shop.manager.producer::<super::Settled>("settled").unwrap();
    for id in ["3", "57", "399"] {
        producer
            .with(&settled(id))
            .idempotency_key(id)
            .add()
            .unwrap();
        let now = self::parts(&shop, "settled");
        let lengths = |parts: &[Vec<String>]| parts.iter().map(Vec::len).sum::<usize>();
        assert_eq!(lengths(&now), 400, "it was there already, at {:?}", at(id));
    }
}

#[test]
fn entries_of_partitions_have_outputs_holds_and_rates_as_any() {
    let shop = Shop::open();
    declare(&shop, "orders");
    let until = SystemTime::now() + HOUR;
    shop.manager
        .hold("orders", "orders_group", until, "a test")
        .unwrap();
    let producer = shop.manager.producer::<Order>("orders").unwrap();
    let orders: Vec<_> = (0..200).map(|number| order(number.to_string())).collect();
    assert!(producer.add_all(&orders).iter().all(Result::is_ok));
    let config = quick("orders")
        .lease(Duration::from_millis(300))
        .rate_limit(RateLimit::per_second(100).burst(5));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, |order| {
            order.produce(&settled(&order.order_id))?;
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "the hold to be noticed", || {
        consumer.held_until().is_some()
    });
    wait_until(DEADLINE, "a few signs of life", || {
        shop.server.calls("evalsha") > 40
    });
    assert_eq!(consumer.stats().completed, 0);
    let began = std::time::Instant::now();
    assert!(shop.manager.release("orders", "orders_group").unwrap());
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 200
    });
    assert!(
        began.elapsed() >= Duration::from_millis(1_900),
        "by one rate"
    );
    super::assert_each_once(&shop, "settled", 200);
}
