//! Entries that were put back for another group are skipped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stream_lib::{BatchConfig, Consumer, ConsumerConfig, ConsumerEvents, events};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Order, Seen, Shop, noting, quick};

#[derive(Default)]
struct Told(AtomicUsize);

impl ConsumerEvents for Told {
    fn completed(&self, event: &events::Completed<'_>) {
        assert!(event.entries > 0);
        self.0.fetch_add(event.entries, Ordering::SeqCst);
    }
}

/// Adds one entry for everybody and two for another group.
fn is_counted_apart(start: impl FnOnce(&Shop, ConsumerConfig) -> Consumer) {
    let shop = Shop::open();
    let told = Arc::new(Told::default());
    let consumer = start(&shop, quick("orders").events(Arc::clone(&told)));
    for _ in 0..2 {
        shop.ask::<String>("XADD orders * order_id 0 amount 9.5 ~for another");
    }
    shop.add_by_hand("orders", 1);
    wait_until(DEADLINE, "three to end", || {
        let stats = consumer.stats();
        stats.completed + stats.skipped == 3
    });
    shop.wait_until_settled("orders");
    let report = shop.manager.shutdown();
    let stats = consumer.stats();
    assert_eq!((stats.completed, stats.skipped), (1, 2), "{stats}");
    assert_eq!((stats.delivered, report.completed), (3, 1));
    assert_eq!(
        told.0.load(Ordering::SeqCst),
        1,
        "of one, the hooks were told"
    );
}

#[test]
fn entry_for_another_group_counts_as_skipped() {
    is_counted_apart(|shop, config| {
        let consumer = shop.manager.consume("c", config, noting(&Seen::default()));
        consumer.unwrap()
    });
}

#[test]
fn entry_for_another_group_counts_as_skipped_by_batch_consumers() {
    is_counted_apart(|shop, config| {
        let batch = BatchConfig::new(10);
        let consumer = shop
            .manager
            .consume_batches_fn::<Order>("c", config, batch, |_| Ok(()));
        consumer.unwrap()
    });
}
