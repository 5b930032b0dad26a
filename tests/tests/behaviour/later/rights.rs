//! Users of Redis with few rights.

use std::time::Duration;

use stream_lib::{Cron, ErrorKind, StreamManager};
use stream_tests::{LogCapture, Server, wait_until};

use crate::support::{DEADLINE, Seen, noting, order, quick};

fn server_with_user(rules: &str) -> (Server, String) {
    let server = Server::options()
        .user(&format!("clerk on >secret {rules}"))
        .start()
        .unwrap();
    let url = format!("redis://clerk:secret@127.0.0.1:{}", server.port());
    (server, url)
}

/// The rights that the README lists.
fn rights_of_the_readme() -> String {
    let readme = include_str!("../../../../README.md");
    let line = readme
        .lines()
        .find_map(|line| line.strip_prefix("ACL SETUSER shop on >password "));
    line.unwrap().to_owned()
}

#[test]
fn rights_of_the_readme_are_enough() {
    let (_server, url) = server_with_user(&rights_of_the_readme());
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    let (message, other) = (order("1"), order("2"));
    let wait = Duration::from_millis(50);
    manager
        .with(&message)
        .idempotency_key("k")
        .after(wait)
        .add()
        .unwrap();
    seen.wait_for(1);
    manager.with(&other).after(DEADLINE).add().unwrap();
    let scheduled = manager.scheduled("orders").unwrap();
    assert_eq!(scheduled.count().unwrap(), 1);
    let id = scheduled.list(5).unwrap()[0].id();
    assert!(scheduled.reschedule(id, DEADLINE * 2).unwrap());
    assert!(scheduled.cancel(id).unwrap());
    let every_second = Cron::parse("* * * * * *").unwrap();
    manager.cron("job", every_second, || order("3")).unwrap();
    seen.wait_for(2);
    let crons = manager.crons("orders").unwrap();
    assert!(crons.pause("job").unwrap() && crons.remove("job").unwrap());
    assert_eq!(crons.list().unwrap().len(), 1);
}

#[test]
fn consumer_works_where_it_may_not_know_what_is_scheduled() {
    // All keys of the stream but that of the due times.
    let rights = "~orders ~{orders}:[^d]* ~{orders}:dead +@all";
    let (server, url) = server_with_user(rights);
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    let config = quick("orders").lease(Duration::from_millis(300));
    manager.consume("c", config, noting(&seen)).unwrap();
    server.command::<String>(&["XADD", "orders", "*", "order_id", "1", "amount", "1"]);
    seen.wait_for(1);
}

#[test]
fn what_may_not_be_removed_is_not_added_and_told_once() {
    let log = LogCapture::start();
    let (server, url) = server_with_user("~* &* +@all -hdel");
    let manager = StreamManager::connect(url).unwrap();
    manager
        .create_simple_producer("p", stream_lib::StreamConfig::new("orders_without_hdel"))
        .unwrap();
    let producer = manager.producer::<crate::support::Order>("p").unwrap();
    let message = order("1");
    producer.with(&message).after(Duration::ZERO).add().unwrap();
    let words = "scheduled messages of `orders_without_hdel` wait beyond their time";
    wait_until(DEADLINE, "a word of it", || {
        !log.containing(words).is_empty()
    });
    assert_eq!(server.command::<u64>(&["XLEN", "orders_without_hdel"]), 0);
    server.command::<()>(&["ACL", "SETUSER", "clerk", "+hdel"]);
    wait_until(DEADLINE, "the entry", || {
        server.command::<u64>(&["XLEN", "orders_without_hdel"]) == 1
    });
    assert_eq!(log.containing(words).len(), 1);
}

#[test]
fn key_of_another_type_is_named() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    for key in ["due", "later"] {
        server.command::<()>(&["SET", &format!("{{orders}}:{key}"), "x"]);
        let message = order("1");
        let error = manager.with(&message).after(DEADLINE).add().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        assert_eq!(
            server.command::<u64>(&["DEL", &format!("{{orders}}:{key}")]),
            1
        );
        let mut left: Vec<String> = server.command(&["KEYS", "{orders}:*"]);
        // The type of the message is noted in passing.
        left.retain(|key| key != "{orders}:schema");
        assert_eq!(left, [""; 0], "nothing was written");
    }
}
