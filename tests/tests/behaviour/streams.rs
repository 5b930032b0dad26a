//! Streams as a whole: their names, and their deletion.

use stream_lib::{
    BackupStreamConfig, ConsumerConfig, ErrorKind, HandlerError, StreamConfig, StreamManager,
};
use stream_tests::{Server, wait_until};

use crate::support::{DEADLINE, Order, Seen, Shop, noting, order, quick};

#[test]
fn keys_that_belong_to_a_stream_are_refused_as_streams() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let seen = Seen::default();
    for name in ["{orders}:dead", "{shop}:orders:backup", "{orders}:once:k"] {
        let errors = [
            manager
                .create_simple_producer("p", StreamConfig::new(name))
                .unwrap_err(),
            manager
                .create_backup_producer("p", BackupStreamConfig::new(name))
                .unwrap_err(),
            manager
                .consume("c", quick(name), noting(&seen))
                .unwrap_err(),
            manager.dead_letters(name).map(drop).unwrap_err(),
            manager.delete_stream(name).unwrap_err(),
            manager.cleanup_now(name).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.to_string().contains("reserved"), "{error}");
        }
    }
    shop.ask::<String>("XADD {orders}:dead * a 1");
    let stats = manager.stream_stats("{orders}:dead").unwrap();
    assert_eq!(stats.length, 1, "a look is allowed");
}

/// All keys but those of idempotency keys.
fn keys(server: &Server) -> Vec<String> {
    let mut keys: Vec<String> = server.command(&["KEYS", "*"]);
    keys.retain(|key| !key.contains(":once:"));
    keys.sort();
    keys
}

#[test]
fn deleted_stream_leaves_no_key_and_begins_again() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let config = StreamConfig::new("orders").max_length(3);
    manager.create_backup_producer("p", config).unwrap();
    shop.ask::<()>("SET {orders}:lock:drain other PX 1000000");
    let failing = ConsumerConfig::new("orders").group("failing");
    manager
        .consume_fn::<Order>("failing", failing, |order| match order.order_id.as_str() {
            "dead" => Err(HandlerError::permanent("no").into()),
            _ => Err(HandlerError::retry_after("later", crate::support::HOUR).into()),
        })
        .unwrap();
    for id in ["dead", "1", "2", "3", "4", "5"] {
        manager.add(&order(id)).unwrap();
    }
    wait_until(
        DEADLINE,
        "one dead, some waiting, some in the backup",
        || {
            let stats = manager.stream_stats("orders").unwrap();
            stats.dead == 1 && stats.backup > 0 && stats.groups[0].waiting > 0
        },
    );
    // Another stream of the same slot stays.
    shop.ask::<String>("XADD {orders}:others * a 1");

    let error = manager.delete_stream("orders").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains("consumer `failing`"), "{error}");
    manager.remove_consumer("failing").unwrap();
    let error = manager.delete_stream("orders").unwrap_err();
    assert!(error.to_string().contains("producer `p`"), "{error}");
    manager.remove_producer("p").unwrap();
    assert!(manager.delete_stream("orders").unwrap());
    assert_eq!(keys(&shop.server), ["{orders}:others"]);
    assert!(!manager.delete_stream("orders").unwrap());

    let seen = Seen::default();
    manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    manager.add(&order("new")).unwrap();
    seen.wait_for(1);
}

#[test]
fn stream_with_a_living_member_anywhere_is_not_deleted() {
    let shop = Shop::open();
    let elsewhere = StreamManager::connect(shop.server.url()).unwrap();
    let seen = Seen::default();
    let consumer = elsewhere
        .consume("c", quick("orders").consumer("till"), noting(&seen))
        .unwrap();
    // By a default producer, which goes with the stream.
    shop.manager.add(&order("1")).unwrap();
    let default = shop.manager.producers()[0].typed::<Order>();
    seen.wait_for(1);
    let member = format!("orders_group:{}", consumer.name().unwrap());
    let error = shop.manager.delete_stream("orders").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains(&member), "{error}");
    // It goes on where nothing is deleted.
    default.add(&order("2")).unwrap();
    assert_eq!(shop.manager.list_producers(), ["orders (default)"]);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 2);

    elsewhere.shutdown();
    let refuse = |member: &str| {
        let error = shop.manager.delete_stream("orders").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
        assert!(error.to_string().contains(member), "{error}");
    };
    // A member of an older version gives its signs elsewhere.
    let (now, _): (u64, u64) = shop.ask("TIME");
    let beat = |at: u64| {
        shop.ask::<u8>("DEL {orders}:meta");
        let words = ["HSET", "{orders}:meta", "beat:orders_group:old"];
        let sign = format!("{} 30000", at * 1_000);
        shop.server.command::<()>(&[&words[..], &[&sign]].concat());
    };
    beat(now);
    refuse("orders_group:old");
    // Signs that have lapsed don't count.
    beat(1);
    shop.ask::<u8>("ZADD {orders}:members:orders_group 1000 gone");
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert!(keys(&shop.server).is_empty());
    assert!(shop.manager.list_producers().is_empty());
    let error = default.add(&order("3")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    shop.manager.add(&order("3")).unwrap();
}

#[test]
fn key_of_another_kind_is_not_deleted() {
    let shop = Shop::open();
    shop.ask::<()>("SET orders text");
    let error = shop.manager.delete_stream("orders").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    shop.ask::<()>("DEL orders");
    shop.manager.add(&order("1")).unwrap();
    shop.ask::<()>("SET {orders}:dead text");
    let error = shop.manager.delete_stream("orders").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    assert_eq!(shop.ask::<u64>("EXISTS orders {orders}:dead"), 2);
    assert_eq!(shop.manager.list_producers(), ["orders (default)"]);
}
