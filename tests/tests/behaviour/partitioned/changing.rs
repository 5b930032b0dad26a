//! Streams that get their partitions late, and servers that start late.

use stream_lib::{ConnectionConfig, StreamConfig, StreamManager};
use stream_tests::{LogCapture, Server, wait_until};

use super::support::{Parts, eager};
use crate::support::{DEADLINE, Seen, Shop, noting, order, threads};

#[test]
fn a_consumer_that_runs_finds_partitions_that_come_later() {
    let parts = Parts {
        shop: Shop::open(),
        count: 8,
    };
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", eager(), noting(&seen))
        .unwrap();
    assert_eq!(consumer.partitions(), None);
    parts.shop.add_by_hand("orders", 1);
    seen.wait_for(1);
    parts.declare();
    parts.add(0..80);
    seen.wait_for(81);
    parts.wait_for_shares(&[&consumer]);
    parts.wait_until_settled();
    // The stream itself has been left.
    assert!(parts.shop.consumers("orders").is_empty());
    assert!(parts.shop.pending("orders").is_empty());
    assert!(consumer.is_running());
    let stopped = consumer.stop();
    assert_eq!((stopped.completed, stopped.still_running), (81, 0));
    assert!(parts.owners().iter().all(Option::is_none));
}

#[test]
fn a_consumer_may_start_before_the_producer_that_says_how_many() {
    let shop = Shop::open();
    let seen = Seen::default();
    let consumer = shop.manager.consume("c", eager(), noting(&seen)).unwrap();
    let config = StreamConfig::new("orders").partitions(8);
    shop.manager.create_simple_producer("p", config).unwrap();
    for number in 0..40 {
        shop.manager
            .add_to("p", &order(number.to_string()))
            .unwrap();
    }
    seen.wait_for(40);
    assert_eq!(consumer.stats().partitions, Some(8));
}

#[test]
fn a_consumer_that_started_without_redis_finds_the_partitions() {
    let server = Server::options().appendonly(stream_tests::Fsync::Always);
    let parts = Parts {
        shop: Shop::with(server.start().unwrap()),
        count: 4,
    };
    parts.declare();
    parts.add(0..40);
    parts.shop.server.kill();
    let config = ConnectionConfig::new(parts.shop.server.url()).unwrap();
    let manager = StreamManager::connect_lazy(config).unwrap();
    let seen = Seen::default();
    let consumer = manager.consume("c", eager(), noting(&seen)).unwrap();
    assert_eq!(consumer.partitions(), None);
    parts.shop.server.restart();
    seen.wait_for(40);
    parts.wait_for_shares(&[&consumer]);
    parts.wait_until_settled();
    assert_eq!(parts.shop.ask::<u8>("EXISTS orders"), 0);
}

#[test]
fn an_outage_is_told_once_for_all_partitions() {
    let log = LogCapture::start();
    let server = Server::options().appendonly(stream_tests::Fsync::Always);
    let parts = Parts {
        shop: Shop::with(server.start().unwrap()),
        count: 8,
    };
    parts.declare();
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", eager().consumer("out-of-parts"), noting(&seen))
        .unwrap();
    parts.wait_for_shares(&[&consumer]);
    parts.shop.server.kill();
    wait_until(DEADLINE, "it to be held up", || {
        consumer.held_up().is_some()
    });
    parts.shop.server.restart();
    parts.add(0..8);
    seen.wait_for(8);
    let told = |what| {
        let is_it = |text: &str| text.contains("out-of-parts") && text.contains(what);
        log.matching(|line| is_it(&line.text))
    };
    wait_until(DEADLINE, "it to work again", || {
        told("works again").len() == 1
    });
    assert!(consumer.held_up().is_none());
    let mut outages = told("is held up");
    // A server that loads its data is another cause.
    outages.retain(|line| !line.text.contains("LOADING"));
    assert_eq!(outages.len(), 1, "{outages:#?}");
    parts.wait_for_shares(&[&consumer]);
}

#[test]
fn a_consumer_that_can_not_start_says_so_and_leaves_no_thread() {
    let parts = Parts::open(4);
    parts.shop.ask::<()>("SET {orders:2} text");
    let seen = Seen::default();
    let config = eager().consumer("barred");
    let error = parts
        .shop
        .manager
        .consume("c", config, noting(&seen))
        .unwrap_err();
    assert_eq!(error.kind(), stream_lib::ErrorKind::WrongType, "{error}");
    assert_eq!(
        parts.shop.ask::<u8>("EXISTS {orders}:members:orders_group"),
        0
    );
    assert!(threads("{orders:").is_empty() || parts.owners().iter().all(Option::is_none));
}
