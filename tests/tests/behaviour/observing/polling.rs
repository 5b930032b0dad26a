//! The cost of looks at streams.

use std::time::Duration;

use stream_lib::{ConnectionConfig, GroupStats, StreamManager};
use stream_tests::{Proxy, Server};

use super::patient;
use crate::support::{Shop, read_and_die};

#[track_caller]
fn group(manager: &StreamManager) -> GroupStats {
    manager.stream_stats("orders").unwrap().groups.remove(0)
}

/// Adds an entry as old as this, by its id.
#[track_caller]
fn add_aged(shop: &Shop, stream: &str, age: Duration) {
    let (seconds, _): (u64, u64) = shop.ask("TIME");
    let id = seconds * 1_000 - u64::try_from(age.as_millis()).unwrap();
    shop.ask::<String>(&format!("XADD {stream} {id}-* order_id 1 amount 1"));
}

#[test]
fn a_poll_of_large_entries_brings_ids_and_counts_alone() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let megabyte = "x".repeat(1 << 20);
    for _ in 0..20 {
        server.command::<String>(&["XADD", "orders", "*", "body", &megabyte]);
    }
    for group in ["a", "b", "c"] {
        server.command::<()>(&["XGROUP", "CREATE", "orders", group, "0"]);
    }
    let read = |group| {
        let words = [
            "XREADGROUP",
            "GROUP",
            group,
            "me",
            "COUNT",
            "2",
            "STREAMS",
            "orders",
            ">",
        ];
        server.command::<redis::Value>(&words)
    };
    read("b");
    // Redis can't say any more how many are unread.
    let ids: Vec<(String, redis::Value)> =
        server.command(&["XRANGE", "orders", "-", "+", "COUNT", "8"]);
    server.command::<u64>(&["XDEL", "orders", &ids[5].0]);
    let manager = patient(&format!("redis://{}", proxy.address()));
    // Redis learns the script.
    manager.stream_stats("orders").unwrap();
    let before = proxy.traffic();
    let stats = manager.stream_stats("orders").unwrap();
    let after = proxy.traffic();
    let bytes = after.request_bytes - before.request_bytes + after.reply_bytes - before.reply_bytes;
    assert!(bytes < 4_096, "{bytes} bytes");
    assert_eq!(stats.length, 19);
    let pending: Vec<_> = stats.groups.iter().map(|group| group.pending).collect();
    assert_eq!(pending, [0, 2, 0]);
    assert_eq!(stats.groups[1].holders[0].pending, 2);
    for group in &stats.groups {
        assert!(group.oldest_unread.is_some(), "{group:?}");
        assert_eq!(group.oldest_pending.is_some(), group.name == "b");
    }
}

#[test]
fn the_ages_of_the_oldest_entries_are_told() {
    let shop = Shop::open();
    let hour = Duration::from_hours(1);
    let near = |age: Option<Duration>, expected| {
        let age = age.unwrap();
        assert!(
            age + Duration::from_secs(5) > expected && age < expected + hour / 2,
            "{age:?}"
        );
    };
    shop.ask::<()>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    let of = || group(&shop.manager);
    assert_eq!((of().oldest_unread, of().oldest_pending), (None, None));
    add_aged(&shop, "orders", 3 * hour);
    add_aged(&shop, "orders", 2 * hour);
    near(of().oldest_unread, 3 * hour);
    assert_eq!(of().oldest_pending, None);
    read_and_die(&shop.server, "dead", 1);
    near(of().oldest_unread, 2 * hour);
    near(of().oldest_pending, 3 * hour);
    read_and_die(&shop.server, "dead", 1);
    assert_eq!((of().unread, of().oldest_unread), (Some(0), None));
    // The entry is gone, and stays pending.
    shop.ask::<u64>("XTRIM orders MAXLEN 0");
    near(of().oldest_pending, 3 * hour);

    shop.ask::<String>("XADD counted 1-1 a 1");
    shop.ask::<()>("XGROUP CREATE counted g 0");
    let stats = shop.manager.stream_stats("counted").unwrap();
    assert_eq!(stats.groups[0].oldest_unread, None, "its id is no time");
    assert_eq!(stats.groups[0].unread, Some(1));
}

#[test]
fn the_oldest_entry_of_any_partition_counts() {
    let shop = Shop::open();
    let hour = Duration::from_hours(1);
    shop.ask::<u64>("HSET {orders}:meta partitions 2");
    for (partition, hours) in [(0, 1), (1, 4)] {
        let stream = format!("{{orders:{partition}}}");
        add_aged(&shop, &stream, hour * hours);
        shop.ask::<()>(&format!("XGROUP CREATE {stream} orders_group 0"));
    }
    let stats = group(&shop.manager);
    assert_eq!(stats.unread, Some(2));
    let age = stats.oldest_unread.unwrap();
    assert!(age > 3 * hour && age < 5 * hour, "{age:?}");
}

#[test]
fn a_user_who_may_only_look_sees_what_plain_commands_tell() {
    let server = Server::options()
        .user("guest on >secret ~orders ~{orders}:* +@read +ping +client +info +time")
        .start()
        .unwrap();
    server.command::<String>(&["XADD", "orders", "*", "a", "1"]);
    server.command::<String>(&["XADD", "orders", "*", "a", "2"]);
    server.command::<()>(&["XGROUP", "CREATE", "orders", "orders_group", "0"]);
    read_and_die(&server, "dead", 1);
    let url = format!("redis://guest:secret@{}", server.address());
    let manager = StreamManager::connect_lazy(ConnectionConfig::new(url).unwrap()).unwrap();
    let stats = manager.stream_stats("orders").unwrap();
    let group = &stats.groups[0];
    assert_eq!(
        (group.unread, group.pending, group.consumers),
        (Some(1), 1, 1)
    );
    assert_eq!(group.oldest_unread, None, "that would send the entry");
    assert!(group.oldest_pending.is_some());
}

#[test]
fn streams_of_other_libraries_are_read_whatever_their_groups_are_called() {
    let shop = Shop::open();
    let mut connection = shop.server.connect().unwrap();
    shop.add_by_hand("orders", 3);
    let mut make = |name: &[u8]| {
        let mut create = redis::cmd("XGROUP");
        create.arg("CREATE").arg("orders").arg(name).arg("0");
        create.exec(&mut connection).unwrap();
    };
    (0..200).for_each(|n| make(format!("group-{n:03}").as_bytes()));
    make(b"binary \xff\x00 name");
    let mut read = redis::cmd("XREADGROUP");
    read.arg("GROUP").arg(b"binary \xff\x00 name").arg(b"\xfe");
    read.arg("COUNT")
        .arg(2)
        .arg("STREAMS")
        .arg("orders")
        .arg(">");
    read.exec(&mut connection).unwrap();
    let stats = shop.manager.stream_stats("orders").unwrap();
    assert_eq!(stats.groups.len(), 201);
    let odd = stats
        .groups
        .iter()
        .find(|g| g.name.starts_with("binary"))
        .unwrap();
    assert_eq!((odd.unread, odd.pending, odd.consumers), (Some(1), 2, 1));
    assert!(odd.oldest_unread.is_some() && odd.oldest_pending.is_some());
    let unread = |group: &&GroupStats| group.unread == Some(3);
    assert_eq!(stats.groups.iter().filter(unread).count(), 200);
    let keys: Vec<String> = shop.ask("KEYS *");
    assert_eq!(keys, ["orders"], "nothing is written by looking");
}
