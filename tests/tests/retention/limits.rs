//! Large streams, large entries, odd servers.

use std::time::Duration;

use stream_lib::{ErrorKind, Priority, StreamConfig, StreamManager};
use stream_tests::{Server, wait_until};

use crate::stream::{Stream, millis};
use crate::{DEADLINE, HOUR};

fn keep(stream: &str, length: u64) -> StreamConfig {
    StreamConfig::new(stream)
        .max_length(length)
        .min_retention_count(0)
}

#[test]
fn a_long_stream_goes_in_several_steps_and_exactly() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    for _ in 0..10 {
        stream.add_many(5_000);
    }
    stream.handle("g", 45_000);
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("p", keep("orders", 7))
        .unwrap();
    let plan = manager.retention_plan("orders").unwrap();
    assert_eq!(plan.removes, stream_lib::RetentionPlan::COUNTED);
    let report = manager.cleanup_now("orders").unwrap();
    assert_eq!((report.removed, report.lost), (45_000, 0));
    assert_eq!(report.length, 5_000);
    let blocked = report.blocked.unwrap();
    assert_eq!(blocked.group.as_deref(), Some("g"));
    assert_eq!(blocked.entry, stream.ids()[0]);
}

#[test]
fn a_cleanup_in_steps_removes_as_many_as_asked_for_and_ends_where_it_is_left() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    stream.add_many(1_000);
    stream.handle("g", 900);
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("p", keep("orders", 7))
        .unwrap();
    let mut cleanup = manager.cleanup_in_steps("orders").unwrap();
    assert_eq!(stream.ids().len(), 1_000);
    for step in 1..=3_usize {
        assert_eq!(cleanup.step(50).unwrap(), 50);
        assert_eq!(stream.ids().len(), 1_000 - 50 * step);
    }
    drop(cleanup);
    let mut cleanup = manager.cleanup_in_steps("orders").unwrap();
    let mut removed = 0;
    while !cleanup.is_over() {
        let step = cleanup.step(300).unwrap();
        assert!(step <= 300, "{step}");
        removed += step;
    }
    // The group has yet to handle the rest.
    assert_eq!((removed, stream.ids().len()), (750, 100));
    assert_eq!(cleanup.step(300).unwrap(), 0);
}

#[test]
fn a_cleanup_in_steps_goes_through_all_partitions() {
    let server = Server::start().unwrap();
    server.command::<u8>(&["HSET", "{orders}:meta", "partitions", "4"]);
    let mut parts = [0, 1, 2, 3].map(|part| Stream::new(&server, &format!("{{orders:{part}}}")));
    for part in &mut parts {
        part.group("g");
        part.add_many(100);
        part.handle("g", 100);
        let meta = part.name.clone() + ":meta";
        for (name, value) in [("max_length", "10"), ("min_retention_count", "0")] {
            let field = format!("retention:{name}");
            server.command::<u8>(&["HSET", &meta, &field, value]);
        }
    }
    let manager = StreamManager::connect(server.url()).unwrap();
    let mut cleanup = manager.cleanup_in_steps("orders").unwrap();
    let mut removed = 0;
    while !cleanup.is_over() {
        removed += cleanup.step(40).unwrap();
    }
    assert_eq!(removed, 360);
    assert!(parts.iter_mut().all(|part| part.ids().len() == 10));
}

#[test]
fn low_counts_all_that_is_lost_of_a_long_stream() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("ahead");
    stream.group("behind");
    for _ in 0..6 {
        stream.add_many(5_000);
    }
    stream.handle("ahead", 30_000);
    // 1,000 handled, 900 of the next 1,000 pending, the rest unread.
    stream.handle("behind", 1_000);
    let read = stream.read("behind", 1_000);
    stream.ack("behind", &read[900..]);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = keep("orders", 10).priority(Priority::Low);
    manager.create_simple_producer("p", config).unwrap();
    let report = manager.cleanup_now("orders").unwrap();
    assert_eq!((report.removed, report.length), (29_990, 10));
    assert_eq!(report.lost, 900 + 27_990);
}

#[test]
fn nodes_without_limits_are_no_obstacle() {
    let server = Server::options()
        .config("stream-node-max-entries", "0")
        .config("stream-node-max-bytes", "0")
        .start()
        .unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    stream.add_many(5_000);
    stream.handle("g", 5_000);
    let ids = stream.ids();
    let manager = StreamManager::connect(server.url()).unwrap();
    let report = manager.cleanup_once(&keep("orders", 13)).unwrap();
    assert_eq!((report.removed, report.length), (4_987, 13));
    assert_eq!(stream.ids(), ids[4_987..]);
}

#[test]
fn large_entries_go_one_by_one() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    let megabyte = "x".repeat(1 << 20);
    for size in [1 << 20, 10, 1 << 20, 300_000, 300_000, 10, 1 << 20, 10] {
        stream.run::<()>("XADD", &["*", "body", &megabyte[..size]]);
    }
    stream.handle("g", 6);
    let ids = stream.ids();
    let manager = StreamManager::connect(server.url()).unwrap();
    let report = manager.cleanup_once(&keep("orders", 1)).unwrap();
    assert_eq!(report.removed, 6);
    assert_eq!(stream.ids(), ids[6..]);
}

#[test]
fn a_server_that_is_out_of_memory_is_cleaned() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    stream.add_many(2_000);
    stream.handle("g", 2_000);
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let add = server.try_command::<String>(&["XADD", "orders", "*", "a", "b"]);
    assert!(add.unwrap_err().to_string().contains("OOM"));
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("p", keep("orders", 5))
        .unwrap();
    assert_eq!(manager.cleanup_now("orders").unwrap().length, 5);
}

#[test]
fn a_stream_that_does_not_exist_is_empty_and_a_string_is_no_stream() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let report = manager.cleanup_now("orders").unwrap();
    assert_eq!((report.removed, report.length), (0, 0));
    assert_eq!(report.blocked, None);
    let plan = manager.retention_plan("orders").unwrap();
    assert_eq!((plan.removes, plan.length), (0, 0));
    assert!(
        plan.to_string().contains("0 of 0 entries would go"),
        "{plan}"
    );
    assert!(
        !server.command::<bool>(&["EXISTS", "orders"]),
        "nothing made"
    );

    server.command::<()>(&["SET", "text", "hello"]);
    for error in [
        manager.cleanup_now("text").unwrap_err(),
        manager.retention_plan("text").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        assert!(error.to_string().contains("`text`"), "{error}");
    }
    let error = manager.cleanup_now("a{b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn a_plan_counts_by_reason_and_changes_nothing() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    for hours in (1..=20).rev() {
        let id = stream.ago(HOUR * hours);
        stream.add(id);
    }
    stream.handle("g", 15);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = keep("orders", 14)
        .max_age(HOUR * 11 + HOUR / 2)
        .min_retention_count(2);
    manager.create_simple_producer("p", config).unwrap();
    let plan = manager.retention_plan("orders").unwrap();
    assert_eq!((plan.expired, plan.excess, plan.acknowledged), (9, 6, 0));
    assert_eq!((plan.removes, plan.above_floor), (9, 0));
    assert_eq!(plan.blocked, None);
    assert_eq!(stream.len(), 20);
    let text = plan.to_string();
    assert!(text.contains("9 of 20 entries would go"), "{text}");
}

#[test]
fn a_block_is_dated_by_the_first_cleanup_that_saw_it() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("slow");
    stream.group("quick");
    for hours in (1..=9).rev() {
        let id = stream.ago(HOUR * hours);
        stream.add(id);
    }
    stream.handle("quick", 9);
    stream.handle("slow", 3);
    stream.read("slow", 2);
    let waits_at = stream.ids()[3];
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = keep("orders", 2).cleanup_interval(Duration::from_hours(24));
    manager.create_simple_producer("p", config).unwrap();
    let start = stream.now();
    let first = manager.cleanup_now("orders").unwrap().blocked.unwrap();
    let end = stream.now();
    assert_eq!(first.group.as_deref(), Some("slow"));
    assert_eq!(first.entry, waits_at);
    assert!((start..=end).contains(&millis(first.since)), "{first:?}");

    // Another process, later: the same since. By `blocked_streams`, too.
    let other = StreamManager::connect(server.url()).unwrap();
    let second = other.cleanup_now("orders").unwrap().blocked.unwrap();
    assert_eq!(second.since, first.since);
    let listed = manager.blocked_streams().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].group.as_deref(), listed[0].since),
        (Some("slow"), first.since)
    );
    let plan = manager.retention_plan("orders").unwrap();
    assert_eq!(plan.blocked.as_ref().map(|b| b.since), Some(first.since));
    assert!(
        plan.to_string().contains("group `slow` has stood still"),
        "{plan}"
    );

    // It moves on a little, and stands still anew.
    stream.run::<()>("XACK", ("slow", waits_at.to_string()));
    wait_until(DEADLINE, "the clock to go on", || stream.now() > end);
    let moved = manager.cleanup_now("orders").unwrap().blocked.unwrap();
    assert!(millis(moved.since) > end, "{moved:?}");
    let rest: Vec<_> = stream
        .pending("slow")
        .iter()
        .map(ToString::to_string)
        .collect();
    stream.ack("slow", &rest);
    stream.handle("slow", 9);
    assert_eq!(manager.cleanup_now("orders").unwrap().blocked, None);
    assert!(manager.blocked_streams().unwrap().is_empty());
}
