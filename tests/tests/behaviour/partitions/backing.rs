//! Backup streams: each partition has its own, and one thread drains them all.

use std::time::Duration;

use stream_lib::{Added, BackupStreamConfig, Producer, RawMessage, StreamManager};
use stream_tests::wait_until;

use super::{add, in_partition, lengths};
use crate::support::{DEADLINE, Seen, Shop, quick, threads};

const MS: Duration = Duration::from_millis(1);

/// A backup producer of partitions with room for so many entries each.
#[track_caller]
fn backup(shop: &Shop, partitions: u16, room: u64) -> Producer<RawMessage> {
    backup_of(shop, "orders", partitions, room)
}

#[track_caller]
fn backup_of(shop: &Shop, stream: &str, partitions: u16, room: u64) -> Producer<RawMessage> {
    let config = BackupStreamConfig::new(stream)
        .partitions(partitions)
        .max_length(room)
        .fast_timeout(5 * MS)
        .slow_timeout(20 * MS);
    let made = shop.manager.create_backup_producer("b", config).unwrap();
    made.typed()
}

/// Takes all that is in a partition, as its readers would: in one step, since more may
/// come at any time.
#[track_caller]
fn take(shop: &Shop, stream: &str, partition: u16) -> Vec<usize> {
    const TAKE: &str = "local numbers = {} \
         for i, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do \
             numbers[i] = entry[2][2] \
         end \
         redis.call('XTRIM', KEYS[1], 'MAXLEN', 0) \
         return numbers";
    let key = format!("{{{stream}:{partition}}}");
    shop.server.command(&["EVAL", TAKE, "1", &key])
}

#[test]
fn a_partition_that_is_full_overflows_alone_and_is_drained_in_order() {
    let shop = Shop::open();
    let producer = backup(&shop, 4, 5);
    // Of 4: customer-1 in 1, customer-2 in 3.
    for number in 0..30 {
        let added = add(&producer, number, "customer-2").unwrap();
        let in_main = matches!(added, Added::Main(_));
        assert_eq!(in_main, number < 5, "{number}: {added:?}");
    }
    let added = add(&producer, 0, "customer-1").unwrap();
    assert!(matches!(added, Added::Main(_)), "{added:?}");
    assert_eq!(lengths(&shop.server, 4), [0, 1, 0, 5]);
    assert_eq!(shop.ask::<usize>("XLEN {orders:3}:backup"), 25);
    assert!(!shop.ask::<bool>("EXISTS {orders}:backup"));
    // The drain tells the stream of it.
    let name = || shop.ask::<Option<String>>("HGET {orders:3}:meta backup:name");
    wait_until(DEADLINE, "the name to be known", || name().is_some());
    assert_eq!(name().unwrap(), "{orders:3}:backup");

    let mut drained = Vec::new();
    wait_until(DEADLINE, "all to come back", || {
        drained.extend(take(&shop, "orders", 3));
        drained.len() >= 30
    });
    assert!(drained.iter().copied().eq(0..30), "{drained:?}");
    assert_eq!(in_partition(&shop.server, 1), [0]);
}

#[test]
fn one_thread_drains_all_partitions() {
    const EACH: usize = 20;
    // Threads of other tests are called after their streams, too.
    const STREAM: &str = "drained-by-one";
    let shop = Shop::open();
    let producer = backup_of(&shop, STREAM, 16, 3);
    let keys = super::KEYS;
    for number in 0..EACH {
        for (key, _) in keys {
            add(&producer, number, key).unwrap();
        }
    }
    assert_eq!(threads("drained-by-one").len(), 1);
    for (_, partition) in keys {
        let backup: usize = shop.ask(&format!("XLEN {{{STREAM}:{partition}}}:backup"));
        assert_eq!(backup, EACH - 3, "{partition}");
    }
    let mut seen = vec![Vec::new(); keys.len()];
    wait_until(DEADLINE, "all to come back", || {
        for (seen, (_, partition)) in seen.iter_mut().zip(keys) {
            seen.extend(take(&shop, STREAM, partition));
        }
        seen.iter().all(|seen| seen.len() >= EACH)
    });
    for seen in seen {
        assert!(seen.iter().copied().eq(0..EACH), "{seen:?}");
    }
}

#[test]
fn a_producer_that_ends_at_once_leaves_word_of_its_backup_streams() {
    let shop = Shop::open();
    let producer = backup(&shop, 4, 1);
    for number in 0..3 {
        add(&producer, number, "customer-2").unwrap();
    }
    shop.manager.remove_producer("b").unwrap();
    let name: Option<String> = shop.ask("HGET {orders:3}:meta backup:name");
    assert_eq!(name.as_deref(), Some("{orders:3}:backup"));
    assert!(!shop.ask::<bool>("EXISTS {orders:3}:lock:drain"));
    // Another one finds them, without adding anything.
    let config = BackupStreamConfig::new("orders").slow_timeout(20 * MS);
    shop.manager.create_backup_producer("c", config).unwrap();
    let mut drained = Vec::new();
    wait_until(DEADLINE, "all to come back", || {
        drained.extend(take(&shop, "orders", 3));
        drained.len() >= 3
    });
    assert_eq!(drained, [0, 1, 2]);
}

#[test]
fn consumers_drain_all_partitions_where_no_producer_is_left() {
    const EACH: usize = 30;
    let shop = Shop::open();
    let producer = backup(&shop, 16, 3);
    for number in 0..EACH {
        for (key, _) in super::KEYS {
            add(&producer, number, key).unwrap();
        }
    }
    shop.manager.remove_producer("b").unwrap();
    assert_eq!(shop.manager.stream_stats("orders").unwrap().backup, 6 * 27);
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let seen = Seen::default();
    let noted = seen.clone();
    other
        .consume_fn::<RawMessage>("c", quick("orders"), move |delivery| {
            let number: usize = delivery.get_str("n").unwrap_or_default().parse()?;
            noted.push(number);
            Ok(())
        })
        .unwrap();
    seen.wait_for(EACH * super::KEYS.len());
    let stats = other.stream_stats("orders").unwrap();
    assert_eq!((stats.backup, stats.outside), (0, 0));
    assert!(!threads("stream-lookout").is_empty());
    let mut all = seen.all();
    all.sort_unstable();
    let expected = (0..EACH).flat_map(|n| [n; 6]);
    assert!(all.into_iter().eq(expected));
}
