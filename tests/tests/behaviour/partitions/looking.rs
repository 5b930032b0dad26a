//! Statistics of a partitioned stream as a whole, and its deletion.

use stream_lib::{ErrorKind, RawMessage, StreamConfig, StreamManager, StreamStats};

use super::{KEYS, add, message, producer};
use crate::support::Shop;

#[test]
fn figures_are_sums_and_there_for_each_partition() {
    let shop = Shop::open();
    let producer = producer(&shop, 16);
    for number in 0..3 {
        for (key, _) in KEYS {
            add(&producer, number, key).unwrap();
        }
    }
    for (partition, reader) in [(13, "bob"), (7, "bob"), (1, "eve")] {
        let stream = format!("{{orders:{partition}}}");
        shop.ask::<()>(&format!("XGROUP CREATE {stream} orders_group 0"));
        shop.ask::<redis::Value>(&format!(
            "XREADGROUP GROUP orders_group {reader} COUNT 2 STREAMS {stream} >"
        ));
        shop.ask::<()>(&format!("ZADD {stream}:waiting:orders_group 1 1-1"));
        shop.ask::<String>(&format!("XADD {stream}:backup * a b"));
    }
    shop.ask::<String>("XADD {orders:13}:dead * a b");
    shop.ask::<String>("XADD orders * n 1");

    let stats = ageless(shop.manager.stream_stats("orders").unwrap());
    assert_eq!((stats.partitions, stats.outside), (Some(16), 1));
    assert_eq!((stats.length, stats.backup, stats.dead), (18, 3, 1));
    let [group] = &stats.groups[..] else {
        panic!("{stats:?}")
    };
    assert_eq!(
        (group.unread, group.pending, group.waiting),
        (Some(3), 6, 3)
    );
    assert_eq!(group.consumers, 2);
    let mut holders: Vec<_> = group
        .holders
        .iter()
        .map(|h| (h.consumer.as_str(), h.pending))
        .collect();
    holders.sort_unstable();
    assert_eq!(holders, [("bob", 4), ("eve", 2)]);

    let parts = all_ageless(shop.manager.partition_stats("orders").unwrap());
    assert_eq!(parts.len(), 16);
    for (partition, part) in parts.iter().enumerate() {
        assert_eq!(part.name, format!("{{orders:{partition}}}"));
        let is_used = KEYS.iter().any(|(_, n)| usize::from(*n) == partition);
        assert_eq!(part.length, if is_used { 3 } else { 0 }, "{partition}");
        assert_eq!(part.dead, u64::from(partition == 13));
    }
    // One that asks without having a producer of it.
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let again = other.stream_stats("orders").unwrap();
    assert_eq!(ageless(again), stats);
    let again = other.partition_stats("orders").unwrap();
    assert_eq!(all_ageless(again), parts);
    let part = other.stream_stats("{orders:13}").unwrap();
    assert_eq!((part.length, part.partitions), (3, None));
    assert_eq!(other.partition_stats("none").unwrap().len(), 1);
    assert_eq!(all_ageless(shop.manager.stats().unwrap()), [stats]);
}

/// The same figures without the ages of entries, which grow.
fn ageless(mut stats: StreamStats) -> StreamStats {
    for group in &mut stats.groups {
        (group.oldest_unread, group.oldest_pending) = (None, None);
    }
    stats
}

fn all_ageless(stats: Vec<StreamStats>) -> Vec<StreamStats> {
    stats.into_iter().map(ageless).collect()
}

#[test]
fn a_stream_is_deleted_with_all_its_partitions() {
    let shop = Shop::open();
    let producer = producer(&shop, 16);
    for (key, partition) in KEYS {
        add(&producer, 1, key).unwrap();
        shop.ask::<()>(&format!(
            "XGROUP CREATE {{orders:{partition}}} orders_group 0"
        ));
        shop.ask::<String>(&format!("XADD {{orders:{partition}}}:dead * a b"));
        shop.ask::<String>(&format!("XADD {{orders:{partition}}}:backup * a b"));
    }
    let delete = || shop.manager.delete_stream("orders");
    assert_eq!(delete().unwrap_err().kind(), ErrorKind::InUse);
    shop.manager.remove_producer("p").unwrap();
    // A member gives its sign of life once, for all partitions.
    let (seconds, _): (u64, u64) = shop.ask("TIME");
    let alive = (seconds + 600) * 1_000;
    shop.ask::<()>(&format!(
        "ZADD {{orders}}:members:orders_group {alive} bob-1"
    ));
    let error = delete().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains("orders_group:bob-1"), "{error}");
    assert_eq!(shop.manager.stream_stats("orders").unwrap().length, 6);
    shop.ask::<()>("ZADD {orders}:members:orders_group 1 bob-1");
    assert!(delete().unwrap());
    assert_eq!(shop.ask::<Vec<String>>("KEYS *"), [""; 0]);
    assert!(!delete().unwrap());
    // Another number is as good as any now.
    let config = StreamConfig::new("orders").partitions(2);
    let again = shop.manager.create_simple_producer("q", config).unwrap();
    add(&again.typed::<RawMessage>(), 1, "A-1").unwrap();
    assert_eq!(shop.ask::<String>("HGET {orders}:meta partitions"), "2");
}

#[test]
fn a_group_is_removed_from_all_partitions() {
    let shop = Shop::open();
    producer(&shop, 4).add(&message(1)).unwrap();
    for partition in 0..4 {
        let stream = format!("{{orders:{partition}}}");
        shop.ask::<()>(&format!("XGROUP CREATE {stream} g 0 MKSTREAM"));
        shop.ask::<()>(&format!("ZADD {stream}:waiting:g 1 1-1"));
    }
    let (seconds, _): (u64, u64) = shop.ask("TIME");
    let alive = (seconds + 600) * 1_000;
    shop.ask::<()>(&format!("ZADD {{orders}}:members:g {alive} bob-1"));
    let error = shop.manager.remove_group("orders", "g").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    let groups = || {
        let count = |n| {
            let groups: Vec<redis::Value> = shop.ask(&format!("XINFO GROUPS {{orders:{n}}}"));
            groups.len()
        };
        (0..4).map(count).sum::<usize>()
    };
    assert_eq!(groups(), 4);
    shop.ask::<()>("ZADD {orders}:members:g 1 bob-1");
    assert!(shop.manager.remove_group("orders", "g").unwrap());
    assert_eq!(groups(), 0);
    assert!(shop.ask::<Vec<String>>("KEYS *:waiting:g").is_empty());
    assert!(!shop.ask::<bool>("EXISTS {orders}:members:g"));
    assert!(!shop.manager.remove_group("orders", "g").unwrap());
}
