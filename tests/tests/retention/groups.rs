//! Groups that stand still, were destroyed, or are removed.

use std::time::Duration;

use log::Level;
use redis::cmd;
use stream_lib::{
    ConsumerConfig, Delivery, ErrorKind, RawMessage, RetryPolicy, StreamConfig, StreamManager,
};
use stream_tests::{LogCapture, Server, wait_until};

use crate::stream::Stream;
use crate::{DEADLINE, HOUR};

fn small(stream: &str, length: u64) -> StreamConfig {
    StreamConfig::new(stream)
        .max_length(length)
        .min_retention_count(0)
}

fn keys(server: &Server) -> Vec<String> {
    let mut keys: Vec<String> = server.command(&["KEYS", "*"]);
    keys.sort();
    keys
}

fn names(groups: &[stream_lib::StandingGroup]) -> Vec<&str> {
    groups.iter().map(|group| group.group.as_str()).collect()
}

/// Makes a group's floor stand where it is since two hours ago.
fn stand_long(stream: &mut Stream, group: &str) {
    let field = format!("retention:floor:{group}");
    let mark = stream.meta(&field).unwrap();
    let (floor, _) = mark.split_once(' ').unwrap();
    let long_ago = stream.now() - 2 * HOUR.as_secs() * 1_000;
    let mut set = cmd("HSET");
    set.arg(format!("{{{}}}:meta", stream.name)).arg(field);
    stream.query::<()>(set.arg(format!("{floor} {long_ago}")));
}

#[test]
fn every_group_that_holds_entries_back_is_named_and_no_other() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let name = "orders-ghosts";
    let mut stream = Stream::new(&server, name);
    for group in ["unread", "behind", "slow", "quick"] {
        stream.group(group);
    }
    stream.add_many(50);
    stream.handle("behind", 10);
    stream.handle("slow", 45);
    stream.handle("quick", 50);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = small(name, 20).cleanup_interval(Duration::from_millis(20));
    manager.create_simple_producer("p", config).unwrap();
    let blocked = manager.blocked_streams().unwrap().remove(0);
    assert_eq!(names(&blocked.groups), ["unread", "behind"]);
    assert_eq!(blocked.groups[1].entry, stream.ids()[10]);
    assert_eq!(blocked.group.as_deref(), Some("unread"));
    let report = manager.cleanup_now(name).unwrap();
    assert_eq!(names(&report.blocked.unwrap().groups), ["unread", "behind"]);
    let line = |part: &str| {
        let lines = log.containing(name);
        let mut lines = lines.into_iter().filter(|line| line.level == Level::Warn);
        lines.find(|line| line.text.contains(part))
    };
    wait_until(DEADLINE, "a warning", || line("can't be trimmed").is_some());
    let text = line("can't be trimmed").unwrap().text;
    for part in [
        "`unread` has stood still",
        "`behind` has stood still",
        "remove_group",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        !text.contains("`slow`") && !text.contains("`quick`"),
        "{text}"
    );
}

#[test]
fn nothing_is_kept_for_a_group_that_was_destroyed() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = ConsumerConfig::new("orders").group("gone");
    let config = config.retry(RetryPolicy::list([HOUR]));
    let handler = |_: &Delivery<RawMessage>| Err("later".into());
    manager.consume("c", config, handler).unwrap();
    stream.add_many(3);
    let waiting =
        |group: &str| server.command::<u64>(&["ZCARD", &format!("{{orders}}:waiting:{group}")]);
    wait_until(DEADLINE, "the retries", || waiting("gone") == 3);
    manager.shutdown();
    // A group that stands, and one whose member lives and will make it again.
    for group in ["stands", "lives"] {
        stream.group(group);
        let waiting = format!("{{orders}}:waiting:{group}");
        server.command::<()>(&["ZADD", &waiting, "1", "1-0"]);
    }
    let future = (stream.now() + 3_600_000).to_string();
    server.command::<()>(&["ZADD", "{orders}:members:gone", "5", "lapsed"]);
    server.command::<()>(&[
        "ZADD",
        "{orders}:members:lives",
        &future,
        "alive",
        "5",
        "lapsed",
    ]);
    let live = format!("{} 3600000", stream.now());
    let beats = [
        ("beat:gone:a", "5 100"),
        ("beat:stands:a", "5 100"),
        ("beat:never:seen:a", "5 100"),
        ("beat:lives:a", live.as_str()),
    ];
    for (field, beat) in beats {
        server.command::<()>(&["HSET", "{orders}:meta", field, beat]);
    }
    server.command::<()>(&["ZADD", "{orders}:waiting:never:seen", "1", "1-0"]);

    let manager = StreamManager::connect(server.url()).unwrap();
    let config = small("orders", 5).cleanup_interval(Duration::from_millis(20));
    manager.create_simple_producer("p", config).unwrap();
    server.command::<()>(&["HSET", "{orders}:meta", "clock:gone", "1"]);
    wait_until(DEADLINE, "a first cleanup", || {
        stream.meta("retention:floor:gone").is_some() && stream.meta("beat:never:seen:a").is_none()
    });
    for group in ["gone", "lives"] {
        stream.run::<()>("XGROUP DESTROY", group);
    }
    let is_there = |key: &str| keys(&server).iter().any(|there| there == key);
    wait_until(DEADLINE, "the traces to go", || {
        let marks = ["gone", "lives"].map(|group| format!("retention:floor:{group}"));
        marks.iter().all(|mark| stream.meta(mark).is_none())
    });
    for key in [
        "waiting:gone",
        "members:gone",
        "waiting:lives",
        "waiting:never:seen",
    ] {
        assert!(!is_there(&format!("{{orders}}:{key}")), "{key}");
    }
    assert_eq!(stream.meta("beat:gone:a"), None);
    assert_eq!(stream.meta("clock:gone"), None);
    let members: Vec<String> = server.command(&["ZRANGE", "{orders}:members:lives", "0", "-1"]);
    assert_eq!(members, ["alive"]);
    assert_eq!(stream.meta("beat:lives:a"), Some(live.clone()));
    assert_eq!(waiting("stands"), 1);
    assert!(stream.meta("beat:stands:a").is_some());
    assert!(stream.meta("retention:floor:stands").is_some());
}

#[test]
fn a_group_is_removed_with_its_keys_once_no_member_lives() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("other");
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("p", small("orders", 1))
        .unwrap();
    assert!(!manager.remove_group("orders", "ghost").unwrap());
    let config = ConsumerConfig::new("orders").group("ghost");
    let config = config.retry(RetryPolicy::list([HOUR]));
    let handler = |_: &Delivery<RawMessage>| Err("later".into());
    let consumer = manager.consume("c", config, handler).unwrap();
    stream.add_many(3);
    wait_until(DEADLINE, "the retries", || {
        server.command::<u64>(&["ZCARD", "{orders}:waiting:ghost"]) == 3
    });
    stream.handle("other", 3);
    let blocked = manager.cleanup_now("orders").unwrap().blocked.unwrap();
    assert_eq!(names(&blocked.groups), ["ghost"]);

    let error = manager.remove_group("orders", "ghost").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    let name = consumer.name().unwrap();
    assert!(error.to_string().contains(&name), "{error}");
    assert!(error.to_string().contains("`ghost` of `orders`"), "{error}");
    assert_eq!(stream.pending("ghost").len(), 3, "nothing was removed");
    consumer.stop();
    // As after a step of the clock.
    server.command::<()>(&["HSET", "{orders}:meta", "clock:ghost", "1"]);
    assert!(manager.remove_group("orders", "ghost").unwrap());
    assert!(!manager.remove_group("orders", "ghost").unwrap());
    let of_ghost = |key: &String| key.contains("ghost");
    assert!(!keys(&server).iter().any(of_ghost), "{:?}", keys(&server));
    assert_eq!(stream.meta("retention:floor:ghost"), None);
    assert_eq!(stream.meta("clock:ghost"), None);
    assert_eq!(stream.len(), 3, "the entries are others', too");
    assert_eq!(manager.cleanup_now("orders").unwrap().length, 1);
    let error = manager.remove_group("{orders}:dead", "g").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn members_of_an_earlier_version_keep_their_group_and_no_other() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    for group in ["g", "g:h"] {
        stream.group(group);
    }
    let manager = StreamManager::connect(server.url()).unwrap();
    let beat = |field: &str, age: u64| {
        let at = server.command::<(u64, u64)>(&["TIME"]).0 * 1_000 - age;
        let beat = format!("{at} 60000");
        server.command::<()>(&["HSET", "{orders}:meta", field, &beat]);
    };
    beat("beat:g:a", 0);
    beat("beat:g:h:b", 0);
    let error = manager.remove_group("orders", "g").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains("`a`"), "{error}");
    beat("beat:g:a", 121_000);
    assert!(manager.remove_group("orders", "g").unwrap());
    assert_eq!(stream.meta("beat:g:a"), None);
    assert!(stream.meta("beat:g:h:b").is_some());
    let error = manager.remove_group("orders", "g:h").unwrap_err();
    assert!(error.to_string().contains("`b`"), "{error}");
}

#[test]
fn a_group_that_stands_still_for_too_long_holds_nothing_back_if_asked() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let name = "orders-idle";
    let mut stream = Stream::new(&server, name);
    for group in ["ghost", "quick"] {
        stream.group(group);
    }
    stream.add_many(50);
    stream.handle("quick", 50);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = small(name, 5).ignore_groups_idle_for(HOUR);
    manager.create_simple_producer("p", config).unwrap();
    let report = manager.cleanup_now(name).unwrap();
    assert_eq!((report.removed, report.left_out.len()), (0, 0), "not yet");
    stand_long(&mut stream, "ghost");
    // Remembered by the stream, and not by a process.
    let other = StreamManager::connect(server.url()).unwrap();
    let plan = other.retention_plan(name).unwrap();
    assert_eq!((plan.removes, plan.above_floor), (45, 45));
    assert_eq!(names(&plan.left_out), ["ghost"]);
    assert!(plan.blocked.is_none(), "{plan}");
    let report = other.cleanup_now(name).unwrap();
    assert_eq!((report.removed, report.lost, report.length), (45, 45, 5));
    assert_eq!(names(&report.left_out), ["ghost"]);
    assert!(report.left_out[0].standing >= 2 * HOUR, "{report}");
    let lines = log.containing(name);
    let lost = |line: &&stream_tests::LogLine| {
        line.level == Level::Warn
            && line.text.contains("45 of 45 entries")
            && line.text.contains("`ignore_groups_idle_for`")
            && line.text.contains("`ghost`")
    };
    assert!(lines.iter().any(|line| lost(&line)), "{lines:?}");

    // It counts again as soon as it moves.
    stream.handle("ghost", 1);
    stream.add_many(10);
    stream.handle("quick", 10);
    let report = other.cleanup_now(name).unwrap();
    assert_eq!((report.removed, report.left_out.len()), (1, 0), "{report}");
    // Off again.
    stand_long(&mut stream, "ghost");
    assert_eq!(
        names(&other.retention_plan(name).unwrap().left_out),
        ["ghost"]
    );
    let config = small(name, 5).ignore_groups_idle_for(Duration::ZERO);
    manager.remove_producer("p").unwrap();
    manager.create_simple_producer("p", config).unwrap();
    assert_eq!(manager.cleanup_now(name).unwrap().removed, 0);
    assert_eq!(other.retention_plan(name).unwrap().removes, 0);
}

#[test]
fn where_every_group_is_left_out_the_other_bounds_hold() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("ghost");
    stream.add_many(50);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = small("orders", 5).ignore_groups_idle_for(HOUR);
    manager.create_simple_producer("p", config).unwrap();
    assert_eq!(manager.cleanup_now("orders").unwrap().removed, 0);
    stand_long(&mut stream, "ghost");
    assert_eq!(manager.cleanup_now("orders").unwrap().length, 5);
}

#[test]
fn a_group_that_has_handled_all_stands_still_only_from_the_next_entry_on() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    stream.add_many(10);
    stream.handle("g", 10);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = small("orders", 5).ignore_groups_idle_for(HOUR);
    manager.create_simple_producer("p", config).unwrap();
    assert_eq!(manager.cleanup_now("orders").unwrap().length, 5);
    let mark = stream.meta("retention:floor:g").unwrap();
    assert!(mark.ends_with(" 0"), "{mark}");
    stand_long(&mut stream, "g");
    assert!(
        manager
            .retention_plan("orders")
            .unwrap()
            .left_out
            .is_empty()
    );
    manager.cleanup_now("orders").unwrap();
    assert_eq!(stream.meta("retention:floor:g").as_deref(), Some(&*mark));
    stream.add_many(10);
    let report = manager.cleanup_now("orders").unwrap();
    assert_eq!((report.left_out.len(), report.length), (0, 10), "{report}");
    let mark = stream.meta("retention:floor:g").unwrap();
    assert!(!mark.ends_with(" 0"), "{mark}");
}

#[test]
fn the_cleaner_names_groups_that_it_leaves_out() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let name = "orders-left-out";
    let mut stream = Stream::new(&server, name);
    stream.group("ghost");
    stream.add_many(50);
    let manager = StreamManager::connect(server.url()).unwrap();
    let second = Duration::from_secs(1);
    let config = small(name, 5)
        .cleanup_interval(second / 50)
        .ignore_groups_idle_for(second);
    manager.create_simple_producer("p", config).unwrap();
    wait_until(DEADLINE, "the trim", || stream.len() == 5);
    let lines = || log.containing("leaves out groups that stand still for longer than 1s");
    wait_until(DEADLINE, "a warning", || !lines().is_empty());
    let told = lines();
    assert!(told[0].text.contains("the group `ghost` has stood still"));
    stream.handle("ghost", 5);
    wait_until(DEADLINE, "the end of it", || {
        !log.containing("no group of `orders-left-out` is left out")
            .is_empty()
    });
    assert_eq!(lines().len(), 1, "{told:?}");
}
