//! Each entry of a batch has its own outcome, attempts, lease and end.

use std::time::Duration;

use stream_lib::{BatchConfig, HandlerError, OnUndecodable, RetryPolicy, StreamManager};
use stream_tests::wait_until;

use super::{AT_ONCE, LEASE, Seat, noting_batches, numbers, single};
use crate::support::{DEADLINE, Gate, Order, Seen, Shop, noting, order, quick, read_and_die};

#[test]
fn each_delivery_gets_its_own_answer() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = noting_batches(&seen, |batch| {
        for order in batch {
            match order.order_id.as_str() {
                "3" if order.attempt() == 1 => order.fail("no stock"),
                "5" => {
                    order.fail("not this one");
                    order.fail(HandlerError::permanent("no such user"));
                }
                _ => {}
            }
        }
        Ok(())
    });
    shop.add_by_hand("orders", 10);
    let consumer = shop
        .manager
        .consume_batches("c", single("orders"), BatchConfig::new(10), handler)
        .unwrap();
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.failed, stats.dead) == (9, 1, 1)
    });
    shop.wait_until_settled("orders");
    assert_eq!(seen.all(), [numbers(0..10, 1), numbers(3..4, 2)]);
    let [(_, letter)] = &*shop.dead("orders") else {
        panic!("not one dead letter");
    };
    let field = |name: &[u8]| &letter.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(field(b"order_id"), b"5");
    assert_eq!(field(b"~reason"), b"permanent");
    assert_eq!(field(b"~error"), b"no such user");
}

#[test]
fn error_of_the_whole_batch_is_that_of_each_delivery_without_its_own() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = noting_batches(&seen, |batch| {
        if batch.iter().any(|order| order.attempt() > 1) {
            return Ok(());
        }
        batch[1].fail(HandlerError::permanent("bad in itself"));
        Err("database away".into())
    });
    shop.add_by_hand("orders", 4);
    let consumer = shop
        .manager
        .consume_batches("c", single("orders"), BatchConfig::new(4), handler)
        .unwrap();
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.failed, stats.dead) == (3, 3, 1)
    });
    shop.wait_until_settled("orders");
    let mut again = seen.all()[1..].concat();
    again.sort();
    assert_eq!(again, [("0", 2), ("2", 2), ("3", 2)].map(seat));
}

fn seat((id, attempt): (&str, u32)) -> Seat {
    (id.to_owned(), attempt)
}

#[test]
fn nobody_dies_of_an_error_that_another_entry_causes() {
    let shop = Shop::open();
    let seen = Seen::default();
    // As a `?` would have it.
    let handler = noting_batches(&seen, |batch| {
        if batch.iter().any(|order| order.order_id == "7") {
            Err("one of you is bad")?;
        }
        Ok(())
    });
    shop.add_by_hand("orders", 10);
    let policy = RetryPolicy::exponential(AT_ONCE).max_deliveries(3);
    let config = single("orders").retry(policy);
    let consumer = shop
        .manager
        .consume_batches("c", config, BatchConfig::new(10), handler)
        .unwrap();
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead) == (9, 1)
    });
    shop.wait_until_settled("orders");
    let batches = seen.all();
    assert_eq!(batches[0], numbers(0..10, 1));
    assert!(batches[1..].iter().all(|batch| batch.len() == 1));
}

#[test]
fn panic_is_a_failure_of_the_entry_that_causes_it() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = noting_batches(&seen, |batch| {
        if batch.len() > 1 {
            batch[0].fail("forgotten by the panic");
        }
        assert!(batch.iter().all(|order| order.order_id != "6"), "boom");
        Ok(())
    });
    shop.add_by_hand("orders", 8);
    let policy = RetryPolicy::exponential(AT_ONCE).max_deliveries(2);
    let config = single("orders").retry(policy);
    let consumer = shop
        .manager
        .consume_batches("c", config, BatchConfig::new(8), handler)
        .unwrap();
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead) == (7, 1)
    });
    shop.wait_until_settled("orders");
    let mut expected = vec![numbers(0..8, 1)];
    expected.extend((0..8).map(|n| numbers(n..n + 1, 1)));
    expected.push(numbers(6..7, 2));
    assert_eq!(seen.all(), expected);
    let stats = consumer.stats();
    assert_eq!((stats.panicked, stats.failed), (2, 1));
    let letter = &shop.dead("orders")[0].1;
    let error = letter.iter().find(|(name, _)| name == b"~error").unwrap();
    assert_eq!(error.1, b"panicked: boom");
    assert!(consumer.is_running());
}

#[test]
fn undecodable_entry_reaches_no_handler_and_holds_up_nobody() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 2);
    let bad: String = shop.ask("XADD orders * order_id bad amount lots");
    shop.add_by_hand("orders", 2);
    let seen = Seen::default();
    let handler = noting_batches(&seen, |_| Ok(()));
    let config = single("orders").on_undecodable(OnUndecodable::Bury);
    let consumer = shop
        .manager
        .consume_batches("c", config, BatchConfig::new(5), handler)
        .unwrap();
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead) == (4, 1)
    });
    shop.ask::<String>("XADD orders * order_id lonely amount none");
    wait_until(DEADLINE, "the lonely one", || consumer.stats().dead == 2);
    shop.wait_until_settled("orders");
    assert_eq!(
        seen.all(),
        [[numbers(0..2, 1), numbers(0..2, 1)].concat()],
        "and no empty batch"
    );
    let letter = &shop.dead("orders")[0].1;
    let field = |name: &[u8]| &letter.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(field(b"~reason"), b"undecodable");
    assert_eq!(field(b"~id"), bad.as_bytes());
}

#[test]
fn entries_of_a_dead_process_get_batches_of_their_own() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 12);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 5);
    wait_until(DEADLINE, "their lease to lapse", || {
        let idle: Vec<(String, String, u64, u64)> = shop.ask(&format!(
            "XPENDING orders orders_group IDLE {} - + 10",
            LEASE.as_millis()
        ));
        idle.len() == 5
    });
    let seen = Seen::default();
    let handler = noting_batches(&seen, |_| Ok(()));
    let config = single("orders").lease(LEASE);
    // Long enough to bring all together that may be.
    let batch = BatchConfig::new(100).wait(LEASE / 3);
    let consumer = shop
        .manager
        .consume_batches("c", config, batch, handler)
        .unwrap();
    wait_until(DEADLINE, "12 completed", || {
        consumer.stats().completed == 12
    });
    let (fresh, taken): (Vec<_>, Vec<_>) = seen
        .all()
        .into_iter()
        .partition(|batch| batch.iter().all(|(_, attempt)| *attempt == 1));
    let own: Vec<_> = (0..5).map(|n| numbers(n..n + 1, 2)).collect();
    assert_eq!(taken, own);
    assert_eq!(fresh.concat(), numbers(5..12, 1));
    assert_eq!(consumer.stats().taken_over, 5);
}

#[test]
fn last_delivery_after_crashes_runs_while_no_batch_does() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    let gate = Gate::default();
    let doorway = gate.doorway();
    let seen = Seen::default();
    let noted = seen.clone();
    let policy = RetryPolicy::default().max_deliveries(3);
    let config = quick("orders").lease(Duration::from_secs(6)).retry(policy);
    read_and_die(&shop.server, "dead", 1);
    let crashed = shop.pending("orders")[0].id.clone();
    let consumer = shop
        .manager
        .consume_batches_fn::<Order>("c", config, BatchConfig::new(5), move |batch| {
            noted.push(format!("{} begins", batch[0].attempt()));
            if batch[0].attempt() == 1 {
                doorway.pass();
            }
            noted.push(format!("{} ends", batch[0].attempt()));
            Ok(())
        })
        .unwrap();
    shop.manager.add(&order("slow")).unwrap();
    seen.wait_for(1);
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group dead 0 {crashed} IDLE 60000 RETRYCOUNT 2 JUSTID"
    ));
    wait_until(DEADLINE, "it to be taken over", || {
        consumer.stats().taken_over == 1
    });
    // It waits for the running one, and new ones wait for it.
    shop.manager.add(&order("next")).unwrap();
    wait_until(DEADLINE, "the next one", || consumer.stats().delivered == 3);
    let calls = shop.server.calls("XPENDING");
    wait_until(DEADLINE, "a renewal", || {
        shop.server.calls("XPENDING") > calls
    });
    assert_eq!(seen.all(), ["1 begins"]);
    gate.open();
    wait_until(DEADLINE, "all three", || consumer.stats().completed == 3);
    let all = seen.all();
    let begins = all.iter().position(|what| what == "3 begins").unwrap();
    assert_eq!(all[begins + 1], "3 ends", "{all:?}");
    assert!(begins >= 2, "{all:?}");
}

#[test]
fn every_entry_of_a_slow_batch_keeps_its_lease() {
    const RENEWALS: usize = 6;
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let slow = Seen::default();
    let noted = slow.clone();
    let config = || quick("orders").lease(LEASE);
    shop.add_by_hand("orders", 3);
    let consumer = shop
        .manager
        .consume_batches_fn::<Order>("slow", config(), BatchConfig::new(3), move |batch| {
            noted.push(batch.len());
            doorway.pass();
            assert!(batch.iter().all(|order| !order.lease_lost()));
            Ok(())
        })
        .unwrap();
    slow.wait_for(1);
    let rival = StreamManager::connect(shop.server.url()).unwrap();
    let seen = Seen::default();
    rival.consume("rival", config(), noting(&seen)).unwrap();

    // Each time all are younger than before, their leases were renewed.
    let (mut renewals, mut known) = (0, 0);
    wait_until(DEADLINE, "renewals", || {
        let pending: Vec<(String, String, u64, u64)> =
            shop.ask("XPENDING orders orders_group - + 10");
        assert_eq!(pending.len(), 3);
        for (_, owner, _, deliveries) in &pending {
            assert_eq!((Some(owner), deliveries), (consumer.name().as_ref(), &1));
        }
        let oldest = pending.iter().map(|(_, _, idle, _)| *idle).max().unwrap();
        renewals += usize::from(oldest < known);
        known = oldest;
        renewals == RENEWALS
    });
    gate.open();
    wait_until(DEADLINE, "them to be done", || {
        consumer.stats().completed == 3
    });
    assert_eq!((slow.all(), seen.count()), (vec![3], 0));
}

#[test]
fn lost_lease_of_one_is_lost_for_that_one_alone() {
    let shop = Shop::open();
    let lost = Seen::default();
    let noted = lost.clone();
    let config = single("orders").lease(LEASE);
    shop.add_by_hand("orders", 3);
    let consumer = shop
        .manager
        .consume_batches_fn::<Order>("c", config, BatchConfig::new(3), move |batch| {
            noted.push(batch[1].id().to_string());
            wait_until(DEADLINE, "the lease to be lost", || batch[1].lease_lost());
            assert!(!batch[0].lease_lost() && !batch[2].lease_lost());
            noted.push("lost".to_owned());
            Ok(())
        })
        .unwrap();
    lost.wait_for(1);
    let id = &lost.all()[0];
    shop.ask::<redis::Value>(&format!("XCLAIM orders orders_group thief 0 {id}"));
    lost.wait_for(2);
    // The thief shows signs of life, so that nobody takes it back.
    let renew = format!("XCLAIM orders orders_group thief 0 {id} JUSTID");
    wait_until(DEADLINE, "all to be counted", || {
        shop.ask::<redis::Value>(&renew);
        let stats = consumer.stats();
        (stats.completed, stats.lost) == (2, 1)
    });
    let [left] = &*shop.pending("orders") else {
        panic!("not one left");
    };
    assert_eq!((&left.id, left.consumer.as_str()), (id, "thief"));
}
