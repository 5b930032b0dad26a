//! Finding streams among all keys.

use stream_lib::{BackupStreamConfig, RawMessage, StreamConfig, StreamKind, StreamManager};
use stream_tests::Cluster;

use super::found;
use crate::support::{Shop, ask};

fn message() -> RawMessage {
    RawMessage::new().with("n", "1")
}

#[test]
fn streams_are_found_among_all_keys_and_told_from_the_librarys_own() {
    let shop = Shop::open();
    let manager = &shop.manager;
    for stream in [
        "orders",
        "{shop}:orders",
        "{orders}:dead",
        "{orders}:backup",
        "{shop}:orders:dead",
        "{orders}:events",
        "stream-ops:audit",
        "{user:42}:mail",
        "spare{pay}",
        "pay",
    ] {
        shop.ask::<String>(&format!("XADD {stream} * n 1"));
    }
    shop.ask::<()>("SET {orders}:hold:g x");
    shop.ask::<()>("HSET {pay}:meta backup:name spare{pay}");
    let split = StreamConfig::new("parts").partitions(4);
    let producer = manager.create_simple_producer("p", split).unwrap();
    let producer = producer.typed::<RawMessage>();
    for number in 0..50 {
        let message = message();
        let draft = producer.with(&message).key(format!("k{number}"));
        draft.add().unwrap();
    }
    for partition in 0..4 {
        shop.ask::<String>(&format!("XADD {{parts:{partition}}}:dead * n 1"));
    }
    let mut connection = shop.server.connect().unwrap();
    let mut pipe = redis::pipe();
    for number in 0..3_000 {
        pipe.cmd("SET")
            .arg(format!("other:{number}"))
            .arg(1)
            .ignore();
    }
    pipe.query::<()>(&mut connection).unwrap();

    let found = found(manager);
    let kinds: Vec<_> = found
        .values()
        .map(|one| (one.name.as_str(), one.kind, one.of.as_deref()))
        .collect();
    let messages = StreamKind::Messages;
    let mut expected = [
        ("orders", messages, None),
        ("pay", messages, None),
        ("parts", messages, None),
        ("spare{pay}", StreamKind::Backup, Some("pay")),
        ("stream-ops:audit", StreamKind::Audit, None),
        ("{orders}:backup", StreamKind::Backup, Some("orders")),
        ("{orders}:dead", StreamKind::DeadLetters, Some("orders")),
        ("{orders}:events", StreamKind::Events, Some("orders")),
        ("{parts}:dead", StreamKind::DeadLetters, Some("parts")),
        ("{shop}:orders", messages, None),
        (
            "{shop}:orders:dead",
            StreamKind::DeadLetters,
            Some("{shop}:orders"),
        ),
        ("{user:42}:mail", messages, None),
    ];
    expected.sort_unstable_by_key(|one| one.0);
    assert_eq!(kinds, expected);
    assert_eq!(found["parts"].partitions, Some(4));
    // In steps: no request looks at all keys.
    assert!(shop.server.calls("scan") >= 5);
}

#[test]
fn a_name_like_a_partitions_is_a_stream_of_its_own_where_there_are_no_partitions() {
    let shop = Shop::open();
    shop.ask::<String>("XADD {mail:3} * n 1");
    shop.ask::<String>("XADD {mail:3}:dead * n 1");
    let found = found(&shop.manager);
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["{mail:3}", "{mail:3}:dead"]);
    assert_eq!(found["{mail:3}"].partitions, None);
}

#[test]
fn streams_of_all_masters_of_a_cluster_are_found() {
    let cluster = Cluster::start().unwrap();
    let manager = StreamManager::connect(cluster.url()).unwrap();
    let mut expected = Vec::new();
    for node in cluster.masters() {
        let name = cluster.name_on(node, "mail");
        ask::<String>(node, &format!("XADD {name} * n 1"));
        expected.push(name);
    }
    let split = BackupStreamConfig::from(StreamConfig::new("orders").partitions(16));
    let producer = manager.create_backup_producer("p", split).unwrap();
    let producer = producer.typed::<RawMessage>();
    for number in 0..100 {
        let message = message();
        producer
            .with(&message)
            .key(format!("k{number}"))
            .add()
            .unwrap();
    }
    expected.push("orders".to_owned());
    expected.sort();
    let found = found(&manager);
    assert_eq!(found.keys().cloned().collect::<Vec<_>>(), expected);
    assert_eq!(found["orders"].partitions, Some(16));
}

#[test]
fn streams_with_schedules_alone_are_found_by_a_second_walk() {
    let shop = Shop::open();
    for line in [
        "XADD both * n 1",
        "ZADD {both}:due 1 a",
        "ZADD {later}:due 1 a",
        "HSET {nightly}:cron a b",
        "ZADD {parts:1}:due 1 a",
        "HSET {parts}:meta partitions 2",
        // These are something else.
        "ZADD later:due 1 a",
        "HSET {mine}:due a b",
        "ZADD {mine}:overdue 1 a",
    ] {
        shop.ask::<redis::Value>(line);
    }
    assert_eq!(found(&shop.manager).len(), 1);
    let mut all = Vec::new();
    for step in shop.manager.find_streams().unwrap().with_schedules() {
        all.extend(step.unwrap());
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let told: Vec<_> = all
        .iter()
        .map(|one| (one.name.as_str(), one.kind, one.partitions))
        .collect();
    let schedules = StreamKind::Schedules;
    let expected = [
        ("both", StreamKind::Messages, None),
        ("later", schedules, None),
        ("nightly", schedules, None),
        ("parts", schedules, Some(2)),
    ];
    assert_eq!(told, expected);
}
