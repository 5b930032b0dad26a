//! `orders status`.

use serde_json::json;
use stream_tests::Server;

use crate::support::{run, status};

#[test]
fn stream_that_does_not_exist_is_empty() {
    let server = Server::start().unwrap();
    let empty = json!({
        "length": 0,
        "backup": 0,
        "dead": 0,
        "scheduled": 0,
        "partitions": 0,
        "groups": [],
    });
    assert_eq!(status(&server), empty);
    // Looking at it did not make it.
    assert_eq!(server.command::<u64>(&["DBSIZE"]), 0);
}

#[test]
fn every_count_is_what_redis_has() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 6 --batch 6");
    for command in [
        "XGROUP CREATE orders orders_group 0",
        "XREADGROUP GROUP orders_group bob COUNT 4 STREAMS orders >",
        "XADD {orders}:dead * a b",
        "XADD {orders}:backup * a b",
        "XADD {orders}:backup * a b",
        "ZADD {orders}:waiting:orders_group 1 0-1 2 0-2 3 0-3",
        "ZADD {orders}:due inf one inf two",
    ] {
        let words: Vec<_> = command.split(' ').collect();
        server.command::<redis::Value>(&words);
    }
    let expected = json!({
        "length": 6,
        "backup": 2,
        "dead": 1,
        "scheduled": 2,
        "partitions": 0,
        "groups": [{
            "name": "orders_group",
            "unread": 2,
            "pending": 4,
            "waiting": 3,
            "consumers": 1,
        }],
    });
    assert_eq!(status(&server), expected);
}
