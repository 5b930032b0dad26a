//! The members of a group share the partitions out.

use std::collections::BTreeSet;
use std::time::Duration;

use stream_lib::StreamManager;
use stream_tests::wait_until;

use super::support::{LEASE, Parts, eager, lock, name};
use crate::support::{DEADLINE, HOUR, Seen, noting, quick, threads, wait_until_threads_ended};

const COUNT: usize = 16;

#[test]
fn one_consumer_reads_all_partitions_and_handles_each_entry_once() {
    let parts = Parts::open(COUNT);
    parts.add(0..800);
    let seen = Seen::default();
    let noted = seen.clone();
    let consumer = parts
        .shop
        .manager
        .consume_fn::<crate::support::Order>("c", quick("orders"), move |order| {
            noted.push((
                order.order_id.parse::<usize>()?,
                order.partition(),
                order.stream().to_owned(),
                order.attempt(),
            ));
            Ok(())
        })
        .unwrap();
    seen.wait_for(800);
    parts.add(800..1_600);
    seen.wait_for(1_600);
    parts.wait_until_settled();
    let mut all = seen.all();
    all.sort_unstable();
    assert_eq!(all.len(), 1_600);
    for (number, seen) in all.into_iter().enumerate() {
        let partition = u16::try_from(number % COUNT).unwrap();
        assert_eq!(seen, (number, Some(partition), "orders".to_owned(), 1));
    }
    wait_until(DEADLINE, "all to be confirmed", || {
        consumer.stats().completed == 1_600
    });
    let stats = consumer.stats();
    assert_eq!(stats.partitions, Some(COUNT));
    assert!(stats.to_string().contains(", partitions 16"), "{stats}");
    let every: Vec<_> = (0..16).collect();
    assert_eq!(consumer.partitions(), Some(every));
    let owner = consumer.name();
    assert!(parts.owners().iter().all(|o| *o == owner));
    assert_eq!(parts.consumers(7), [owner.unwrap()]);
    // The stream itself is not there.
    assert_eq!(parts.shop.ask::<u8>("EXISTS orders"), 0);

    consumer.stop();
    assert_eq!(consumer.partitions(), None);
    for partition in 0..COUNT {
        assert_eq!(parts.consumers(partition), [""; 0]);
    }
    assert!(parts.owners().iter().all(Option::is_none));
    assert_eq!(
        parts.shop.ask::<u8>("ZCARD {orders}:members:orders_group"),
        0
    );
}

#[test]
fn members_that_come_and_go_have_their_fair_shares() {
    let parts = Parts::open(COUNT);
    let seen = Seen::default();
    let begin = |manager: &StreamManager, label: &str| {
        manager
            .consume(label, quick("orders").consumer(label), noting(&seen))
            .unwrap()
    };
    let first = begin(&parts.shop.manager, "first");
    parts.wait_for_shares(&[&first]);
    parts.add(0..500);
    let others = StreamManager::connect(parts.shop.server.url()).unwrap();
    let second = begin(&others, "second");
    parts.add(500..1_000);
    parts.wait_for_shares(&[&first, &second]);
    let third = begin(&others, "third");
    parts.add(1_000..1_500);
    parts.wait_for_shares(&[&first, &second, &third]);
    second.stop();
    parts.add(1_500..2_000);
    parts.wait_for_shares(&[&first, &third]);
    seen.wait_for(2_000);
    parts.wait_until_settled();
    // None was handled by two, and none twice.
    let all = seen.all();
    let ids: BTreeSet<_> = all.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!((ids.len(), all.len()), (2_000, 2_000));
    others.shutdown();
    parts.wait_for_shares(&[&first]);
}

#[test]
fn partitions_of_a_dead_owner_are_taken_once_its_lock_has_lapsed() {
    let parts = Parts::open(4);
    let seconds = |n: u64| {
        let now: (u64, u64) = parts.shop.ask("TIME");
        (now.0 + n) * 1_000
    };
    // It holds half of the partitions, lives by its sign, and has read an entry.
    parts.add(0..8);
    let join = format!(
        "ZADD {{orders}}:members:orders_group {} dead",
        seconds(3_600)
    );
    parts.shop.ask::<u8>(&join);
    for partition in 0..2 {
        parts
            .shop
            .ask::<()>(&format!("SET {} dead", lock(partition)));
        let group = format!("XGROUP CREATE {} orders_group 0", name(partition));
        parts.shop.ask::<()>(&group);
    }
    let read = format!(
        "XREADGROUP GROUP orders_group dead COUNT 1 STREAMS {} >",
        name(0)
    );
    parts.shop.ask::<redis::Value>(&read);
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", eager(), noting(&seen))
        .unwrap();
    seen.wait_for(4);
    assert_eq!(consumer.partitions(), Some(vec![2, 3]));
    // Its sign lapses, which makes the share larger. Its locks do later.
    parts
        .shop
        .ask::<u8>("ZADD {orders}:members:orders_group 1 dead");
    parts.add(8..12);
    seen.wait_for(6);
    assert_eq!(consumer.partitions(), Some(vec![2, 3]));
    assert_eq!(parts.owners()[0].as_deref(), Some("dead"));
    for partition in 0..2 {
        parts.shop.ask::<u8>(&format!("DEL {}", lock(partition)));
    }
    parts.wait_for_shares(&[&consumer]);
    seen.wait_for(12);
    parts.wait_until_settled();
    let all = seen.all();
    let again: Vec<_> = all.iter().filter(|(_, attempt)| *attempt > 1).collect();
    assert_eq!(
        again,
        [&("0".to_owned(), 2)],
        "the one that the dead had read"
    );
}

#[test]
fn an_owner_whose_lock_another_one_has_gives_the_partition_up() {
    let parts = Parts::open(2);
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", eager(), noting(&seen))
        .unwrap();
    parts.wait_for_shares(&[&consumer]);
    // As after a time in which it stood still.
    parts
        .shop
        .ask::<()>(&format!("SET {} other PX 3600000", lock(1)));
    wait_until(DEADLINE, "one to be given up", || {
        consumer.partitions() == Some(vec![0])
    });
    wait_until(DEADLINE, "the consumer to leave it", || {
        parts.consumers(1).is_empty()
    });
    parts.add(0..2);
    seen.wait_for(1);
    assert_eq!(parts.owners()[1].as_deref(), Some("other"));
    parts.shop.ask::<u8>(&format!("DEL {}", lock(1)));
    seen.wait_for(2);
}

#[test]
fn workers_do_not_multiply_with_partitions() {
    let parts = Parts::open(COUNT);
    parts.shop.ask::<u8>("HSET {wide}:meta partitions 16");
    let config = quick("wide").workers(3);
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", config, noting(&seen))
        .unwrap();
    wait_until(DEADLINE, "all readers", || threads("{wide:").len() == COUNT);
    assert_eq!(threads("wide").len(), 3, "{:?}", threads("wide"));
    consumer.stop();
    wait_until_threads_ended("{wide:");
    wait_until_threads_ended("wide");
}

#[test]
fn a_group_with_more_members_than_partitions_works() {
    let parts = Parts::open(2);
    let seen = Seen::default();
    let consumers: Vec<_> = (0..3)
        .map(|n| {
            let config = eager().consumer(format!("c{n}"));
            let name = format!("c{n}");
            parts
                .shop
                .manager
                .consume(&name, config, noting(&seen))
                .unwrap()
        })
        .collect();
    let owned = |n: usize| consumers[n].partitions().map_or(0, |p| p.len());
    wait_until(DEADLINE, "two to own one each", || {
        let mut owned: Vec<_> = (0..3).map(owned).collect();
        owned.sort_unstable();
        owned == [0, 1, 1]
    });
    parts.add(0..100);
    seen.wait_for(100);
    for consumer in &consumers {
        consumer.stop();
    }
    assert!(parts.owners().iter().all(Option::is_none));
}

#[test]
fn forgotten_consumers_are_removed_from_every_partition() {
    let parts = Parts::open(4);
    for partition in 0..4 {
        let name = name(partition);
        let group = format!("XGROUP CREATE {name} orders_group 0 MKSTREAM");
        parts.shop.ask::<()>(&group);
        for consumer in ["idle", "alive"] {
            let join = format!("XGROUP CREATECONSUMER {name} orders_group {consumer}");
            parts.shop.ask::<u8>(&join);
        }
    }
    let far = 9_999_999_999_999_u64;
    let sign = format!("ZADD {{orders}}:members:orders_group {far} alive");
    parts.shop.ask::<u8>(&sign);
    // The one that is alive has its share, and hands over nothing.
    let config = eager().consumer_expiry(LEASE);
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", config, noting(&seen))
        .unwrap();
    wait_until(DEADLINE, "half of the partitions", || {
        consumer.partitions().is_some_and(|owned| owned.len() == 2)
    });
    for partition in consumer.partitions().unwrap() {
        wait_until(DEADLINE, "the idle one to be removed", || {
            !parts
                .consumers(partition.into())
                .contains(&"idle".to_owned())
        });
        assert!(
            parts
                .consumers(partition.into())
                .contains(&"alive".to_owned())
        );
    }
}

#[test]
fn signs_and_locks_outlast_a_long_wait_for_entries() {
    let parts = Parts::open(2);
    let config = eager().block_duration(Duration::from_mins(1)).grace(HOUR);
    let seen = Seen::default();
    let consumer = parts
        .shop
        .manager
        .consume("c", config, noting(&seen))
        .unwrap();
    parts.wait_for_shares(&[&consumer]);
    let owner = consumer.name();
    let began = std::time::Instant::now();
    wait_until(DEADLINE, "three leases", || {
        assert!(parts.owners().iter().all(|o| *o == owner));
        began.elapsed() > 3 * LEASE
    });
    consumer.stop();
}
