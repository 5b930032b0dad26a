//! Many messages at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use stream_lib::{Added, ErrorKind, StreamConfig};

use super::{in_partition, keyed, lengths, message, producer_of};
use crate::support::{DEADLINE, Shop, threads};

const PARTITIONS: u16 = 8;

fn config() -> StreamConfig {
    StreamConfig::new("orders").partitions(PARTITIONS)
}

/// Of two messages of one key the earlier one stands first.
#[track_caller]
fn assert_in_order_per_key(shop: &Shop, keys: usize, all: usize) {
    let mut count = 0;
    for partition in 0..PARTITIONS {
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        for number in in_partition(&shop.server, partition) {
            let before = last.insert(number % keys, number);
            assert!(before < Some(number), "{number} behind {before:?}");
            count += 1;
        }
    }
    assert_eq!(count, all);
}

#[test]
fn results_of_add_all_are_those_of_its_messages_in_order() {
    const ALL: usize = 3_000;
    for batch_size in [7, 1_000] {
        let shop = Shop::open();
        let producer = producer_of(&shop.manager, config().batch_size(batch_size));
        let messages: Vec<_> = (0..ALL).map(message).collect();
        let all = messages.iter().enumerate();
        let all = all.map(|(n, message)| keyed(message, &format!("key-{}", n % 11)));
        let added = producer.add_all(all);
        assert_eq!(added.len(), ALL);
        assert_in_order_per_key(&shop, 11, ALL);
        // The id of each result is that of its own message.
        let mut ids = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let entries: Vec<(String, Vec<String>)> =
                shop.ask(&format!("XRANGE {{orders:{partition}}} - +"));
            for (id, fields) in entries {
                let number: usize = fields[1].parse().unwrap();
                ids.insert(number, id);
            }
        }
        for (number, added) in added.iter().enumerate() {
            let Ok(Added::Main(id)) = added else {
                panic!("{number}: {added:?}")
            };
            assert_eq!(ids[&number], id.to_string(), "{number}");
        }
    }
}

#[test]
fn a_message_that_cannot_be_encoded_stops_no_other() {
    let shop = Shop::open();
    let producer = producer_of(&shop.manager, config());
    let messages: Vec<_> = (0..20).map(message).collect();
    let some = messages.iter().enumerate().map(|(n, message)| {
        let keyed = keyed(message, &n.to_string());
        if n % 5 == 3 {
            keyed.idempotency_key("")
        } else {
            keyed
        }
    });
    let added = producer.add_all(some);
    for (number, added) in added.iter().enumerate() {
        match added {
            Ok(Added::Main(_)) => assert_ne!(number % 5, 3),
            Err(e) if number % 5 == 3 => assert_eq!(e.kind(), ErrorKind::Encode),
            other => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(lengths(&shop.server, PARTITIONS).iter().sum::<usize>(), 16);
}

#[test]
fn sends_keep_the_order_of_a_key_by_one_thread() {
    const ALL: usize = 5_000;
    let shop = Shop::open();
    let config = StreamConfig::new("orders").partitions(PARTITIONS);
    let producer = producer_of(&shop.manager, config);
    for number in 0..ALL {
        let message = message(number);
        let draft = producer.with(&message).key((number % 13).to_string());
        drop(draft.send().unwrap());
    }
    assert_eq!(threads("orders send").len(), 1);
    let report = producer.flush(DEADLINE);
    assert_eq!(
        (report.added, report.is_ok()),
        (ALL as u64, true),
        "{report}"
    );
    assert_in_order_per_key(&shop, 13, ALL);
}

#[test]
fn a_script_flush_between_batches_loses_and_doubles_nothing() {
    let shop = Shop::open();
    let producer = producer_of(&shop.manager, config());
    for round in 0..5 {
        let messages: Vec<_> = (0..40).map(|n| message(round * 40 + n)).collect();
        let once = messages.iter().enumerate().map(|(n, message)| {
            let number = round * 40 + n;
            let keyed = keyed(message, &(number % 10).to_string());
            keyed.idempotency_key(format!("once-{number}"))
        });
        assert!(producer.add_all(once).iter().all(Result::is_ok));
        shop.ask::<()>("SCRIPT FLUSH");
    }
    assert_in_order_per_key(&shop, 10, 200);
}

#[test]
fn replicas_are_waited_for_in_all_partitions() {
    let shop = Shop::open();
    let config = config().replicas(1, Duration::from_millis(50));
    let producer = producer_of(&shop.manager, config);
    let messages: Vec<_> = (0..24).map(message).collect();
    let all = messages.iter().enumerate();
    let added = producer.add_all(all.map(|(n, m)| keyed(m, &n.to_string())));
    // The server has no replica.
    for added in &added {
        let error = added.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotReplicated, "{error}");
    }
    assert_eq!(lengths(&shop.server, PARTITIONS).iter().sum::<usize>(), 24);
    let error = producer.add(&messages[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReplicated, "{error}");
}

#[test]
fn a_closed_producer_adds_to_no_partition() {
    let shop = Shop::open();
    let producer = producer_of(&shop.manager, config());
    producer.add(&message(0)).unwrap();
    shop.manager.remove_producer("p").unwrap();
    let errors = producer.add_all(&[message(1), message(2)]);
    let kinds = errors.iter().map(|e| e.as_ref().unwrap_err().kind());
    assert!(kinds.eq([ErrorKind::Closed; 2]));
    assert_eq!(lengths(&shop.server, PARTITIONS).iter().sum::<usize>(), 1);
}
