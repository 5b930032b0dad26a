//! Deletions of streams with all features in use, and of names that are not streams.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, SystemTime};

use stream_lib::{
    BackupStreamConfig, ConnectionConfig, ConsumerConfig, Delivery, ErrorKind, HandlerError,
    HandlerResult, Producer, RawMessage, StartFrom, StreamConfig, StreamManager,
};
use stream_tests::wait_until;

use crate::support::{DEADLINE, HOUR, Seen, Shop, quick};

fn keys(shop: &Shop) -> BTreeSet<String> {
    shop.ask::<Vec<String>>("KEYS *").into_iter().collect()
}

fn noting(seen: &Seen<String>) -> impl Fn(&Delivery<RawMessage>) -> HandlerResult + use<> {
    let seen = seen.clone();
    move |delivery| {
        let n = delivery.get_str("n").unwrap_or_default().to_owned();
        seen.push(n.clone());
        match n.as_str() {
            "dead" => Err(HandlerError::permanent("no").into()),
            "later" => Err(HandlerError::retry_after("later", HOUR).into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn nothing_is_left_of_a_stream_that_had_everything() {
    for stream in ["orders", "{shop}:orders"] {
        let shop = Shop::open();
        shop.ask::<String>("XADD {shop}:other * n 1");
        shop.ask::<()>("SET {orders}x:meta theirs");
        let before = keys(&shop);
        let manager = &shop.manager;
        let seen = Seen::default();
        for group in ["g", "h {x} é"] {
            let config = quick(stream).group(group);
            manager.consume(group, config, noting(&seen)).unwrap();
        }
        shop.ask::<()>(&format!("XGROUP CREATE {stream} foreign $"));
        let config = BackupStreamConfig::new(stream).max_length(3);
        let producer: Producer<RawMessage> =
            manager.create_backup_producer("p", config).unwrap().typed();
        for n in ["dead", "later", "fine"] {
            producer.add(&RawMessage::new().with("n", n)).unwrap();
        }
        seen.wait_for(6);
        let dead = manager.dead_letters(stream).unwrap();
        wait_until(DEADLINE, "dead letters", || dead.count().unwrap() == 2);
        // The group of another program holds the capacity.
        shop.ask::<redis::Value>(&format!("XREADGROUP GROUP foreign z STREAMS {stream} >"));
        for _ in 0..9 {
            producer.add(&RawMessage::new().with("n", "fine")).unwrap();
        }
        assert_eq!(
            manager.delete_stream(stream).unwrap_err().kind(),
            ErrorKind::InUse
        );
        manager.remove_consumer("g").unwrap();
        manager.remove_consumer("h {x} é").unwrap();
        assert_eq!(
            manager.delete_stream(stream).unwrap_err().kind(),
            ErrorKind::InUse
        );
        manager.remove_producer("p").unwrap();
        assert!(keys(&shop).len() > before.len() + 3, "{:?}", keys(&shop));
        assert!(manager.delete_stream(stream).unwrap());
        assert_eq!(keys(&shop), before);
        assert!(!manager.delete_stream(stream).unwrap());
        let added = producer.add(&RawMessage::new().with("n", "1"));
        assert_eq!(added.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(keys(&shop), before, "and nothing comes back");
    }
}

#[test]
fn member_of_another_process_is_named_until_it_leaves() {
    let shop = Shop::open();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let seen = Seen::default();
    let consumer = other.consume("c", quick("orders"), noting(&seen)).unwrap();
    let name = consumer.name().unwrap();
    let error = shop.manager.delete_stream("orders").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains(&name), "{error}");
    other.shutdown();
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert!(keys(&shop).is_empty(), "{:?}", keys(&shop));
}

#[test]
fn stream_is_deleted_while_others_add_to_it() {
    let shop = Shop::open();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let config = BackupStreamConfig::new("s").max_length(5);
    let producer: Producer<RawMessage> = other.create_backup_producer("p", config).unwrap().typed();
    thread::scope(|scope| {
        let adding = scope.spawn(|| {
            let message = RawMessage::new().with("n", "1");
            for _ in 0..500 {
                producer.add(&message).unwrap();
            }
        });
        while !adding.is_finished() {
            shop.manager.delete_stream("s").unwrap();
        }
    });
    other.shutdown();
    shop.manager.delete_stream("s").unwrap();
    assert!(keys(&shop).is_empty(), "{:?}", keys(&shop));
}

#[test]
fn names_of_keys_are_refused_wherever_a_stream_is_named() {
    let shop = Shop::open();
    let manager = &shop.manager;
    for name in [
        "{orders}:dead",
        "{shop}:orders:backup",
        "{orders}:lock:x",
        "{orders}:once:a:b",
        "{orders}:waiting:g",
        "{}",
        "{",
        "",
    ] {
        let handler = |_: &Delivery<RawMessage>| Ok(());
        let kinds = [
            manager.delete_stream(name).unwrap_err().kind(),
            manager.dead_letters(name).unwrap_err().kind(),
            manager
                .create_simple_producer("p", StreamConfig::new(name))
                .unwrap_err()
                .kind(),
            manager
                .create_backup_producer("p", BackupStreamConfig::new(name))
                .unwrap_err()
                .kind(),
            manager
                .create_consumer("c", ConsumerConfig::new(name), handler)
                .unwrap_err()
                .kind(),
        ];
        assert_eq!(kinds, [ErrorKind::Config; 5], "{name}");
    }
    assert!(manager.list_producers().is_empty() && manager.list_consumers().is_empty());
}

#[test]
fn any_time_is_a_start() {
    let shop = Shop::open();
    let epoch = SystemTime::UNIX_EPOCH;
    let far = (0..64)
        .rev()
        .find_map(|bits| epoch.checked_add(Duration::from_secs(1 << bits)));
    let past = (0..64)
        .rev()
        .find_map(|bits| epoch.checked_sub(Duration::from_secs(1 << bits)));
    shop.ask::<String>("XADD s * n before");
    let seen = Seen::default();
    let now = SystemTime::now();
    for (name, time) in [
        ("far", far.unwrap()),
        ("hour", now + HOUR),
        ("past", past.unwrap()),
        ("early", now - HOUR),
        ("epoch", epoch),
    ] {
        let seen = seen.clone();
        let handler = move |delivery: &Delivery<RawMessage>| -> HandlerResult {
            seen.push(format!(
                "{name} {}",
                delivery.get_str("n").unwrap_or_default()
            ));
            Ok(())
        };
        let config = quick("s").group(name).start_from(StartFrom::Time(time));
        shop.manager.consume(name, config, handler).unwrap();
    }
    shop.ask::<String>("XADD s * n after");
    seen.wait_for(6);
    let mut all = seen.all();
    all.sort();
    let expected: Vec<_> = ["early", "epoch", "past"]
        .iter()
        .flat_map(|name| [format!("{name} after"), format!("{name} before")])
        .collect();
    assert_eq!(all, expected);
    let stats = shop.manager.stream_stats("s").unwrap();
    assert_eq!(stats.groups.len(), 5);
}

#[test]
fn lazy_manager_is_made_started_and_shut_down_without_a_server() {
    let config = ConnectionConfig::new("redis://127.0.0.1:1").unwrap();
    let manager = StreamManager::connect_lazy(config).unwrap();
    let seen = Seen::default();
    let consumers: Vec<_> = (0..20)
        .map(|n| {
            manager
                .consume(&n.to_string(), quick("s"), noting(&seen))
                .unwrap()
        })
        .collect();
    assert!(consumers.iter().all(stream_lib::Consumer::is_running));
    let message = RawMessage::new().with("n", "1");
    let config = StreamConfig::new("s").send_timeout(Duration::from_millis(50));
    let handle = manager.create_simple_producer("p", config.clone()).unwrap();
    let twice = manager
        .create_simple_producer("p", config.clone())
        .unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::AlreadyExists);
    let twice = manager.create_backup_producer("p", config).unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::AlreadyExists);
    let error = handle.typed::<RawMessage>().add(&message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let report = manager.shutdown();
    assert_eq!((report.completed, report.still_running), (0, 0));
}
