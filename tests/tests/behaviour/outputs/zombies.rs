//! Outputs of a process that has lost the entry, and answers that were lost.

use std::time::Duration;

use stream_lib::StreamManager;
use stream_tests::{Direction, Proxy, wait_until};

use super::{assert_each_once, patient, run, settled};
use crate::support::{DEADLINE, Gate, Order, Shop, quick};

#[test]
fn process_that_has_lost_the_entry_writes_no_outputs() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 3);
    let gate = Gate::default();
    let doorway = gate.doorway();
    let config = quick("orders").workers(3);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            order.produce(&settled(&order.order_id))?;
            doorway.pass();
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to run", || consumer.stats().running == 3);
    for pending in shop.pending("orders") {
        run(
            &shop,
            &format!("XCLAIM orders orders_group other 0 {}", pending.id),
        );
    }
    gate.open();
    wait_until(DEADLINE, "all to count as lost", || {
        consumer.stats().lost == 3
    });
    assert_eq!(shop.ask::<u64>("EXISTS settled"), 0);
    assert!(shop.pending("orders").iter().all(|p| p.consumer == "other"));
}

#[test]
fn outputs_are_written_once_although_answers_are_lost() {
    let shop = Shop::open();
    let proxy = Proxy::in_front_of(&shop.server);
    shop.add_by_hand("orders", 2_000);
    let manager = StreamManager::connect(shop.server.url_at(proxy.port()).as_str()).unwrap();
    let config = patient("orders")
        .lease(Duration::from_secs(2))
        .read_count(50);
    let consumer = manager
        .consume_fn::<Order>("c", config, |order| {
            order.produce(&settled(&order.order_id))?;
            Ok(())
        })
        .unwrap();
    for _ in 0..10 {
        let before = consumer.stats();
        // Somewhere in the answers.
        proxy.cut_after(Direction::Replies, 3_000);
        let came = || consumer.stats().completed + consumer.stats().lost;
        let until = before.completed + before.lost + 50;
        wait_until(DEADLINE, "more to come", || came() >= until.min(2_000));
        proxy.pass();
    }
    wait_until(DEADLINE, "all to be settled", || {
        shop.pending("orders").is_empty() && shop.ask::<usize>("XLEN settled") >= 2_000
    });
    assert_each_once(&shop, "settled", 2_000);
}
