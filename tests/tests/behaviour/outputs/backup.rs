//! Outputs follow the rule of backup producers.

use std::time::Duration;

use stream_lib::{BackupStreamConfig, StreamConfig};
use stream_tests::wait_until;

use super::{Settled, assert_each_once, ids, patient, run, settled};
use crate::support::{DEADLINE, Order, Shop};

fn consume(shop: &Shop) -> stream_lib::Consumer {
    shop.manager
        .consume_fn::<Order>("c", patient("orders").workers(1), |order| {
            order.produce(&settled(&order.order_id))?;
            Ok(())
        })
        .unwrap()
}

/// Nobody moves them back meanwhile.
fn declare(shop: &Shop, backup: &str, capacity: u64) {
    run(
        shop,
        &format!("HSET {{settled}}:meta backup:name {backup} backup:capacity {capacity}"),
    );
}

#[test]
fn outputs_beyond_the_capacity_go_to_the_backup_stream_in_order() {
    let shop = Shop::open();
    declare(&shop, "{settled}:backup", 30);
    shop.add_by_hand("orders", 100);
    let consumer = consume(&shop);
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 100
    });
    let both = [ids(&shop, "settled"), ids(&shop, "{settled}:backup")];
    assert_eq!([both[0].len(), both[1].len()], [30, 70]);
    let all: Vec<usize> = both.concat().iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[test]
fn outputs_go_behind_what_the_backup_stream_holds() {
    let shop = Shop::open();
    declare(&shop, "{settled}:spare", 1_000);
    run(&shop, "XADD {settled}:spare * order_id first");
    shop.add_by_hand("orders", 10);
    let consumer = consume(&shop);
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 10
    });
    assert_eq!(shop.ask::<u64>("EXISTS settled"), 0);
    assert_eq!(ids(&shop, "{settled}:spare").len(), 11);
    // Another one, from now on.
    run(&shop, "XTRIM {settled}:spare MAXLEN 0");
    declare(&shop, "{settled}:other", 1_000);
    run(&shop, "XADD {settled}:other * order_id first");
    shop.add_by_hand("orders", 10);
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 20
    });
    assert_eq!(ids(&shop, "{settled}:other").len(), 11);
}

#[test]
fn outputs_come_back_from_the_backup_stream() {
    let shop = Shop::open();
    let config = StreamConfig::new("settled").capacity(20);
    let config = BackupStreamConfig::from(config).fast_timeout(Duration::from_millis(10));
    shop.manager.create_backup_producer("p", config).unwrap();
    wait_until(DEADLINE, "the capacity to be known", || {
        shop.ask::<u64>("HEXISTS {settled}:meta backup:name") == 1
    });
    shop.add_by_hand("orders", 200);
    let consumer = consume(&shop);
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 200
    });
    let last = shop
        .manager
        .consume_fn::<Settled>("d", patient("settled"), |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, "all to be handled", || {
        last.stats().completed == 200
    });
    assert_eq!(shop.ask::<u64>("XLEN {settled}:backup"), 0);
    assert_each_once(&shop, "settled", 200);
}
