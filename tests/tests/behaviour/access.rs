//! Rights and passwords: errors name what is missing, and never a password.

use std::collections::HashSet;

use stream_lib::{ConnectionConfig, Consumer, Error, ErrorKind, StreamManager};
use stream_tests::{LogCapture, LogLine, Server, wait_until};

use crate::support::{DEADLINE, Seen, noting, order, quick};

const PASSWORD: &str = "s3cret-and-long";

/// All that an error shows.
fn all_texts(error: &Error) -> String {
    let mut texts = vec![format!("{error} {error:?} {error:#?}")];
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        texts.push(format!("{e} {e:?}"));
        cause = e.source();
    }
    texts.join(" ")
}

fn server_with_user(rules: &str) -> (Server, String) {
    let server = Server::options()
        .user(&format!("clerk on >{PASSWORD} {rules}"))
        .start()
        .unwrap();
    let url = format!("redis://clerk:{PASSWORD}@127.0.0.1:{}", server.port());
    (server, url)
}

#[test]
fn each_missing_right_is_named_at_the_start() {
    let log = LogCapture::start();
    for command in [
        "xreadgroup",
        "xack",
        "xclaim",
        "xpending",
        "evalsha",
        "xgroup",
    ] {
        // Scripts need one of two rights.
        let or = if command == "evalsha" { "-eval" } else { "" };
        let (server, url) = server_with_user(&format!("~* &* +@all -{command} {or}"));
        let manager = StreamManager::connect(url).unwrap();
        let seen = Seen::default();
        let error = manager
            .consume("c", quick("orders"), noting(&seen))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        let text = error.to_string();
        assert!(text.contains("`orders`"), "{text}");
        // A script doesn't say which command it was.
        let in_script = command == "xpending";
        let named = command.trim_end_matches("sha");
        assert!(in_script || text.contains(named), "{command}: {text}");
        assert!(!all_texts(&error).contains(PASSWORD));
        assert!(manager.list_consumers().is_empty());
        if server.command::<u64>(&["EXISTS", "orders"]) == 1 {
            let consumers: Vec<redis::Value> =
                server.command(&["XINFO", "CONSUMERS", "orders", "orders_group"]);
            assert!(consumers.is_empty(), "{command}: {consumers:?}");
        }
    }
    assert!(log.containing(PASSWORD).is_empty());
}

#[test]
fn right_to_the_stream_alone_is_not_enough_and_the_least_is() {
    let (_server, url) = server_with_user("~orders &* +@all");
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    let error = manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");

    let rights = "~orders ~{orders}* +@stream +@connection +evalsha +script|load +time +type \
                  +@sortedset +@hash +@string";
    let (server, url) = server_with_user(rights);
    let manager = StreamManager::connect(url).unwrap();
    manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    manager.shutdown();
    let consumers: Vec<redis::Value> =
        server.command(&["XINFO", "CONSUMERS", "orders", "orders_group"]);
    assert!(consumers.is_empty(), "{consumers:?}");
}

/// How often the server has refused a command.
fn rejected(server: &Server, command: &str) -> u64 {
    let stats: String = server.command(&["INFO", "commandstats"]);
    let key = format!("cmdstat_{command}:");
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&key)?.split("rejected_calls=").nth(1));
    line.map_or(0, |rest| {
        rest.split(',').next().unwrap().parse::<u64>().unwrap()
    })
}

/// Waits until a consumer is held up by an error of this kind, or by none.
#[track_caller]
fn wait_until_held_up(consumer: &Consumer, kind: Option<ErrorKind>) {
    wait_until(DEADLINE, format!("it to be held up: {kind:?}"), || {
        consumer.stats().held_up == kind
    });
    assert_eq!(consumer.held_up().map(|e| e.kind()), kind);
    assert!(consumer.is_running() && consumer.failure().is_none());
}

fn lines(log: &LogCapture, stream: &str, words: &str) -> usize {
    let name = format!("`{stream}`");
    let says = |line: &LogLine| line.text.contains(&name) && line.text.contains(words);
    log.matching(says).len()
}

#[test]
fn right_taken_away_later_is_waited_for_and_told_once() {
    let (server, url) = server_with_user("~* &* +@all");
    let log = LogCapture::start();
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    let consumer = manager
        .consume("c", quick("denied"), noting(&seen))
        .unwrap();
    server.command::<()>(&["ACL", "SETUSER", "clerk", "-xack"]);
    let add = ["XADD", "denied", "*", "order_id", "1", "amount", "1"];
    server.command::<String>(&add);
    wait_until_held_up(&consumer, Some(ErrorKind::PermissionDenied));
    wait_until(DEADLINE, "several tries", || rejected(&server, "xack") >= 3);
    let error = consumer.held_up().unwrap();
    assert!(error.to_string().contains("xack"), "{error}");
    assert!(!all_texts(&error).contains(PASSWORD));
    assert!(
        consumer.stats().to_string().contains("PermissionDenied"),
        "{}",
        consumer.stats()
    );
    server.command::<()>(&["ACL", "SETUSER", "clerk", "+xack"]);
    wait_until(DEADLINE, "the acknowledgement", || {
        consumer.stats().completed == 1
    });
    wait_until_held_up(&consumer, None);
    assert_eq!(lines(&log, "denied", "held up"), 1, "{:#?}", log.lines());
    assert_eq!(
        lines(&log, "denied", "works again"),
        1,
        "{:#?}",
        log.lines()
    );
    let tries = rejected(&server, "xack");
    assert!(tries < 200, "a busy loop of {tries} tries");
}

#[test]
fn idle_consumer_outlives_the_loss_of_all_keys() {
    let (server, url) = server_with_user("~* &* +@all");
    let log = LogCapture::start();
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    let consumer = manager.consume("c", quick("idle"), noting(&seen)).unwrap();
    for round in 1..=2 {
        server.command::<()>(&["ACL", "SETUSER", "clerk", "resetkeys"]);
        wait_until_held_up(&consumer, Some(ErrorKind::PermissionDenied));
        server.command::<()>(&["ACL", "SETUSER", "clerk", "~*"]);
        let add = ["XADD", "idle", "*", "order_id", "1", "amount", "1"];
        server.command::<String>(&add);
        seen.wait_for(round);
        wait_until_held_up(&consumer, None);
        assert_eq!(lines(&log, "idle", "held up"), round, "{:#?}", log.lines());
    }
    assert_eq!(lines(&log, "idle", "works again"), 2, "{:#?}", log.lines());
}

#[test]
fn right_that_is_missing_at_a_start_without_redis_ends_the_consumer() {
    let (server, url) = server_with_user("~* &* +@all -xack");
    server.command::<()>(&["XGROUP", "CREATE", "late", "late_group", "0", "MKSTREAM"]);
    let config = ConnectionConfig::new(url).unwrap();
    let manager = StreamManager::connect_lazy(config).unwrap();
    let seen = Seen::default();
    let consumer = manager.consume("c", quick("late"), noting(&seen)).unwrap();
    wait_until(DEADLINE, "it to stop", || consumer.failure().is_some());
    let error = consumer.failure().unwrap();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("xack"), "{error}");
    assert!(!consumer.is_running());
}

#[test]
fn right_taken_away_amid_a_backlog_loses_nothing() {
    const ORDERS: u64 = 2_000;
    let (server, url) = server_with_user("~* &* +@all");
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    let config = quick("orders").read_count(50);
    let consumer = manager.consume("c", config, noting(&seen)).unwrap();
    server.command::<()>(&["ACL", "SETUSER", "clerk", "-xack"]);
    let add = "for i = 1, ARGV[1] do
        redis.call('XADD', KEYS[1], '*', 'order_id', i, 'amount', 1)
    end";
    server.command::<redis::Value>(&["EVAL", add, "1", "orders", &ORDERS.to_string()]);
    wait_until_held_up(&consumer, Some(ErrorKind::PermissionDenied));
    server.command::<()>(&["ACL", "SETUSER", "clerk", "+xack"]);
    wait_until(DEADLINE, "the rest", || {
        consumer.stats().completed == ORDERS
    });
    let ids: HashSet<_> = seen.all().into_iter().map(|(id, _)| id).collect();
    assert_eq!((seen.count() as u64, ids.len() as u64), (ORDERS, ORDERS));
}

#[test]
fn wrong_password_and_database_are_named_without_the_password() {
    let log = LogCapture::start();
    let server = Server::options().password("right").start().unwrap();
    let at = |rest: &str| format!("redis://{rest}");
    let port = server.port();
    let cases = [
        (
            at(&format!(":{PASSWORD}@127.0.0.1:{port}")),
            ErrorKind::Authentication,
        ),
        (
            at(&format!("nobody:{PASSWORD}@127.0.0.1:{port}")),
            ErrorKind::Authentication,
        ),
        (at(&format!("127.0.0.1:{port}")), ErrorKind::Authentication),
        (
            at(&format!(":right@127.0.0.1:{port}/999")),
            ErrorKind::Config,
        ),
        (
            at(&format!(":{PASSWORD}@127.0.0.1:{port}/x")),
            ErrorKind::Config,
        ),
        (
            format!("http://:{PASSWORD}@127.0.0.1:{port}"),
            ErrorKind::Config,
        ),
        (format!(":{PASSWORD}@127.0.0.1:{port}"), ErrorKind::Config),
    ];
    for (url, kind) in cases {
        let error = StreamManager::connect(&url).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.is_retryable());
        assert!(!all_texts(&error).contains(PASSWORD), "{error:?}");
    }
    let error = StreamManager::connect(at(&format!(":right@127.0.0.1:{port}/999"))).unwrap_err();
    assert!(error.to_string().contains("999"), "{error}");
    assert!(log.containing(PASSWORD).is_empty());
}

#[test]
fn password_changed_later_is_waited_for() {
    let server = Server::options().password(PASSWORD).start().unwrap();
    let log = LogCapture::start();
    let manager = StreamManager::connect(server.url()).unwrap();
    let seen = Seen::default();
    let consumer = manager
        .consume("c", quick("pw-later"), noting(&seen))
        .unwrap();
    let mut connection = server.connect().unwrap();
    let mut run = |words: &[&str]| {
        redis::cmd(words[0])
            .arg(&words[1..])
            .query::<redis::Value>(&mut connection)
            .unwrap()
    };
    run(&["CONFIG", "SET", "requirepass", "another"]);
    run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    wait_until(DEADLINE, "it to be refused", || {
        !log.matching(|line| line.text.contains("pw-later") && line.text.contains("held up"))
            .is_empty()
    });
    wait_until_held_up(&consumer, Some(ErrorKind::Authentication));
    run(&["CONFIG", "SET", "requirepass", PASSWORD]);
    run(&["XADD", "pw-later", "*", "order_id", "1", "amount", "1"]);
    seen.wait_for(1);
    wait_until_held_up(&consumer, None);
    assert_eq!(
        lines(&log, "pw-later", "WRONGPASS"),
        1,
        "{:#?}",
        log.lines()
    );
    assert!(log.containing(PASSWORD).is_empty());
    assert!(!format!("{manager:?} {consumer:?}").contains(PASSWORD));
}

#[test]
fn key_that_changes_its_type_stops_the_consumer_with_an_error() {
    let shop = crate::support::Shop::open();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    let mut connection = shop.server.connect().unwrap();
    redis::pipe()
        .atomic()
        .cmd("DEL")
        .arg("orders")
        .cmd("SET")
        .arg("orders")
        .arg("text")
        .exec(&mut connection)
        .unwrap();
    wait_until(DEADLINE, "it to stop", || !consumer.is_running());
    let error = consumer.failure().unwrap();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    assert!(
        error.to_string().contains("consuming `orders` in"),
        "{error}"
    );
    shop.manager.stop_consumer("c").unwrap();
}
