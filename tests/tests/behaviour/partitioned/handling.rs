//! Entries of all partitions, in one pool of workers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stream_lib::{BatchConfig, Delivery, HandlerError, HandlerResult, RetryPolicy};
use stream_tests::{LogCapture, wait_until};

use super::support::{Parts, eager, name};
use crate::support::{DEADLINE, Order, Pairs, Seen, noting, quick};

#[test]
fn one_worker_handles_each_partition_in_order() {
    let parts = Parts::open(8);
    parts.add(0..2_000);
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders").workers(1);
    let consumer = parts
        .shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push((order.partition(), order.order_id.parse::<usize>()?));
            Ok(())
        })
        .unwrap();
    parts.add(2_000..4_000);
    seen.wait_for(4_000);
    let mut by_partition = BTreeMap::<_, Vec<_>>::new();
    for (partition, number) in seen.all() {
        by_partition.entry(partition).or_default().push(number);
    }
    assert_eq!(by_partition.len(), 8);
    for (partition, numbers) in by_partition {
        assert!(numbers.is_sorted(), "{partition:?}: {numbers:?}");
        assert_eq!(numbers.len(), 500);
    }
    assert_eq!(consumer.stop().completed, 4_000);
}

#[test]
fn a_busy_partition_starves_no_other() {
    const BACKLOG: usize = 3_000;
    let parts = Parts::open(16);
    let all = |n: usize| n * 16;
    // All of them in the first one.
    parts.add((0..BACKLOG).map(all));
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders").workers(1);
    let _consumer = parts
        .shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.partition());
            stream_tests::poll(Duration::from_millis(1), || None::<()>);
            Ok(())
        })
        .unwrap();
    seen.wait_for(300);
    parts.add(1..16);
    wait_until(DEADLINE, "the others", || {
        let seen = seen.all();
        (1..16).all(|n| seen.contains(&Some(n)))
    });
    assert!(seen.count() < BACKLOG, "the first one was emptied before");
}

#[test]
fn poison_in_one_partition_stops_no_other() {
    let parts = Parts::open(4);
    parts.add(0..400);
    let seen = Seen::default();
    let noted = seen.clone();
    let config =
        eager().retry(RetryPolicy::exponential(Duration::from_millis(5)).max_deliveries(3));
    let consumer = parts
        .shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.partition());
            match (order.partition(), order.order_id.parse::<usize>()? % 3) {
                (Some(2), 0) => Err(HandlerError::permanent("never").into()),
                (Some(2), 1) => Err("not yet".into()),
                (Some(2), _) => panic!("as it is to"),
                _ => Ok(()),
            }
        })
        .unwrap();
    wait_until(DEADLINE, "all to be settled", || {
        let stats = consumer.stats();
        stats.completed == 300 && stats.dead == 100
    });
    parts.wait_until_settled();
    let dead = |n| parts.shop.ask::<usize>(&format!("XLEN {}:dead", name(n)));
    assert_eq!((0..4).map(dead).collect::<Vec<_>>(), [0, 0, 100, 0]);
    let letters: Vec<(String, Pairs)> = parts
        .shop
        .ask(&format!("XRANGE {}:dead - + COUNT 1", name(2)));
    let group = (b"~group".to_vec(), b"orders_group".to_vec());
    assert!(letters[0].1.contains(&group), "{letters:?}");
}

#[test]
fn failed_entries_come_again_in_their_partition() {
    let parts = Parts::open(4);
    parts.add(0..40);
    let seen = Seen::default();
    let noted = seen.clone();
    let _consumer = parts
        .shop
        .manager
        .consume_fn::<Order>("c", eager(), move |order| {
            noted.push((order.order_id.clone(), order.attempt(), order.partition()));
            if order.attempt() < 3 {
                return Err("again".into());
            }
            Ok(())
        })
        .unwrap();
    seen.wait_for(120);
    parts.wait_until_settled();
    for (id, _, partition) in seen.all() {
        let number: u16 = id.parse().unwrap();
        assert_eq!(partition, Some(number % 4));
    }
}

#[test]
fn a_partition_that_was_deleted_heals_alone() {
    let log = LogCapture::start();
    let parts = Parts::open(4);
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", eager(), noting(&seen))
        .unwrap();
    parts.wait_for_shares(&[&consumer]);
    parts.add(0..4);
    seen.wait_for(4);
    parts.wait_until_settled();
    parts.shop.ask::<u8>(&format!("DEL {}", name(3)));
    parts.add(4..8);
    seen.wait_for(8);
    parts.wait_until_settled();
    // No other test deletes a partition.
    let is_it =
        |text: &str| text.contains("{orders:") && text.contains("had vanished and was made");
    let healed = log.matching(|line| is_it(&line.text));
    assert_eq!(healed.len(), 1, "{healed:?}");
    assert!(healed[0].text.contains("{orders:3}"), "{healed:?}");
    assert!(consumer.is_running());
}

#[test]
fn entries_that_run_alone_in_two_partitions_do_so_one_after_the_other() {
    let parts = Parts::open(2);
    parts.add(0..2);
    for partition in 0..2 {
        let name = name(partition);
        parts
            .shop
            .ask::<()>(&format!("XGROUP CREATE {name} orders_group 0"));
        let read = format!("XREADGROUP GROUP orders_group crashed STREAMS {name} >");
        parts.shop.ask::<redis::Value>(&read);
        let pending: Vec<(String, String, u64, u64)> = parts
            .shop
            .ask(&format!("XPENDING {name} orders_group - + 10"));
        let id = &pending[0].0;
        // Two deliveries of three are gone; its consumer has been dead for long.
        parts.shop.ask::<redis::Value>(&format!(
            "XCLAIM {name} orders_group crashed 0 {id} IDLE 60000 RETRYCOUNT 2 JUSTID"
        ));
    }
    parts.add(2..600);
    let running = Arc::new(AtomicUsize::new(0));
    let beside = Seen::default();
    let handler = {
        let (running, beside) = (Arc::clone(&running), beside.clone());
        move |delivery: &Delivery<Order>| -> HandlerResult {
            let others = running.fetch_add(1, Ordering::SeqCst);
            // Long enough for handlers to overlap where they may.
            stream_tests::poll(Duration::from_millis(2), || None::<()>);
            if delivery.attempt() == 3 {
                let more = running.load(Ordering::SeqCst) - 1;
                beside.push((others.max(more), delivery.partition()));
            }
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let config = eager()
        .workers(4)
        .retry(RetryPolicy::default().max_deliveries(3));
    let consumer = parts
        .shop
        .manager
        .consume_fn::<Order>("c", config, handler)
        .unwrap();
    wait_until(DEADLINE, "all orders", || consumer.stats().completed == 600);
    let mut beside = beside.all();
    beside.sort_unstable();
    assert_eq!(beside, [(0, Some(0)), (0, Some(1))]);
    parts.wait_until_settled();
}

#[test]
fn batches_hold_entries_of_all_partitions() {
    let parts = Parts::open(8);
    parts.add(0..800);
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders").workers(1);
    let consumer = parts
        .shop
        .manager
        .consume_batches_fn::<Order>("c", config, BatchConfig::new(20), move |orders| {
            for order in orders {
                let number = order.order_id.parse::<u16>()?;
                noted.push((number, order.partition(), order.attempt()));
            }
            Ok(())
        })
        .unwrap();
    seen.wait_for(800);
    parts.wait_until_settled();
    let mut all = seen.all();
    all.sort_unstable();
    let expected = (0..800).map(|n| (n, Some(n % 8), 1));
    assert_eq!(all, expected.collect::<Vec<_>>());
    wait_until(DEADLINE, "all to be confirmed", || {
        consumer.stats().completed == 800
    });
}
