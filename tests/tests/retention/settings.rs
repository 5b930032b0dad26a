//! The settings that apply, and their place.

use std::time::Duration;

use stream_lib::{
    ConsumerConfig, ErrorKind, HandlerResult, Priority, RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{LogCapture, Server, wait_until};

use crate::stream::Stream;
use crate::{DEADLINE, HOUR};

/// A stream of `count` entries, all handled by one group.
fn handled(server: &Server, name: &str, count: usize) -> Stream {
    let mut stream = Stream::new(server, name);
    stream.group("g");
    stream.add_many(count);
    stream.handle("g", count);
    stream
}

fn small(stream: &str, length: u64) -> StreamConfig {
    StreamConfig::new(stream)
        .max_length(length)
        .min_retention_count(0)
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a handler")]
fn ignore(_: &stream_lib::Delivery<RawMessage>) -> HandlerResult {
    Ok(())
}

#[test]
fn a_consumers_defaults_replace_nothing() {
    let server = Server::start().unwrap();
    let mut stream = handled(&server, "orders", 50);
    let producing = StreamManager::connect(server.url()).unwrap();
    producing
        .create_simple_producer("p", small("orders", 5))
        .unwrap();
    wait_until(DEADLINE, "the settings to be stored", || {
        stream.meta("retention:max_length").as_deref() == Some("5")
    });

    let consuming = StreamManager::connect(server.url()).unwrap();
    let config = ConsumerConfig::new("orders");
    consuming
        .create_consumer::<RawMessage>("c", config, ignore)
        .unwrap();
    assert_eq!(consuming.cleanup_now("orders").unwrap().removed, 45);
    assert_eq!(stream.meta("retention:max_length").as_deref(), Some("5"));
    assert_eq!(stream.meta("retention:cleanup_interval"), None);
}

#[test]
fn without_any_setting_producers_keep_1000_and_consumers_10000() {
    let server = Server::start().unwrap();
    let mut stream = handled(&server, "orders", 10_050);
    let consuming = StreamManager::connect(server.url()).unwrap();
    let config = ConsumerConfig::new("orders");
    consuming
        .create_consumer::<RawMessage>("c", config, ignore)
        .unwrap();
    assert_eq!(consuming.cleanup_now("orders").unwrap().length, 10_000);

    let producing = StreamManager::connect(server.url()).unwrap();
    producing
        .create_simple_producer("p", StreamConfig::new("orders"))
        .unwrap();
    assert_eq!(producing.cleanup_now("orders").unwrap().length, 1_000);
    assert_eq!(stream.meta("retention:max_length"), None);
}

#[test]
fn a_differing_setting_replaces_the_stored_one_with_a_warning() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let name = "orders-replaced";
    let mut stream = handled(&server, name, 50);
    let manager = StreamManager::connect(server.url()).unwrap();
    manager.create_simple_producer("p", small(name, 5)).unwrap();
    wait_until(DEADLINE, "the first setting to be stored", || {
        stream.meta("retention:max_length").as_deref() == Some("5")
    });
    assert!(
        log.containing(name).is_empty(),
        "{:?}",
        log.containing(name)
    );

    let other = StreamManager::connect(server.url()).unwrap();
    let config = ConsumerConfig::new(name).max_messages(20);
    other
        .create_consumer::<RawMessage>("c", config, ignore)
        .unwrap();
    wait_until(DEADLINE, "a warning", || {
        let lines = log.containing(name);
        lines.iter().any(|line| {
            line.level == log::Level::Warn
                && line.text.contains("`max_length`")
                && line.text.contains("now 20, in place of 5")
        })
    });
    assert_eq!(stream.meta("retention:max_length").as_deref(), Some("20"));
    // It holds for the one whose setting was replaced, too, who doesn't insist.
    assert_eq!(manager.retention_plan(name).unwrap().removes, 30);
    assert_eq!(manager.cleanup_now(name).unwrap().length, 20);
    assert_eq!(stream.meta("retention:max_length").as_deref(), Some("20"));
}

#[test]
fn settings_come_back_after_a_flush() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = small("orders", 5).cleanup_interval(Duration::from_millis(20));
    manager.create_simple_producer("p", config).unwrap();
    wait_until(DEADLINE, "the settings to be stored", || {
        stream.meta("retention:max_length").is_some()
    });
    server.command::<()>(&["FLUSHALL"]);
    wait_until(DEADLINE, "the settings to be stored again", || {
        stream.meta("retention:max_length").as_deref() == Some("5")
    });
}

#[test]
fn a_cleanup_by_hand_wins_once_and_stores_nothing() {
    let server = Server::start().unwrap();
    let mut stream = handled(&server, "orders", 50);
    let manager = StreamManager::connect(server.url()).unwrap();
    let kept = small("orders", 40).priority(Priority::Critical);
    manager.create_simple_producer("p", kept).unwrap();
    assert_eq!(manager.cleanup_now("orders").unwrap().removed, 0);
    let once = small("orders", 7).priority(Priority::Normal);
    let report = manager.cleanup_once(&once).unwrap();
    assert_eq!((report.removed, report.length), (43, 7));
    assert_eq!(stream.meta("retention:max_length").as_deref(), Some("40"));
    let stored = stream.meta("retention:priority");
    assert_eq!(stored.as_deref(), Some("critical"));
}

#[test]
fn a_stored_setting_that_makes_no_sense_counts_as_none() {
    let server = Server::start().unwrap();
    handled(&server, "orders", 50);
    for (field, nonsense) in [
        ("max_length", "many"),
        ("max_length", "99999999999999999999"),
        ("max_age", "-5"),
        ("min_retention_count", ""),
        ("priority", "urgent"),
        ("floor:g", "no floor"),
        ("floor:g", "1-0 99999999999999999999"),
        ("ignore_groups_idle_for", "a while"),
        ("last", "yesterday"),
    ] {
        let field = format!("retention:{field}");
        server.command::<()>(&["HSET", "{orders}:meta", &field, nonsense]);
        let manager = StreamManager::connect(server.url()).unwrap();
        let plan = manager.retention_plan("orders").unwrap();
        assert_eq!(plan.priority, Priority::Normal, "{field}");
        manager.cleanup_now("orders").unwrap();
    }
    let manager = StreamManager::connect(server.url()).unwrap();
    let length = manager.cleanup_once(&small("orders", 10)).unwrap().length;
    assert_eq!(length, 10);
}

#[test]
fn an_awaited_group_holds_the_stream_before_it_exists() {
    let server = Server::start().unwrap();
    let mut stream = handled(&server, "orders", 50);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = small("orders", 10).group_name("billing");
    manager.create_simple_producer("p", config).unwrap();
    let report = manager.cleanup_now("orders").unwrap();
    assert_eq!(report.removed, 0);
    assert_eq!(report.blocked.unwrap().group.as_deref(), Some("billing"));
    stream.group("billing");
    stream.handle("billing", 45);
    assert_eq!(manager.cleanup_now("orders").unwrap().length, 10);
}

#[test]
fn a_contradiction_is_refused_by_name() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = StreamConfig::new("orders")
        .priority(Priority::Critical)
        .delete_after_ack(true);
    let error = manager.create_simple_producer("p", config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`delete_after_ack`"), "{error}");
    let config = StreamConfig::new("orders")
        .max_age(HOUR)
        .min_retention_time(HOUR * 2);
    let error = manager.create_simple_producer("p", config).unwrap_err();
    assert!(
        error.to_string().contains("`min_retention_time`"),
        "{error}"
    );
    let config = StreamConfig::new("orders").max_age(HOUR * 24 * 40_000);
    let error = manager.cleanup_once(&config).unwrap_err();
    assert!(error.to_string().contains("`max_age`"), "{error}");
}
