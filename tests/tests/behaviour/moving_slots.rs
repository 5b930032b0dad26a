//! Scripts on a node whose slot moves: a key that a script has emptied counts as missing,
//! and the next command on it would end the script half-way.

use std::fs;
use std::net::TcpListener;

use redis::FromRedisValue;
use stream_tests::{Server, wait_until};
use tempfile::TempDir;

use crate::support::DEADLINE;

const ME: &str = "1111111111111111111111111111111111111111";
const OTHER: &str = "2222222222222222222222222222222222222222";

/// The slot of `orders`.
const SLOT: &str = "105";

/// A node that has all slots, and knows another one, which isn't there.
struct ClusterNode {
    server: Server,
    _dir: TempDir,
}

impl ClusterNode {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let nodes = dir.path().join("nodes.conf");
        let known = format!(
            "{ME} 127.0.0.1:0@0 myself,master - 0 0 1 connected 0-16383\n\
             {OTHER} 127.0.0.1:1@2 master - 0 0 2 disconnected\n\
             vars currentEpoch 2 lastVoteEpoch 0\n"
        );
        fs::write(&nodes, known).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let bus = free.local_addr().unwrap().port();
        drop(free);
        let server = Server::options()
            .config("cluster-enabled", "yes")
            .config("cluster-config-file", nodes.to_str().unwrap())
            .config("cluster-port", &bus.to_string())
            .start()
            .unwrap();
        wait_until(DEADLINE, "the cluster", || {
            let info: String = server.command(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok")
        });
        Self { server, _dir: dir }
    }

    fn ask(&self, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        self.server.command::<redis::Value>(&words);
    }

    fn moves(&self) {
        self.ask(&format!("CLUSTER SETSLOT {SLOT} MIGRATING {OTHER}"));
    }

    /// Runs a script of the library.
    fn run<T: FromRedisValue>(&self, script: &str, keys: &[&str], args: &[&str]) -> T {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../stream-lib/src/command/scripts"
        );
        let source = fs::read_to_string(format!("{folder}/{script}.lua")).unwrap();
        let count = keys.len().to_string();
        let words = [&["EVAL", &source, &count], keys, args].concat();
        self.server.command(&words)
    }

    fn is_gone(&self, key: &str) -> bool {
        // Of a key that is not there, it says that it may be elsewhere.
        let kind = self.server.try_command::<String>(&["TYPE", key]);
        kind.is_err_and(|e| e.code() == Some("ASK"))
    }
}

#[test]
fn a_group_is_removed_with_the_last_of_its_keys() {
    let node = ClusterNode::start();
    node.ask("XGROUP CREATE orders g 0 MKSTREAM");
    node.ask("HSET {orders}:meta retention:floor:g 1-0");
    node.ask("ZADD {orders}:waiting:g 1 1-0");
    node.ask("ZADD {orders}:members:g 1 c");
    for key in ["lock:alone", "hold", "rate"] {
        node.ask(&format!("SET {{orders}}:{key}:g c"));
    }
    node.ask("HSET {orders}:facts:g c {}");
    node.moves();
    let keys = [
        "orders",
        "{orders}:meta",
        "{orders}:waiting:g",
        "{orders}:members:g",
        "{orders}:lock:alone:g",
        "{orders}:hold:g",
        "{orders}:rate:g",
        "{orders}:facts:g",
    ];
    let removed: String = node.run("remove_group", &keys, &["g"]);
    assert_eq!(removed, "removed");
    assert!(keys[1..].iter().all(|key| node.is_gone(key)));
}

#[test]
fn the_rest_of_a_group_is_forgotten_with_the_last_of_its_keys() {
    let node = ClusterNode::start();
    node.ask("XADD orders 1-0 n 1");
    node.ask("HSET {orders}:meta retention:floor:g 1-0");
    node.ask("ZADD {orders}:waiting:g 1 1-0");
    node.ask("ZADD {orders}:members:g 1 c 2 d");
    node.ask("HSET {orders}:facts:g c {}");
    node.moves();
    let keys = [
        "orders",
        "{orders}:meta",
        "{orders}:waiting:g",
        "{orders}:members:g",
        "{orders}:facts:g",
    ];
    let traces: u64 = node.run("forget_group", &keys, &["g", "beat:g:c", "beat:g:c"]);
    assert_eq!(traces, 1 + 1 + 2);
    assert!(keys[1..].iter().all(|key| node.is_gone(key)));
}

#[test]
fn the_last_entry_that_waits_is_claimed() {
    type Answer = (u64, i64, u64, Vec<redis::Value>, u64, Vec<redis::Value>);

    let node = ClusterNode::start();
    node.ask("XGROUP CREATE orders g 0 MKSTREAM");
    node.ask("XADD orders 1-0 n 1");
    node.ask("XREADGROUP GROUP g ~waiting STREAMS orders >");
    node.ask("ZADD {orders}:waiting:g 1 1-0");
    node.ask("HSET {orders}:meta a b");
    node.moves();
    let keys = ["orders", "{orders}:waiting:g", "{orders}:meta"];
    let (_, wait, deleted, entries, _, marks): Answer =
        node.run("claim_due", &keys, &["g", "c", "10", "", "", "0"]);
    assert!(marks.is_empty());
    assert_eq!((wait, deleted, entries.len()), (-1, 0, 1));
    assert!(node.is_gone("{orders}:waiting:g"));
}
