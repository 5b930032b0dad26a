//! Schemas of the message types of processes.

use std::collections::BTreeSet;

use stream_lib::{
    BackupStreamConfig, ConnectionConfig, ErrorKind, FieldMask, RawMessage, StreamConfig,
    StreamEventKind, StreamManager, StreamMessage, StreamSchema,
};
use stream_tests::{Cluster, LogCapture, Server, wait_until};

use crate::support::{DEADLINE, Order, Seen, Shop, noting, order, quick};

#[derive(StreamMessage)]
#[stream(name = "cards")]
struct Card {
    #[stream(key)]
    id: u64,
    #[stream(sensitive, default)]
    pin: String,
}

#[track_caller]
fn wait_for_schemas(manager: &StreamManager, stream: &str, count: usize) -> Vec<StreamSchema> {
    let schemas = || manager.schemas(stream).unwrap();
    wait_until(DEADLINE, format!("{count} schemas of {stream}"), || {
        schemas().len() >= count
    });
    schemas()
}

#[test]
fn producers_and_consumers_tell_of_types_with_the_derive() {
    let shop = Shop::open();
    let manager = &shop.manager;
    manager.add(&order("1")).unwrap();
    let [schema] = &wait_for_schemas(manager, "orders", 1)[..] else {
        panic!("one schema");
    };
    assert_eq!(schema.name, "Order");
    assert!(schema.by_producers && !schema.by_consumers);
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| (f.name.as_str(), f.ty.as_str(), f.optional))
        .collect();
    assert_eq!(
        fields,
        [
            ("order_id", "String", false),
            ("amount", "f64", false),
            ("note", "String", true)
        ]
    );
    assert!(!schema.program.is_empty());
    let seen = Seen::default();
    manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    wait_until(DEADLINE, "a consumer to tell", || {
        manager.schemas("orders").unwrap()[0].by_consumers
    });
    let again = &manager.schemas("orders").unwrap()[0];
    assert_eq!(
        (&again.fingerprint, again.first_seen),
        (&schema.fingerprint, schema.first_seen)
    );
    assert!(again.last_seen >= schema.last_seen && again.by_producers);

    let message = RawMessage::new()
        .with("order_id", "1")
        .with("amount", "12,50");
    let misfits: Vec<_> = schema
        .check(&message)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(misfits, [r#"amount: a number expected, found "12,50""#]);
}

#[test]
fn a_schema_that_was_seen_lately_is_not_written_again() {
    let shop = Shop::open();
    shop.manager.add(&order("1")).unwrap();
    wait_for_schemas(&shop.manager, "orders", 1);
    let written = shop.server.calls("hset");
    for _ in 0..3 {
        let evals = shop.server.calls("evalsha");
        let other = StreamManager::connect(shop.server.url()).unwrap();
        let handle = other
            .create_simple_producer("p", StreamConfig::new("orders"))
            .unwrap();
        let producer = handle.typed::<Order>();
        producer.add(&order("2")).unwrap();
        // The note and the first cleaning.
        wait_until(DEADLINE, "a script", || {
            shop.server.calls("evalsha") > evals
        });
        drop(other);
    }
    assert_eq!(shop.server.calls("hset"), written);
    // Seen an hour ago, it is written again, and keeps its first sight.
    let before = shop.manager.schemas("orders").unwrap().remove(0);
    let (told, fingerprint) = raw(&shop.server, &before);
    let key = format!("\"last_seen\":{}", ms(&before));
    assert!(told.contains(&key), "{told}");
    let old = told.replace(&key, "\"last_seen\":1000");
    set(&shop.server, &fingerprint, &old);
    let other = StreamManager::connect(shop.server.url()).unwrap();
    other.add(&order("3")).unwrap();
    wait_until(DEADLINE, "another sight", || {
        ms(&shop.manager.schemas("orders").unwrap()[0]) > 1_000
    });
    let after = shop.manager.schemas("orders").unwrap().remove(0);
    assert_eq!(after.first_seen, before.first_seen);
}

fn ms(schema: &StreamSchema) -> u128 {
    let since = schema.last_seen.duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_millis()
}

fn raw(server: &Server, schema: &StreamSchema) -> (String, String) {
    let fingerprint = schema.fingerprint.clone();
    let told = server.command(&["HGET", "{orders}:schema", &fingerprint]);
    (told, fingerprint)
}

fn set(server: &Server, fingerprint: &str, told: &str) {
    let _: u64 = server.command(&["HSET", "{orders}:schema", fingerprint, told]);
}

#[test]
fn of_too_many_schemas_the_longest_unseen_go() {
    let shop = Shop::open();
    for number in 0..40 {
        let told = format!(
            r#"{{"first_seen":1,"last_seen":{},"producers":true,"consumers":false,"program":"x","schema":{{"name":"T{number}"}}}}"#,
            1_000 + number
        );
        set(&shop.server, &format!("f{number}"), &told);
    }
    set(&shop.server, "foreign", "no JSON");
    shop.manager.add(&order("1")).unwrap();
    wait_until(DEADLINE, "room to be made", || {
        shop.ask::<u64>("HLEN {orders}:schema") == 32
    });
    let kept = shop.manager.schemas("orders").unwrap();
    let names: BTreeSet<_> = kept.iter().map(|schema| schema.name.clone()).collect();
    let mut expected: BTreeSet<_> = (9..40).map(|number| format!("T{number}")).collect();
    expected.insert("Order".to_owned());
    assert_eq!(names, expected);
    assert_eq!(kept[0].name, "Order", "the last seen comes first");
}

#[test]
fn types_that_are_written_by_hand_tell_nothing() {
    let shop = Shop::open();
    let handle = shop
        .manager
        .create_simple_producer("p", StreamConfig::new("orders"))
        .unwrap();
    handle
        .typed::<RawMessage>()
        .add(&RawMessage::new().with("a", "b"))
        .unwrap();
    // A type with the derive comes after it.
    handle.typed::<Card>();
    let schemas = wait_for_schemas(&shop.manager, "orders", 1);
    assert_eq!(schemas.len(), 1);
    assert_eq!(schemas[0].name, "Card");
    let mask = FieldMask::of(&schemas);
    assert!(mask.hides(b"pin") && mask.hides(b"unknown") && !mask.hides(b"id"));
    let pin = RawMessage::new().with("id", "x").with("pin", b"\xff\xfe");
    let misfits: Vec<_> = schemas[0]
        .check(&pin)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(misfits.len(), 2);
    assert_eq!(misfits[1], "pin: UTF-8 text expected, found ••••");
}

#[test]
fn a_user_without_the_right_adds_and_consumes_all_the_same() {
    let rules = "on >secret ~untold ~{untold}:dead ~{untold}:meta ~{untold}:waiting:* \
                 ~{untold}:members:* ~{untold}:lock:* ~{untold}:hold:* \
                 ~{untold}:facts:* ~{untold}:events +@all";
    let server = Server::options()
        .user(&format!("bob {rules}"))
        .start()
        .unwrap();
    let url = server.url().replace("redis://", "redis://bob:secret@");
    let log = LogCapture::start();
    let manager = StreamManager::connect(url).unwrap();
    let config = StreamConfig::new("untold");
    let producer = manager.create_simple_producer("p", config).unwrap();
    producer.typed::<Order>().add(&order("1")).unwrap();
    let seen = Seen::default();
    manager
        .consume("c", quick("untold"), noting(&seen))
        .unwrap();
    seen.wait_for(1);
    wait_until(DEADLINE, "it to be told", || {
        !log.containing("was not stored with `untold`").is_empty()
    });
    assert_eq!(
        manager.schemas("untold").unwrap_err().kind(),
        ErrorKind::PermissionDenied
    );
    manager.shutdown();
    let told = log.containing("was not stored with `untold`");
    assert!(
        told.len() <= 2,
        "once for producers and once for consumers: {told:?}"
    );
}

#[test]
fn deleting_the_stream_deletes_its_schemas() {
    let shop = Shop::open();
    let manager = &shop.manager;
    manager.add(&order("1")).unwrap();
    wait_for_schemas(manager, "orders", 1);
    assert!(manager.delete_stream("orders").unwrap());
    assert_eq!(shop.ask::<Vec<String>>("KEYS *"), [""; 0]);
    manager.add(&order("1")).unwrap();
    wait_for_schemas(manager, "orders", 1);
}

#[test]
fn a_lazy_manager_and_a_backup_producer_tell_as_well() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_lazy(config).unwrap();
    let config = BackupStreamConfig::new("cards");
    let producer = manager
        .create_backup_producer("p", config)
        .unwrap()
        .typed::<Card>();
    producer
        .add(&Card {
            id: 1,
            pin: "1234".to_owned(),
        })
        .unwrap();
    let schema = wait_for_schemas(&manager, "cards", 1).remove(0);
    let fields = schema.fields();
    assert!(fields[0].key && fields[1].sensitive && fields[1].default);
}

#[test]
fn schemas_of_partitions_stand_once_at_the_stem() {
    let cluster = Cluster::start().unwrap();
    let manager = StreamManager::connect(cluster.url()).unwrap();
    let config = StreamConfig::new("cards").partitions(8);
    let producer = manager
        .create_simple_producer("p", config)
        .unwrap()
        .typed::<Card>();
    for id in 0..20 {
        producer
            .add(&Card {
                id,
                pin: String::new(),
            })
            .unwrap();
    }
    assert_eq!(wait_for_schemas(&manager, "cards", 1).len(), 1);
    for partition in 0..8 {
        let key = format!("{{cards:{partition}}}:schema");
        let exists: u64 = cluster.node_of(&key).command(&["EXISTS", &key]);
        assert_eq!(exists, 0);
    }
}

#[test]
fn another_form_of_a_message_is_told_in_the_events_with_the_program() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_with(config.program("till \"7\"")).unwrap();
    let config = StreamConfig::new("cards");
    let handle = manager.create_simple_producer("p", config).unwrap();
    let _cards = handle.typed::<Card>();
    let first = wait_for_schemas(&manager, "cards", 1).remove(0);
    assert_eq!(first.program, "till _7_");
    let events = manager.events("cards").unwrap();
    assert!(events.newest(10).unwrap().is_empty());
    let _orders = handle.typed::<Order>();
    wait_for_schemas(&manager, "cards", 2);
    wait_until(DEADLINE, "an event", || {
        events.newest(10).unwrap().len() == 1
    });
    let event = events.newest(10).unwrap().remove(0);
    assert_eq!(event.kind, StreamEventKind::SchemaChanged);
    let text = event.text.unwrap();
    assert!(
        text.starts_with("Order ") && text.contains("till"),
        "{text}"
    );
}
