//! Stops while Redis is away or silent.

use std::thread;
use std::time::{Duration, Instant};

use stream_lib::{BackupStreamConfig, ConnectionConfig, StreamConfig, StreamManager};
use stream_tests::{Proxy, Server, wait_until};

use crate::support::{DEADLINE, Gate, HOUR, Order, Seen, noting, order, quick};

/// More than a stop takes, and less than the waits that it must not wait for.
const AMPLE: Duration = Duration::from_secs(9);

/// A connection with limits that nobody waits for here.
fn endless(url: String) -> ConnectionConfig {
    ConnectionConfig::new(url)
        .unwrap()
        .connect_timeout(HOUR)
        .response_timeout(HOUR)
}

/// A manager with an idle consumer, a backup producer, and a simple one.
fn open(config: ConnectionConfig, grace: Duration) -> StreamManager {
    let manager = StreamManager::connect_with(config).unwrap();
    let seen = Seen::default();
    let config = quick("orders").grace(grace);
    manager.consume("c", config, noting(&seen)).unwrap();
    let backup = BackupStreamConfig::new("orders").max_length(100);
    manager.create_backup_producer("b", backup).unwrap();
    let simple = StreamConfig::new("payments");
    manager.create_simple_producer("s", simple).unwrap();
    manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    let consumer = manager.consumer("c").unwrap();
    wait_until(DEADLINE, "it to be acknowledged", || {
        consumer.stats().completed == 1
    });
    manager
}

/// Shuts down on a thread of its own, which a test that fails leaves behind.
#[track_caller]
fn shuts_down_in_time(manager: StreamManager, bound: Duration) {
    let begin = Instant::now();
    let stopping = thread::Builder::new()
        .spawn(move || manager.shutdown())
        .unwrap();
    wait_until(DEADLINE, "the shutdown", || stopping.is_finished());
    let took = begin.elapsed();
    assert_eq!(stopping.join().unwrap().still_running, 0);
    assert!(took < bound, "it took {took:?}");
}

#[test]
fn stop_is_quick_long_after_redis_has_gone() {
    let server = Server::start().unwrap();
    let manager = open(
        ConnectionConfig::new(server.url()).unwrap(),
        Duration::from_secs(1_000),
    );
    let gone = Instant::now();
    server.stop();
    // By then the threads wait for seconds between their tries.
    wait_until(DEADLINE, "the pauses to grow", || {
        gone.elapsed() > Duration::from_secs(8)
    });
    shuts_down_in_time(manager, Duration::from_secs(2));
}

#[test]
fn stop_does_not_wait_for_connections_in_the_making() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = open(
        endless(server.url_at(proxy.port())),
        Duration::from_secs(1_000),
    );
    proxy.black_hole();
    proxy.cut();
    // Handshakes that nobody answers.
    wait_until(DEADLINE, "all to connect again", || {
        proxy.open_connections() >= 3
    });
    shuts_down_in_time(manager, AMPLE);
}

#[test]
fn stop_does_not_wait_for_a_server_that_says_nothing() {
    let server = Server::start().unwrap();
    let manager = open(endless(server.url()), Duration::from_secs(1));
    server.freeze();
    shuts_down_in_time(manager, AMPLE);
    server.thaw();
}

#[test]
fn handler_that_runs_has_its_grace_while_redis_is_gone() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let gate = Gate::default();
    let (doorway, seen) = (gate.doorway(), Seen::default());
    let starts = seen.clone();
    let handler = move |_: &stream_lib::Delivery<Order>| -> stream_lib::HandlerResult {
        starts.push(());
        doorway.pass();
        Ok(())
    };
    let config = quick("orders").grace(DEADLINE);
    let consumer = manager.consume("c", config, handler).unwrap();
    manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    proxy.refuse();
    proxy.cut();
    let stopped = consumer.clone();
    let stopping = thread::Builder::new()
        .spawn(move || stopped.stop())
        .unwrap();
    wait_until(DEADLINE, "the stop to begin", || !consumer.is_running());
    gate.open();
    // What it has done is acknowledged once Redis is back, within the grace.
    wait_until(DEADLINE, "the handler", || consumer.stats().running == 0);
    proxy.pass();
    wait_until(DEADLINE, "the stop", || stopping.is_finished());
    assert_eq!(stopping.join().unwrap().completed, 1);
    let pending: Vec<redis::Value> =
        server.command(&["XPENDING", "orders", "orders_group", "-", "+", "10"]);
    assert!(pending.is_empty(), "{pending:?}");
}
