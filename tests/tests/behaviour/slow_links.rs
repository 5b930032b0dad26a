//! Links on which an answer takes longer than its time limit, but keeps arriving.

use std::time::Duration;

use stream_lib::{ConnectionConfig, RawMessage, StreamConfig, StreamManager};
use stream_tests::{Direction, Proxy, Server, wait_until};

use crate::support::{DEADLINE, Seen, quick};

const ENTRIES: usize = 40;

/// A server with entries of 1 MB in `stream`, and a manager that reaches it by a
/// link of 20 MB/s at most. All of them take twice as long as a silent server is
/// waited for.
fn far_away(stream: &str) -> (Server, Proxy, StreamManager) {
    let server = Server::start().unwrap();
    let body = "x".repeat(1 << 20);
    for number in 0..ENTRIES {
        let number = number.to_string();
        let add = ["XADD", stream, "*", "number", &number, "body", &body];
        server.command::<String>(&add);
    }
    let proxy = Proxy::in_front_of(&server);
    proxy.trickle(Direction::Replies, 512 << 10, Duration::from_millis(25));
    let config = ConnectionConfig::new(server.url_at(proxy.port()))
        .unwrap()
        .response_timeout(Duration::from_secs(1));
    let manager = StreamManager::connect_with(config).unwrap();
    (server, proxy, manager)
}

#[test]
fn large_answers_are_read_however_long_they_take() {
    let (_server, _proxy, manager) = far_away("photos");
    let seen = Seen::default();
    let noted = seen.clone();
    let consumer = manager
        .consume_fn::<RawMessage>("c", quick("photos"), move |photo| {
            noted.push(photo.get_str("number").unwrap().to_owned());
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == ENTRIES as u64
    });
    let mut numbers = seen.all();
    numbers.sort();
    numbers.dedup();
    assert_eq!((numbers.len(), seen.count()), (ENTRIES, ENTRIES));
}

#[test]
fn dead_letters_are_listed_and_put_back_however_long_that_takes() {
    let (_server, _proxy, manager) = far_away("{orders}:dead");
    let dead = manager.dead_letters("orders").unwrap();
    assert_eq!(dead.list(usize::MAX).unwrap().len(), ENTRIES);
    assert_eq!(dead.redrive_all().unwrap().redriven, ENTRIES);
}

#[test]
fn large_messages_are_added_in_smaller_batches_than_asked_for() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    proxy.trickle(Direction::Requests, 512 << 10, Duration::from_millis(25));
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    // All of them take twice as long.
    let config = StreamConfig::new("photos")
        .batch_size(2 * ENTRIES)
        .send_timeout(Duration::from_secs(2));
    let producer = manager.create_simple_producer("p", config).unwrap().typed();
    let photo = RawMessage::new().with("body", "x".repeat(1 << 20));
    let added = producer.add_all(std::iter::repeat_n(&photo, 2 * ENTRIES));
    for added in added {
        added.unwrap();
    }
}

#[test]
fn messages_that_wait_behind_others_are_sent_however_slow_the_link() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    proxy.delay(Direction::Replies, Duration::from_millis(60));
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    // The last ones wait for longer than that.
    let config = StreamConfig::new("photos").send_timeout(Duration::from_millis(300));
    let producer = manager.create_simple_producer("p", config).unwrap().typed();
    let photo = RawMessage::new().with("body", "x".repeat(32 << 10));
    let receipts: Vec<_> = (0..400).map(|_| producer.send(&photo).unwrap()).collect();
    for receipt in receipts {
        receipt.wait().unwrap();
    }
}
