//! Idempotency keys.

use std::time::Duration;

use stream_lib::{
    Added, ErrorKind, Producer, RawMessage, StreamConfig, StreamManager, StreamMessage,
};
use stream_tests::{Direction, Proxy, Server, wait_for, wait_until};

use crate::{
    BACKUP, DEADLINE, Rig, STREAM, connect, connect_to, hold_drain, length, message, numbers,
    quick, release_drain, wait_for_length,
};

#[derive(StreamMessage, Debug, Clone)]
#[stream(name = "orders")]
struct Order {
    n: usize,
    #[stream(idempotency_key, rename = "request")]
    request_id: Option<String>,
}

fn order(n: usize, request: &str) -> Order {
    Order {
        n,
        request_id: Some(request.to_owned()),
    }
}

/// A simple producer called `s` beside the backup producer `p`.
fn both(config: stream_lib::BackupStreamConfig) -> Rig {
    let rig = Rig::still(config);
    let simple = StreamConfig::new(STREAM);
    rig.manager.create_simple_producer("s", simple).unwrap();
    rig
}

fn producers(manager: &StreamManager) -> [Producer<RawMessage>; 2] {
    ["s", "p"].map(|name| manager.producer(name).unwrap())
}

fn duplicate_of(first: Added) -> Added {
    Added::Duplicate(first.id().unwrap())
}

#[test]
fn a_second_add_of_a_key_is_a_duplicate_of_the_first() {
    let rig = both(quick(100));
    let [simple, backup] = producers(&rig.manager);
    for (n, producer) in [&simple, &backup].into_iter().enumerate() {
        let key = format!("key-{n}");
        let first = producer.add_with_key(&message(n), &key).unwrap();
        for other in [&simple, &backup, &simple] {
            let again = other.add_with_key(&message(99), &key).unwrap();
            assert_eq!(again, duplicate_of(first));
            assert!(again.is_duplicate());
        }
    }
    assert_eq!(numbers(&rig.server, STREAM), [0, 1]);
    // Another key, no key, another stream: another entry.
    simple.add_with_key(&message(2), "key-2").unwrap();
    simple.add(&message(3)).unwrap();
    assert_eq!(numbers(&rig.server, STREAM), [0, 1, 2, 3]);
}

#[test]
fn a_first_entry_in_the_backup_is_found_there_and_after_it_moved() {
    let rig = both(quick(1));
    rig.make_group();
    let [simple, backup] = producers(&rig.manager);
    rig.placed(0..1);
    let first = backup.add_with_key(&message(1), "k").unwrap();
    assert!(matches!(first, Added::Backup(_)), "{first:?}");
    assert_eq!(
        backup.add_with_key(&message(1), "k").unwrap(),
        duplicate_of(first)
    );
    assert_eq!(length(&rig.server, BACKUP), 1);
    release_drain(&rig.server);
    rig.consume(1);
    wait_for_length(&rig.server, BACKUP, 0);
    assert_eq!(
        backup.add_with_key(&message(1), "k").unwrap(),
        duplicate_of(first)
    );
    assert_eq!(
        simple.add_with_key(&message(1), "k").unwrap(),
        duplicate_of(first)
    );
    assert_eq!(numbers(&rig.server, STREAM), [0, 1]);
}

#[test]
fn a_field_of_the_message_can_be_its_key() {
    let rig = both(quick(100));
    for name in ["s", "p"] {
        rig.server.command::<()>(&["FLUSHALL"]);
        hold_drain(&rig.server);
        let producer: Producer<Order> = rig.manager.producer(name).unwrap();
        let none = Order {
            n: 2,
            request_id: None,
        };
        let orders = [
            order(0, "a"),
            order(1, "b"),
            order(9, "a"),
            none.clone(),
            none,
            order(3, "c"),
            order(9, "b"),
        ];
        let added: Vec<_> = producer
            .add_all(&orders)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(added[2], duplicate_of(added[0]));
        assert_eq!(added[6], duplicate_of(added[1]));
        assert_eq!(numbers(&rig.server, STREAM), [0, 1, 2, 2, 3]);
        assert_eq!(
            producer.add(&order(9, "c")).unwrap(),
            duplicate_of(added[5])
        );
        // A key given beside the message takes its place.
        producer.add_with_key(&order(4, "a"), "d").unwrap();
        assert_eq!(numbers(&rig.server, STREAM), [0, 1, 2, 2, 3, 4]);
    }
}

#[test]
fn the_value_under_a_key_is_what_earlier_versions_read() {
    let rig = both(quick(1));
    rig.make_group();
    let [simple, backup] = producers(&rig.manager);
    let value = |key: &str| {
        let key = format!("{{orders}}:once:{key}");
        rig.server.command::<String>(&["GET", &key])
    };
    for (key, mark, producer) in [("s", "", &simple), ("p", "b", &backup)] {
        let first = producer.add_with_key(&message(0), key).unwrap();
        let expected = format!("{mark}{}", first.id().unwrap());
        assert_eq!(value(key), expected);
        assert!(
            backup
                .add_with_key(&message(0), key)
                .unwrap()
                .is_duplicate()
        );
        assert_eq!(value(key), expected);
    }
}

#[test]
fn a_duplicate_is_told_by_send_and_by_a_producer_with_a_spool() {
    let rig = both(quick(100));
    let dir = tempfile::tempdir().unwrap();
    let config = quick(100).spool_dir(dir.path().join("spool"));
    rig.manager
        .create_backup_producer("spooled", config)
        .unwrap();
    for name in ["s", "p", "spooled"] {
        let producer: Producer<RawMessage> = rig.manager.producer(name).unwrap();
        let first = producer.send_with_key(&message(0), name).unwrap().wait();
        let again = producer.send_with_key(&message(0), name).unwrap().wait();
        let first = first.unwrap();
        assert!(matches!(first, Added::Main(_)), "{name}: {first:?}");
        assert_eq!(again.unwrap(), duplicate_of(first), "{name}");
        let again = producer.add_with_key(&message(0), name).unwrap();
        assert_eq!(again, duplicate_of(first), "{name}");
    }
}

#[test]
fn the_key_travels_with_the_entry() {
    let rig = both(quick(100));
    let [simple, _] = producers(&rig.manager);
    simple.add_with_key(&message(0), "k-1").unwrap();
    let entries: Vec<(String, Vec<String>)> = rig.server.command(&["XRANGE", STREAM, "-", "+"]);
    assert_eq!(entries[0].1, ["n", "0", "~key", "k-1"]);
}

#[test]
fn repeated_messages_take_no_room() {
    let rig = both(quick(2));
    let producer: Producer<Order> = rig.manager.producer("p").unwrap();
    let orders: Vec<_> = [0, 0, 0, 1, 1, 2]
        .map(|n| order(n, &format!("r{n}")))
        .into();
    for added in producer.add_all(&orders) {
        added.unwrap();
    }
    assert_eq!(numbers(&rig.server, STREAM), [0, 1]);
    assert_eq!(numbers(&rig.server, BACKUP), [2]);
}

#[test]
fn a_key_is_forgotten_after_its_window() {
    let server = Server::start().unwrap();
    let manager = connect(&server);
    let config = StreamConfig::new(STREAM).idempotency_window(Duration::from_millis(20));
    manager.create_simple_producer("s", config).unwrap();
    let producer: Producer<RawMessage> = manager.producer("s").unwrap();
    producer.add_with_key(&message(0), "k").unwrap();
    wait_until(DEADLINE, "another entry", || {
        !producer
            .add_with_key(&message(0), "k")
            .unwrap()
            .is_duplicate()
    });
}

#[test]
fn keys_last_two_minutes_by_default() {
    let rig = both(quick(100));
    for (producer, key) in producers(&rig.manager).iter().zip(["a", "b"]) {
        producer.add_with_key(&message(0), key).unwrap();
        let name = format!("{{orders}}:once:{key}");
        let left: u64 = rig.server.command(&["PTTL", &name]);
        assert!((60_000..=120_000).contains(&left), "{left}");
    }
}

#[test]
fn without_memory_neither_entry_nor_key_is_written() {
    let rig = both(quick(100));
    for (n, producer) in producers(&rig.manager).iter().enumerate() {
        let key = format!("k{n}");
        rig.server
            .command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
        let error = producer.add_with_key(&message(n), &key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        rig.server
            .command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
        producer.add_with_key(&message(n), &key).unwrap();
        assert_eq!(length(&rig.server, STREAM), n + 1);
    }
}

#[test]
fn a_key_that_cannot_be_remembered_adds_nothing() {
    let rig = both(quick(100));
    rig.server
        .command::<()>(&["LPUSH", "{orders}:once:bad", "x"]);
    for producer in producers(&rig.manager) {
        let error = producer.add_with_key(&message(0), "bad").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        for key in ["", &"k".repeat(513)] {
            let error = producer.add_with_key(&message(0), key).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert!(error.to_string().contains("idempotency key"), "{error}");
        }
    }
    assert_eq!(length(&rig.server, STREAM), 0);
}

#[test]
fn a_user_without_the_right_to_write_keys_adds_nothing() {
    let server = Server::options()
        .user("limited on >secret ~* +@all -set")
        .start()
        .unwrap();
    let url = server.url().replace("redis://", "redis://limited:secret@");
    let manager = connect_to(&url);
    manager
        .create_simple_producer("s", StreamConfig::new(STREAM))
        .unwrap();
    let producer: Producer<RawMessage> = manager.producer("s").unwrap();
    producer.add(&message(0)).unwrap();
    let error = producer.add_with_key(&message(1), "k").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert_eq!(numbers(&server, STREAM), [0]);
}

#[test]
fn a_write_of_unknown_outcome_is_tried_again_only_with_a_key() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = connect_to(&server.url_at(proxy.port()));
    let simple = StreamConfig::new(STREAM);
    manager.create_simple_producer("s", simple).unwrap();
    manager.create_backup_producer("p", quick(100)).unwrap();

    let mut added = 0;
    for (n, producer) in producers(&manager).iter().enumerate() {
        // Threads of the library have connections too: whoever gets the next
        // reply loses it.
        let error = wait_for(DEADLINE, "an add to be struck", || {
            producer.add(&message(0)).ok()?;
            proxy.cut_after(Direction::Replies, 0);
            added += 2;
            producer.add(&message(1)).err()
        });
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
        wait_for_length(&server, STREAM, added);

        for round in 0..5 {
            wait_for(DEADLINE, "an add that passes", || {
                let passed = producer.add(&message(2)).is_ok();
                added = length(&server, STREAM);
                passed.then_some(())
            });
            proxy.cut_after(Direction::Replies, 0);
            let key = format!("k{n}-{round}");
            let placed = producer.add_with_key(&message(3), &key).unwrap();
            assert!(matches!(placed, Added::Main(_)));
            added += 1;
            assert_eq!(length(&server, STREAM), added);
        }
    }
}

#[test]
fn where_redis_stays_away_the_outcome_stays_unknown() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = connect_to(&server.url_at(proxy.port()));
    let config = StreamConfig::new(STREAM).send_timeout(Duration::from_millis(300));
    manager.create_simple_producer("s", config).unwrap();
    let producer: Producer<RawMessage> = manager.producer("s").unwrap();
    // It may take longer to connect, the first time and the last.
    wait_for(DEADLINE, "a connection", || producer.add(&message(0)).ok());
    proxy.refuse();
    proxy.cut_after(Direction::Replies, 0);
    let error = producer.add_with_key(&message(1), "k").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    proxy.pass();
    wait_for(DEADLINE, "a connection", || {
        producer.add_with_key(&message(1), "k").ok()
    });
    assert_eq!(numbers(&server, STREAM), [0, 1]);
}
