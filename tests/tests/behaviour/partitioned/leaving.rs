//! Partitions that move to another member, and consumers that stop.

use std::thread;
use std::time::{Duration, Instant};

use stream_lib::{Consumer, ConsumerConfig};
use stream_tests::wait_until;

use super::support::{LEASE, Parts, eager, name};
use crate::support::{DEADLINE, Gate, HOUR, Order, Seen, noting, quick};

/// A consumer with both partitions whose first two handlers wait at the gate, and another
/// one that has just joined its group.
fn held_up_and_joined(
    parts: &Parts,
    config: ConsumerConfig,
    gate: &Gate,
    seen: &Seen<(String, u32)>,
) -> (Consumer, Consumer) {
    let (doorway, noted) = (gate.doorway(), seen.clone());
    let manager = &parts.shop.manager;
    let first = manager.consume_fn::<Order>("first", config, move |order| {
        noted.push((order.order_id.clone(), order.attempt()));
        if ["0", "1"].contains(&order.order_id.as_str()) {
            doorway.pass();
        }
        Ok(())
    });
    let first = first.unwrap();
    parts.wait_for_shares(&[&first]);
    parts.add(0..2);
    seen.wait_for(2);
    let second = manager.consume("second", eager(), noting(seen)).unwrap();
    (first, second)
}

#[test]
fn a_partition_is_given_up_once_its_handlers_have_ended() {
    let parts = Parts::open(2);
    let (gate, seen) = (Gate::default(), Seen::default());
    let config = eager().workers(2).grace(HOUR);
    let (first, second) = held_up_and_joined(&parts, config, &gate, &seen);
    wait_until(DEADLINE, "one to be left", || {
        first.partitions().is_some_and(|owned| owned.len() == 1)
    });
    // Longer than a lease, and than some looks at what is free.
    let began = Instant::now();
    let owner = first.name();
    wait_until(DEADLINE, "three leases", || {
        assert!(parts.owners().iter().all(|o| *o == owner));
        began.elapsed() > 3 * LEASE
    });
    gate.open();
    parts.wait_for_shares(&[&first, &second]);
    parts.add(2..4);
    seen.wait_for(4);
    parts.wait_until_settled();
    let all = seen.all();
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|(_, attempt)| *attempt == 1), "{all:?}");
}

#[test]
fn past_the_grace_others_read_on_and_a_handler_keeps_its_entry() {
    let parts = Parts::open(2);
    let (gate, seen) = (Gate::default(), Seen::default());
    let config = eager().workers(2).grace(Duration::from_millis(200));
    let (first, second) = held_up_and_joined(&parts, config, &gate, &seen);
    parts.wait_for_shares(&[&first, &second]);
    let [theirs] = second.partitions().unwrap()[..] else {
        panic!("one each");
    };
    parts.add([2 + usize::from(theirs)].into_iter());
    seen.wait_for(3);
    // Nobody takes over the entry of the handler that still runs.
    let held = || {
        let command = format!("XPENDING {} orders_group - + 10", name(theirs.into()));
        parts.shop.ask::<Vec<(String, String, u64, u64)>>(&command)
    };
    let began = Instant::now();
    let holder = first.name().unwrap();
    wait_until(DEADLINE, "four leases", || {
        let held = held();
        let of_first: Vec<_> = held.iter().filter(|row| row.1 == holder).collect();
        assert!(matches!(of_first[..], [(_, _, _, 1)]), "{held:?}");
        began.elapsed() > 4 * LEASE
    });
    gate.open();
    parts.wait_until_settled();
    wait_until(DEADLINE, "the first to leave it", || {
        !parts.consumers(theirs.into()).contains(&holder)
    });
    assert_eq!(seen.count(), 3);
    wait_until(DEADLINE, "both to be confirmed", || {
        first.stats().completed == 2
    });
    assert_eq!(first.stats().lost, 0);
}

#[test]
fn a_partition_that_comes_back_is_read_while_a_handler_of_before_runs() {
    let parts = Parts::open(2);
    let (gate, seen) = (Gate::default(), Seen::default());
    let config = eager().workers(4).grace(Duration::from_millis(200));
    let (first, second) = held_up_and_joined(&parts, config, &gate, &seen);
    parts.wait_for_shares(&[&first, &second]);
    second.stop();
    parts.wait_for_shares(&[&first]);
    parts.add(2..12);
    seen.wait_for(12);
    // What the member of before holds is no delivery that was lost.
    let began = Instant::now();
    wait_until(DEADLINE, "four leases", || {
        assert_eq!(seen.count(), 12);
        began.elapsed() > 4 * LEASE
    });
    assert_eq!(parts.pending(), 2);
    gate.open();
    parts.wait_until_settled();
    wait_until(DEADLINE, "all to be confirmed", || {
        first.stats().completed == 12
    });
    assert_eq!(first.stats().lost, 0);
    let all = seen.all();
    assert!(all.iter().all(|(_, attempt)| *attempt == 1), "{all:?}");
    // It still reads both.
    parts.add(12..16);
    seen.wait_for(16);
    parts.wait_until_settled();
}

#[test]
fn a_stop_gives_back_what_has_not_started_and_others_go_on_at_once() {
    let parts = Parts::open(4);
    let (gate, seen) = (Gate::default(), Seen::default());
    let (doorway, noted) = (gate.doorway(), seen.clone());
    let config = quick("orders").workers(1).grace(HOUR);
    let first = parts
        .shop
        .manager
        .consume_fn::<Order>("first", config, move |order| {
            noted.push((order.order_id.clone(), order.attempt()));
            if noted.count() > 200 {
                doorway.pass();
            }
            Ok(())
        })
        .unwrap();
    // Quick ones first, so that the readers know that they may read ahead.
    parts.add(0..200);
    seen.wait_for(200);
    parts.add(200..260);
    wait_until(DEADLINE, "some to be buffered", || {
        seen.count() == 201 && first.stats().buffered > 10
    });
    let stop = thread::scope(|scope| {
        let stopping = scope.spawn(|| first.stop());
        // The handler still runs: others have all the rest, and what comes.
        let second = parts
            .shop
            .manager
            .consume("second", eager(), noting(&seen))
            .unwrap();
        parts.wait_for_shares(&[&second]);
        parts.add(260..300);
        seen.wait_for(300);
        gate.open();
        let stop = stopping.join().unwrap();
        parts.wait_until_settled();
        stop
    });
    assert_eq!((stop.completed, stop.still_running), (201, 0));
    assert!(stop.given_back > 10, "{stop}");
    let all = seen.all();
    assert_eq!(all.len(), 300);
    assert!(all.iter().all(|(_, attempt)| *attempt == 1), "{all:?}");
}

#[test]
fn a_stop_without_redis_ends_within_the_grace() {
    let parts = Parts::open(8);
    let seen = Seen::default();
    let config = eager().grace(Duration::from_secs(2));
    let consumer = parts
        .shop
        .manager
        .consume("c", config, noting(&seen))
        .unwrap();
    parts.wait_for_shares(&[&consumer]);
    parts.shop.server.freeze();
    let began = Instant::now();
    consumer.stop();
    parts.shop.server.thaw();
    // A hang would last for an hour.
    assert!(began.elapsed() < DEADLINE / 2);
    assert!(!consumer.is_running());
}
