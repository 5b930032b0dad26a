//! The entries of a batch, and the time at which it is handled.

use std::collections::HashSet;
use std::time::Duration;

use stream_lib::{BatchConfig, ErrorKind};
use stream_tests::wait_until;

use super::{AT_ONCE, FOR_EVER, LEASE, noting_batches, numbers, single};
use crate::support::{DEADLINE, HOUR, Order, Seen, Shop, order, quick};

#[test]
fn batches_have_at_most_their_size_in_the_order_of_the_stream() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 250);
    let seen = Seen::default();
    let handler = noting_batches(&seen, |_| Ok(()));
    let consumer = shop
        .manager
        .consume_batches("c", single("orders"), BatchConfig::new(40), handler)
        .unwrap();
    wait_until(DEADLINE, "250 completed", || {
        consumer.stats().completed == 250
    });
    let batches = seen.all();
    assert!(batches.iter().all(|batch| (1..=40).contains(&batch.len())));
    assert!(batches.iter().any(|batch| batch.len() == 40));
    assert_eq!(batches.concat(), numbers(0..250, 1));
    shop.wait_until_settled("orders");
    let stats = consumer.stats();
    assert_eq!((stats.delivered, stats.failed, stats.lost), (250, 0, 0));
    wait_until(DEADLINE, "rest", || consumer.stats().running == 0);
    assert_eq!((stats.buffered, stats.dead, stats.given_back), (0, 0, 0));
}

#[test]
fn short_batch_waits_until_it_is_full() {
    let shop = Shop::open();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume_batches(
            "c",
            quick("orders").lease(HOUR),
            BatchConfig::new(5).wait(FOR_EVER),
            noting_batches(&seen, |_| Ok(())),
        )
        .unwrap();
    for number in 0..5 {
        shop.manager.add(&order(number.to_string())).unwrap();
        // In hand one by one, so that nothing else brings them together.
        wait_until(DEADLINE, "it to be in hand", || {
            let stats = consumer.stats();
            (stats.delivered, stats.buffered) == (number + 1, 0)
        });
    }
    shop.wait_until_settled("orders");
    assert_eq!(seen.all(), [numbers(0..5, 1)]);
}

#[test]
fn batch_that_stays_short_is_handled_when_its_wait_is_over() {
    let shop = Shop::open();
    let seen = Seen::default();
    let wait = Duration::from_millis(50);
    shop.manager
        .consume_batches(
            "c",
            quick("orders"),
            BatchConfig::new(100).wait(wait),
            noting_batches(&seen, |_| Ok(())),
        )
        .unwrap();
    for number in 0..3 {
        shop.manager.add(&order(number.to_string())).unwrap();
    }
    wait_until(DEADLINE, "all three", || seen.all().concat().len() == 3);
    shop.wait_until_settled("orders");
    assert_eq!(seen.all().concat(), numbers(0..3, 1));
}

#[test]
fn several_workers_run_each_entry_once() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 3_000);
    let seen = Seen::default();
    let handler = noting_batches(&seen, |_| Ok(()));
    let batch = BatchConfig::new(30).wait(AT_ONCE);
    let consumer = shop
        .manager
        .consume_batches("c", quick("orders").workers(8), batch, handler)
        .unwrap();
    shop.add_by_hand("orders", 3_000);
    wait_until(DEADLINE, "6000 completed", || {
        consumer.stats().completed >= 6_000
    });
    let all = seen.all().concat();
    let ids: HashSet<_> = all.iter().collect();
    assert_eq!((all.len(), ids.len()), (6_000, 3_000));
    assert!(shop.pending("orders").is_empty());
    let stats = consumer.stats();
    assert_eq!((stats.delivered, stats.lost, stats.failed), (6_000, 0, 0));
    assert_eq!((stats.buffered, stats.settling), (0, 0));
}

#[test]
fn batches_of_several_workers_run_at_the_same_time() {
    let shop = Shop::open();
    // Passes only when both have come.
    let together = std::sync::Barrier::new(2);
    let seen = Seen::default();
    let handler = noting_batches(&seen, move |_| {
        together.wait();
        Ok(())
    });
    let config = quick("orders").lease(HOUR);
    let batch = BatchConfig::new(3).wait(FOR_EVER);
    shop.manager
        .consume_batches("c", config, batch, handler)
        .unwrap();
    shop.add_by_hand("orders", 6);
    seen.wait_for(2);
    shop.wait_until_settled("orders");
    let sizes: Vec<_> = seen.all().iter().map(Vec::len).collect();
    assert_eq!(sizes, [3, 3]);
}

#[test]
fn wait_that_eats_up_the_lease_is_refused() {
    let shop = Shop::open();
    let config = quick("orders").lease(LEASE);
    let refused = shop.manager.consume_batches_fn::<Order>(
        "c",
        config,
        BatchConfig::new(10).wait(LEASE / 2),
        |_| Ok(()),
    );
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(text.contains("`batch_wait` is 250ms"), "{text}");
    assert!(shop.manager.list_consumers().is_empty());
}
