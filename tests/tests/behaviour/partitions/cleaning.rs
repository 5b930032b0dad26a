//! Retention: of each partition by the settings of the stream.

use std::time::Duration;

use stream_lib::{Priority, StreamConfig};
use stream_tests::wait_until;

use super::{add, lengths, producer_of};
use crate::support::{DEADLINE, HOUR, Shop};

const MS: Duration = Duration::from_millis(1);

fn config() -> StreamConfig {
    StreamConfig::new("orders")
        .partitions(4)
        .priority(Priority::Low)
        .max_length(3)
        .min_retention_count(0)
}

/// Adds 10 to partition 0, 7 to 1 and 2 to 3.
#[track_caller]
fn fill(shop: &Shop, config: StreamConfig) {
    let producer = producer_of(&shop.manager, config);
    for (key, count) in [("A-1", 10), ("customer-1", 7), ("customer-2", 2)] {
        for number in 0..count {
            add(&producer, number, key).unwrap();
        }
    }
    // Some may be gone again.
}

#[test]
fn the_cleaner_tends_all_partitions_by_the_settings_of_the_stream() {
    let shop = Shop::open();
    fill(&shop, config().cleanup_interval(20 * MS));
    wait_until(DEADLINE, "all to be trimmed", || {
        lengths(&shop.server, 4) == [3, 3, 0, 2]
    });
    for partition in 0..4 {
        let meta = format!("HGET {{orders:{partition}}}:meta retention:max_length");
        wait_until(DEADLINE, "the settings to be stored", || {
            shop.ask::<Option<String>>(&meta).as_deref() == Some("3")
        });
    }
    // A setting of a later producer holds for all of them, too.
    let later = config().max_length(1).cleanup_interval(20 * MS);
    shop.manager.create_simple_producer("later", later).unwrap();
    wait_until(DEADLINE, "all to be trimmed again", || {
        lengths(&shop.server, 4) == [1, 1, 0, 1]
    });
}

#[test]
fn a_cleanup_and_its_plan_are_sums() {
    let shop = Shop::open();
    fill(&shop, config().cleanup_interval(HOUR));
    // The background run at the start may have been in the midst of it.
    let before: usize = lengths(&shop.server, 4).iter().sum();
    let over: usize = lengths(&shop.server, 4)
        .iter()
        .map(|length| length.saturating_sub(3))
        .sum();
    let plan = shop.manager.retention_plan("orders").unwrap();
    assert_eq!((plan.length, plan.removes), (before as u64, over as u64));
    assert_eq!(plan.stream, "orders");
    let report = shop.manager.cleanup_now("orders").unwrap();
    assert_eq!((report.removed, report.length), (over as u64, 8));
    assert_eq!(report.stream, "orders");
    assert_eq!(lengths(&shop.server, 4), [3, 3, 0, 2]);
    let once = config().max_length(1);
    let report = shop.manager.cleanup_once(&once).unwrap();
    assert_eq!((report.removed, report.length), (5, 3));
}

#[test]
fn a_partition_that_cannot_be_trimmed_is_named() {
    let shop = Shop::open();
    let config = config().priority(Priority::Normal).cleanup_interval(HOUR);
    fill(&shop, config);
    for partition in 0..4 {
        let read_to = if partition == 1 { "0" } else { "$" };
        shop.ask::<()>(&format!(
            "XGROUP CREATE {{orders:{partition}}} orders_group {read_to} MKSTREAM"
        ));
    }
    let blocked = shop.manager.blocked_streams().unwrap();
    let [one] = &blocked[..] else {
        panic!("{blocked:?}")
    };
    assert_eq!(one.stream, "{orders:1}");
    assert_eq!(one.group.as_deref(), Some("orders_group"));
}
