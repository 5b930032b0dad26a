//! The requests of an idle consumer, which still finds due entries in time.

use std::time::Duration;

use stream_lib::{ConsumerConfig, RetryPolicy};
use stream_tests::wait_until;

use crate::monitor::{Monitor, Request};
use crate::support::{DEADLINE, HOUR, Order, Seen, Shop, noting};

const SECOND: Duration = Duration::from_secs(1);

/// A consumer that nothing but the stream keeps busy.
fn alone(stream: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream)
        .workers(1)
        .drain_backup(false)
        .retry(RetryPolicy::list([HOUR]))
        .grace(10 * SECOND)
}

/// The client that reads for the consumer.
fn reader(requests: &[Request]) -> String {
    let read = requests.iter().find(|request| request.is("XREADGROUP"));
    read.unwrap().client.clone()
}

#[test]
fn an_idle_consumer_sends_one_request_each_block_duration() {
    const READS: usize = 10;
    let shop = Shop::open();
    let config = alone("orders").block_duration(SECOND).lease(600 * SECOND);
    let seen = Seen::default();
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    let reads = |monitor: &Monitor| monitor.count("XREADGROUP");
    // The first look and the first sign of life are behind it.
    let monitor = Monitor::start(&shop.server);
    wait_until(DEADLINE, "two reads", || reads(&monitor) >= 2);
    let before = monitor.requests().len();
    wait_until(DEADLINE, "as many reads", || reads(&monitor) >= READS + 2);
    let requests = monitor.requests().split_off(before);
    let reader = reader(&requests);
    let (of_reader, others): (Vec<_>, Vec<_>) = requests
        .into_iter()
        // The manager's cleaner is no consumer.
        .filter(|request| !request.text.contains("retention"))
        .partition(|request| request.client == reader);
    let looks = of_reader.iter().filter(|r| r.is("EVALSHA")).count();
    let reads = of_reader.iter().filter(|r| r.is("XREADGROUP")).count();
    assert_eq!(looks + reads, of_reader.len(), "{of_reader:?}");
    assert!(looks <= reads + 1, "{of_reader:?}");
    // Some where this machine stood still for longer than a read waits.
    assert!(others.len() <= READS / 2, "{others:?}");
}

#[test]
fn due_entries_come_with_the_look_while_the_read_waits() {
    let shop = Shop::open();
    // Parked for a while by a consumer that is gone by then.
    let config = alone("orders").retry(RetryPolicy::list([2 * SECOND]));
    let handler = |_: &stream_lib::Delivery<Order>| Err("later")?;
    let first = shop.manager.consume("first", config, handler).unwrap();
    shop.add_by_hand("orders", 3);
    wait_until(DEADLINE, "three parked", || first.stats().failed == 3);
    first.stop();
    wait_until(DEADLINE, "all to be due", || {
        let now: Vec<u64> = shop.ask("TIME");
        let last: Vec<(String, u64)> =
            shop.ask("ZRANGE {orders}:waiting:orders_group -1 -1 WITHSCORES");
        last[0].1 / 1_000 < now[0]
    });

    let monitor = Monitor::start(&shop.server);
    let seen = Seen::default();
    let config = alone("orders").workers(4).block_duration(60 * SECOND);
    shop.manager
        .consume("second", config, noting(&seen))
        .unwrap();
    seen.wait_for(3);
    shop.wait_until_settled("orders");
    // The checks of a start read, too.
    let mut requests = monitor.requests();
    requests.retain(|r| !r.is("XREADGROUP") || r.text.contains("\"BLOCK\""));
    let reads = requests.iter().filter(|r| r.is("XREADGROUP")).count();
    assert_eq!(reads, 1, "{requests:?}");
    let reader = reader(&requests);
    let claims = |r: &&Request| r.is("EVALSHA") && r.text.contains(":waiting:");
    let claim = requests.iter().filter(claims).find(|r| r.client == reader);
    assert!(claim.is_some(), "{requests:?}");
    assert!(seen.all().iter().all(|(_, attempt)| *attempt == 2));
}

#[test]
fn an_entry_that_becomes_due_while_the_read_waits_is_claimed_then() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    let config = alone("orders")
        .block_duration(60 * SECOND)
        .retry(RetryPolicy::list([SECOND]));
    shop.manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.attempt());
            match order.attempt() {
                1 => Err("once")?,
                _ => Ok(()),
            }
        })
        .unwrap();
    shop.add_by_hand("orders", 1);
    wait_until(40 * SECOND, "the second delivery", || seen.all() == [1, 2]);
}

#[test]
fn a_look_whose_script_the_server_forgot_is_made_again() {
    let shop = Shop::open();
    let seen = Seen::default();
    shop.manager
        .consume("c", alone("orders"), noting(&seen))
        .unwrap();
    let monitor = Monitor::start(&shop.server);
    wait_until(DEADLINE, "a read", || monitor.count("XREADGROUP") > 0);
    shop.ask::<()>("SCRIPT FLUSH");
    // As another process parks one.
    shop.add_by_hand("orders", 1);
    seen.wait_for(1);
    let id: Vec<(String, redis::Value)> = shop.ask("XRANGE orders - +");
    let id = &id[0].0;
    wait_until(DEADLINE, "the first delivery to end", || {
        shop.pending("orders").is_empty()
    });
    shop.ask::<()>("XGROUP SETID orders orders_group 0");
    shop.ask::<redis::Value>("XREADGROUP GROUP orders_group ~waiting COUNT 1 STREAMS orders >");
    shop.ask::<()>(&format!("ZADD {{orders}}:waiting:orders_group 1 {id}"));
    seen.wait_for(2);
    assert_eq!(seen.all()[1], ("0".to_owned(), 2));
}
