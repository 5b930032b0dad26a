//! Outages that come and go, or in which Redis refuses some requests: one log line at the
//! beginning, one at the end.

use std::time::Duration;

use stream_lib::{Added, BackupStreamConfig, RawMessage, StreamManager};
use stream_tests::{LogCapture, LogLine, Proxy, Server, wait_until};
use tempfile::TempDir;

use crate::support::{DEADLINE, Seen, noting, order, quick};

/// How many lines tell of a beginning and of an end, of the consumer and of the
/// producer of a stream.
fn told(log: &LogCapture, stream: &str) -> [(usize, usize); 2] {
    let name = format!("`{stream}`");
    ["the consumer", "the backup producer"].map(|who| {
        let count = |words: &str| {
            let says = |line: &LogLine| {
                line.text.starts_with(who) && line.text.contains(&name) && line.text.contains(words)
            };
            log.matching(says).len()
        };
        (count("is held up"), count("works again"))
    })
}

/// A consumer with a short lease, so that all of its requests come often, and a
/// backup producer with a spool.
fn open(url: String, stream: &str, spool: &TempDir) -> (StreamManager, Seen<(String, u32)>) {
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    let config = quick(stream)
        .lease(Duration::from_secs(6))
        .block_duration(Duration::from_secs(30));
    manager.consume("c", config, noting(&seen)).unwrap();
    let backup = BackupStreamConfig::new(stream)
        .max_length(100)
        .spool_dir(spool.path());
    manager.create_backup_producer("p", backup).unwrap();
    (manager, seen)
}

#[test]
fn server_that_refuses_writes_and_serves_reads_is_told_of_once() {
    let server = Server::start().unwrap();
    let stream = "flap-writes";
    let log = LogCapture::start();
    let spool = TempDir::new().unwrap();
    let (manager, seen) = open(server.url(), stream, &spool);
    server.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    wait_until(DEADLINE, "both to be held up", || {
        told(&log, stream).iter().all(|(begins, _)| *begins >= 1)
    });
    // What writes fails meanwhile, and what only looks succeeds. Each failure ends a
    // connection, and the next one asks for its id.
    let before = server.calls("client|id");
    wait_until(DEADLINE, "many tries", || {
        server.calls("client|id") >= before + 30
    });
    assert_eq!(told(&log, stream), [(1, 0); 2], "{:#?}", log.lines());
    server.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    wait_until(DEADLINE, "both to work again", || {
        told(&log, stream).iter().all(|(_, ends)| *ends >= 1)
    });
    let add = ["XADD", stream, "*", "order_id", "1", "amount", "1"];
    server.command::<String>(&add);
    seen.wait_for(1);
    assert_eq!(told(&log, stream), [(1, 1); 2], "{:#?}", log.lines());
    manager.shutdown();
}

#[test]
fn outage_is_told_of_once_for_all_connections() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let stream = "flap-outage";
    let log = LogCapture::start();
    let spool = TempDir::new().unwrap();
    let (manager, seen) = open(server.url_at(proxy.port()), stream, &spool);
    proxy.refuse();
    proxy.cut();
    let message = RawMessage::new()
        .with("order_id", "spooled")
        .with("amount", "1");
    assert_eq!(manager.add_to("p", &message).unwrap(), Added::Spooled);
    wait_until(DEADLINE, "both to be held up", || {
        told(&log, stream).iter().all(|(begins, _)| *begins >= 1)
    });
    proxy.pass();
    wait_until(DEADLINE, "both to work again", || {
        told(&log, stream).iter().all(|(_, ends)| *ends >= 1)
    });
    seen.wait_for(1);
    assert_eq!(told(&log, stream), [(1, 1); 2], "{:#?}", log.lines());
    assert!(manager.consumer("c").unwrap().stats().held_up.is_none());
}

#[test]
fn end_of_a_row_of_failed_sends_is_told_without_another_send() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let log = LogCapture::start();
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let quick = stream_lib::StreamConfig::new("orders").send_timeout(Duration::from_millis(50));
    let producer = manager.create_simple_producer("p", quick).unwrap();
    let producer = producer.typed::<crate::support::Order>();
    proxy.refuse();
    proxy.cut();
    assert!(producer.send(&order("1")).unwrap().wait().is_err());
    proxy.pass();
    wait_until(DEADLINE, "a message to be added", || {
        producer.send(&order("2")).unwrap().wait().is_ok()
    });
    wait_until(DEADLINE, "the end to be told", || {
        !log.containing("are added to `orders` again").is_empty()
    });
}
