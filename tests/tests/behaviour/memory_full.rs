//! Redis without memory: only operations that need memory wait.

use std::sync::Arc;
use std::time::Duration;

use stream_lib::{
    BatchConfig, BatchDelivery, Consumer, Delivery, HandlerError, HandlerResult, RetryPolicy,
};
use stream_tests::{LogCapture, wait_until};

use crate::support::{DEADLINE, Doorway, Gate, Order, Seen, Shop, quick, read_and_die};

const GOOD: u64 = 200;
const BAD: u64 = 30;

/// Orders that are no good stand among the others.
fn add(shop: &Shop, stream: &str) {
    let mut connection = shop.server.connect().unwrap();
    let mut pipe = redis::pipe();
    for number in 0..GOOD + BAD {
        let is_bad = number % 7 == 0 && number / 7 < BAD;
        let id = format!("{}-{number}", if is_bad { "bad" } else { "good" });
        pipe.cmd("XADD").arg(stream).arg("*");
        pipe.arg("order_id").arg(id).arg("amount").arg("9.5");
    }
    let ids: Vec<String> = pipe.query(&mut connection).unwrap();
    assert_eq!(ids.len() as u64, GOOD + BAD);
}

fn fill_memory(shop: &Shop) {
    shop.ask::<()>("CONFIG SET maxmemory 1");
    let added = shop
        .server
        .try_command::<String>(&["XADD", "x", "*", "a", "b"]);
    assert!(added.is_err(), "there is memory left");
}

fn free_memory(shop: &Shop) {
    shop.ask::<()>("CONFIG SET maxmemory 0");
}

fn judging(doorway: &Arc<Doorway>) -> impl Fn(&Delivery<Order>) -> HandlerResult + use<> {
    let doorway = Arc::clone(doorway);
    move |order| {
        doorway.pass();
        if order.order_id.starts_with("bad") {
            return Err(HandlerError::permanent("no such user").into());
        }
        Ok(())
    }
}

/// A consumer of all orders at full memory, once the good ones are acknowledged.
fn consume(shop: &Shop, stream: &str) -> Consumer {
    let gate = Gate::default();
    add(shop, stream);
    let handler = judging(&gate.doorway());
    let consumer = shop.manager.consume("c", quick(stream), handler).unwrap();
    wait_until(DEADLINE, "a handler to run", || {
        consumer.stats().running > 0
    });
    fill_memory(shop);
    gate.open();
    wait_until(DEADLINE, "the good ones to be acknowledged", || {
        consumer.stats().completed == GOOD
    });
    wait_until(DEADLINE, "the others to be seen", || {
        consumer.stats().settling as u64 == BAD
    });
    assert_eq!(consumer.stats().dead, 0);
    assert_eq!(shop.pending(stream).len() as u64, BAD);
    consumer
}

#[test]
fn burials_wait_for_memory_and_hold_up_nothing() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let consumer = consume(&shop, "crowded");
    let told = || {
        let waits = log.containing("entries of `crowded` can't go to the dead letters");
        assert!(
            waits.iter().all(|line| line.text.contains("OOM")),
            "{waits:#?}"
        );
        waits.len()
    };
    wait_until(DEADLINE, "the wait to be told", || told() == 1);
    free_memory(&shop);
    wait_until(DEADLINE, "the burials", || consumer.stats().dead == BAD);
    shop.wait_until_settled("crowded");
    let letters = shop.manager.dead_letters("crowded").unwrap();
    assert_eq!(letters.count().unwrap(), BAD);
    assert!(
        letters
            .list(100)
            .unwrap()
            .iter()
            .all(|l| l.reason() == "permanent")
    );
    assert_eq!(told(), 1, "once");
    wait_until(DEADLINE, "the end to be told", || {
        log.containing("entries of `crowded` go to the dead letters")
            .len()
            == 1
    });
}

#[test]
fn stop_leaves_entries_that_could_not_be_buried_to_the_next_life() {
    let shop = Shop::open();
    let consumer = consume(&shop, "orders");
    consumer.stop();
    let pending = shop.pending("orders");
    assert_eq!(pending.len() as u64, BAD);
    assert!(
        pending.iter().all(|p| p.consumer == "~waiting"),
        "{pending:?}"
    );
    assert!(shop.consumers("orders").is_empty());
    free_memory(&shop);
    consumer.start().unwrap();
    wait_until(DEADLINE, "the burials", || consumer.stats().dead == BAD);
    shop.wait_until_settled("orders");
    let letters = shop.manager.dead_letters("orders").unwrap();
    let kept = letters.list(100).unwrap();
    assert_eq!(kept.len() as u64, BAD);
    for letter in kept {
        assert_eq!((letter.reason(), letter.deliveries()), ("permanent", 1));
    }
}

#[test]
fn many_that_can_not_be_buried_come_again_later_instead_of_filling_this_process() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    shop.add_by_hand("orders", 1_500);
    let handler = move |_: &[BatchDelivery<Order>]| -> HandlerResult {
        doorway.pass();
        Err(HandlerError::permanent("no such user").into())
    };
    let config = quick("orders").retry(RetryPolicy::list([Duration::ZERO]));
    let consumer = shop
        .manager
        .consume_batches("c", config, BatchConfig::new(100), handler)
        .unwrap();
    wait_until(DEADLINE, "a handler to run", || {
        consumer.stats().running > 0
    });
    fill_memory(&shop);
    gate.open();
    wait_until(DEADLINE, "the last ones to be put off", || {
        let stats = consumer.stats();
        let groups = shop.manager.stream_stats("orders").unwrap().groups;
        stats.settling <= 1_000
            && stats.failed + stats.settling as u64 == 1_500
            && groups[0].waiting == stats.failed
    });
    free_memory(&shop);
    let due = "for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do \
               redis.call('ZADD', KEYS[1], 1, id) end";
    let waiting = "{orders}:waiting:orders_group";
    shop.server.command::<()>(&["EVAL", due, "1", waiting]);
    wait_until(DEADLINE, "the burials", || consumer.stats().dead == 1_500);
}

#[test]
fn entry_that_ran_alone_and_can_not_be_buried_lets_the_others_go_on() {
    let shop = Shop::open();
    let lease = Duration::from_millis(500);
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 1);
    let gate = Gate::default();
    let doorway = gate.doorway();
    let alone = Seen::default();
    let noted = alone.clone();
    let handler = move |order: &Delivery<Order>| -> HandlerResult {
        if order.attempt() == 1 {
            return Ok(());
        }
        noted.push(order.attempt());
        doorway.pass();
        Err("no stock".into())
    };
    let policy = RetryPolicy::list([Duration::ZERO]);
    let config = quick("orders").lease(lease).retry(policy);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    alone.wait_for(1);
    shop.add_by_hand("orders", 20);
    fill_memory(&shop);
    gate.open();
    wait_until(DEADLINE, "the others to be completed", || {
        consumer.stats().completed == 20
    });
    assert_eq!((consumer.stats().dead, alone.all()), (0, vec![2]));
    free_memory(&shop);
    wait_until(DEADLINE, "the burial", || consumer.stats().dead == 1);
    shop.wait_until_settled("orders");
}

#[test]
fn entry_without_deliveries_left_is_never_run_again_however_late_its_burial() {
    let shop = Shop::open();
    let lease = Duration::from_millis(300);
    let seen = Seen::default();
    let start = |name: &str| {
        let noted = seen.clone();
        let config = quick("orders").lease(lease);
        let handler = move |order: &Delivery<Order>| -> HandlerResult {
            noted.push(order.attempt());
            Ok(())
        };
        shop.manager.consume(name, config, handler).unwrap()
    };
    shop.ask::<()>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    shop.add_by_hand("orders", 1);
    read_and_die(&shop.server, "dead", 1);
    let held: Vec<(String, String, u64, u64)> = shop.ask("XPENDING orders orders_group - + 1");
    let id = held[0].0.clone();
    let killed = format!("XCLAIM orders orders_group dead 0 {id} RETRYCOUNT 10 JUSTID");
    shop.ask::<Vec<String>>(&killed);
    fill_memory(&shop);
    let consumer = start("c");
    wait_until(DEADLINE, "its deliveries to be found used up", || {
        consumer.stats().taken_over == 1
    });
    consumer.stop();
    let held: Vec<(String, String, u64, u64)> = shop.ask("XPENDING orders orders_group - + 1");
    assert_eq!(held[0].3, 10, "{held:?}");
    free_memory(&shop);
    let consumer = start("d");
    wait_until(DEADLINE, "its burial", || consumer.stats().dead == 1);
    assert_eq!(seen.count(), 0, "{:?}", seen.all());
}
