//! The cleaner's thread: its times, its streams, and its log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log::Level;
use stream_lib::{
    ConnectionConfig, ConsumerConfig, Delivery, Priority, RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{Fsync, LogCapture, Server, wait_until};

use crate::DEADLINE;
use crate::stream::Stream;

const SOON: Duration = Duration::from_millis(20);

fn eager(stream: &str) -> StreamConfig {
    StreamConfig::new(stream)
        .max_length(5)
        .min_retention_count(0)
        .cleanup_interval(SOON)
}

#[test]
fn a_stream_is_cleaned_on_its_interval_by_any_process_that_uses_it() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    let producing = StreamManager::connect(server.url()).unwrap();
    producing
        .create_simple_producer("p", eager("orders"))
        .unwrap();
    for _ in 0..3 {
        stream.add_many(50);
        stream.handle("g", 50);
        wait_until(DEADLINE, "the producer's cleaner", || stream.len() == 5);
    }
    drop(producing);
    // The setting stays with the stream, and a consumer's process heeds it.
    let consuming = StreamManager::connect(server.url()).unwrap();
    let config = ConsumerConfig::new("orders").group("g");
    let config = config.cleanup_interval(SOON);
    consuming
        .consume_fn::<RawMessage>("c", config, |_| Ok(()))
        .unwrap();
    stream.add_many(50);
    wait_until(DEADLINE, "the consumer's cleaner", || stream.len() == 5);
}

#[test]
fn one_process_at_a_time_cleans() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    stream.add_many(50);
    stream.handle("g", 50);
    server.command::<()>(&["SET", "{orders}:lock:retention", "somebody else"]);
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("p", eager("orders"))
        .unwrap();
    let before = server.calls("evalsha");
    wait_until(DEADLINE, "ten vain attempts", || {
        server.calls("evalsha") > before + 10
    });
    assert_eq!(stream.len(), 50);
    server.command::<()>(&["DEL", "{orders}:lock:retention"]);
    wait_until(DEADLINE, "a turn", || stream.len() == 5);
    assert!(!server.command::<bool>(&["EXISTS", "{orders}:lock:retention"]));
}

#[test]
fn many_processes_clean_once_per_interval() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.add_many(1);
    let config = || eager("orders").cleanup_interval(Duration::from_hours(1));
    let first = StreamManager::connect(server.url()).unwrap();
    first.create_simple_producer("p", config()).unwrap();
    wait_until(DEADLINE, "the first look", || {
        stream.meta("retention:last").is_some()
    });
    // The last cleanup is long ago: the next one to come does it, the others
    // see that it was done.
    server.command::<()>(&["HSET", "{orders}:meta", "retention:last", "1000"]);
    let managers: Vec<_> = (0..5)
        .map(|_| StreamManager::connect(server.url()).unwrap())
        .collect();
    server.command::<()>(&["CONFIG", "RESETSTAT"]);
    for manager in &managers {
        manager.create_simple_producer("p", config()).unwrap();
    }
    // Each declares and takes its turn: two calls.
    wait_until(DEADLINE, "all of them to look", || {
        server.calls("evalsha") >= 10
    });
    let cleaned = server.calls("xinfo|groups");
    assert_eq!(cleaned, 1, "{} calls", server.calls("evalsha"));
    assert_ne!(stream.meta("retention:last").as_deref(), Some("1000"));
}

#[test]
fn a_group_that_blocks_is_named_once_and_so_is_its_end() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let name = "orders-blocked";
    let mut stream = Stream::new(&server, name);
    stream.group("quick");
    stream.group("stopped");
    stream.add_many(50);
    stream.handle("quick", 50);
    stream.handle("stopped", 10);
    let manager = StreamManager::connect(server.url()).unwrap();
    manager.create_simple_producer("p", eager(name)).unwrap();
    let about = |level: Level, part: &str| {
        let lines = log.containing(name);
        let matching = lines
            .iter()
            .filter(|line| line.level == level && line.text.contains(part));
        matching.count()
    };
    wait_until(DEADLINE, "a warning", || {
        about(Level::Warn, "the group `stopped` has stood still") > 0
    });
    let runs = || about(Level::Debug, "cleaned");
    let before = runs();
    wait_until(DEADLINE, "five more runs", || runs() > before + 5);
    assert_eq!(
        about(Level::Warn, "stopped"),
        1,
        "{:?}",
        log.containing(name)
    );
    assert_eq!(stream.len(), 40);
    let blocked = manager.blocked_streams().unwrap();
    assert_eq!(blocked[0].group.as_deref(), Some("stopped"));

    stream.handle("stopped", 40);
    wait_until(DEADLINE, "the end of it", || {
        about(Level::Info, "can be trimmed again") == 1 && stream.len() == 5
    });
}

#[test]
fn low_says_how_much_was_lost() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let name = "orders-lost";
    let mut stream = Stream::new(&server, name);
    stream.group("g");
    stream.add_many(50);
    stream.handle("g", 20);
    stream.read("g", 10);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = eager(name).priority(Priority::Low);
    manager.create_simple_producer("p", config).unwrap();
    wait_until(DEADLINE, "the trim", || stream.len() == 5);
    wait_until(DEADLINE, "the count", || {
        let lines = log.containing(name);
        lines
            .iter()
            .any(|line| line.level == Level::Warn && line.text.contains("25 of 45 entries"))
    });
}

#[test]
fn what_every_group_has_acknowledged_goes_soon_if_asked() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("slow");
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = StreamConfig::new("orders").delete_after_ack(true);
    manager.create_simple_producer("p", config).unwrap();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let config = ConsumerConfig::new("orders").group("quick");
    manager
        .consume_fn("c", config, move |_: &Delivery<RawMessage>| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
    stream.add_many(500);
    wait_until(DEADLINE, "the quick group", || {
        handled.load(Ordering::SeqCst) == 500
    });
    assert_eq!(stream.len(), 500, "the slow group has read nothing");
    stream.handle("slow", 300);
    wait_until(DEADLINE, "the prefix to go", || stream.len() == 200);
    let pending = stream.read("slow", 100);
    stream.ack("slow", &pending[1..]);
    stream.handle("slow", 100);
    assert_eq!(stream.len(), 200, "its oldest is pending");
    stream.ack("slow", &pending[..1]);
    wait_until(DEADLINE, "the rest to go", || stream.len() == 0);
}

#[test]
fn a_removed_producer_is_no_reason_to_clean() {
    let server = Server::start().unwrap();
    let mut stream = Stream::new(&server, "orders");
    stream.group("g");
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("p", eager("orders"))
        .unwrap();
    manager
        .create_simple_producer("other", eager("others"))
        .unwrap();
    wait_until(DEADLINE, "both to be tended", || {
        let others = server.command::<Option<String>>(&["HGET", "{others}:meta", "retention:last"]);
        stream.meta("retention:last").is_some() && others.is_some()
    });
    manager.remove_producer("p").unwrap();
    // The run under way, if any, ends before the other stream's next but one.
    let turns = || server.command::<String>(&["HGET", "{others}:meta", "retention:last"]);
    for _ in 0..2 {
        let turn = turns();
        wait_until(DEADLINE, "another turn", || turns() != turn);
    }
    stream.add_many(50);
    stream.handle("g", 50);
    for _ in 0..3 {
        let turn = turns();
        wait_until(DEADLINE, "another turn", || turns() != turn);
    }
    assert_eq!(stream.len(), 50);
}

#[test]
fn an_outage_is_logged_once_and_outlived() {
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let log = LogCapture::start();
    let name = "orders-outage";
    let mut stream = Stream::new(&server, name);
    stream.group("g");
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_lazy(config).unwrap();
    manager.create_simple_producer("p", eager(name)).unwrap();
    stream.add_many(50);
    stream.handle("g", 50);
    wait_until(DEADLINE, "the cleaner", || stream.len() == 5);
    server.kill();
    let warned = |part: &str| {
        let lines = log.containing(name);
        let matching = lines
            .iter()
            .filter(|line| line.level == Level::Warn && line.text.contains(part));
        matching.count()
    };
    wait_until(DEADLINE, "a warning", || {
        warned("failed and will be retried") == 1
    });
    server.restart();
    wait_until(DEADLINE, "the recovery", || warned("is cleaned again") == 1);
    let mut stream = Stream::new(&server, name);
    stream.add_many(50);
    stream.handle("g", 50);
    wait_until(DEADLINE, "the cleaner", || stream.len() == 5);
    assert_eq!(warned("failed and will be retried"), 1);
}
