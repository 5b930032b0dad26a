//! Idle connections that the server closes (`timeout`) are no outage, and are not
//! reported.

use std::sync::Arc;

use stream_lib::{
    BackupStreamConfig, ConsumerEvents, Delivery, HandlerResult, Producer, RawMessage,
    StreamConfig, StreamManager, events,
};
use stream_tests::{LogCapture, Server, wait_until};
use tempfile::TempDir;

use crate::support::{DEADLINE, Order, Seen, ask, order, quick};

#[derive(Default)]
struct Outages(Seen<String>);

impl ConsumerEvents for Outages {
    fn disconnected(&self, event: &events::Disconnected<'_>) {
        self.0.push(event.error.to_string());
    }
}

fn closing_server() -> Server {
    Server::options().config("timeout", "1").start().unwrap()
}

/// Waits until the server has closed all connections but the one that asks, those
/// that wait for entries, and `busy` ones.
fn wait_until_closed(server: &Server, busy: usize) {
    wait_until(DEADLINE, "idle connections to be closed", || {
        let clients = ask::<String>(server, "CLIENT LIST");
        let resting = |line: &&str| !line.contains(" flags=b");
        clients.lines().filter(resting).count() <= 1 + busy
    });
}

#[test]
fn consumers_with_slow_handlers_are_not_held_up() {
    let log = LogCapture::start();
    let server = Arc::new(closing_server());
    let manager = StreamManager::connect(server.url()).unwrap();
    let (outages, seen) = (Arc::new(Outages::default()), Seen::default());
    let (slow, noted) = (Arc::clone(&server), seen.clone());
    let handler = move |delivery: &Delivery<Order>| -> HandlerResult {
        // The keeper looks for entries that are due every second.
        wait_until_closed(&slow, 1);
        noted.push(delivery.order_id.clone());
        Ok(())
    };
    let stream = "idle-orders";
    let config = quick(stream)
        .workers(1)
        .read_count(1)
        .events(Arc::clone(&outages));
    let add = |n: usize| ask::<String>(&server, &format!("XADD {stream} * order_id {n} amount 1"));
    for n in 0..4 {
        add(n);
    }
    let consumer = manager.consume("c", config, handler).unwrap();
    seen.wait_for(4);
    wait_until(DEADLINE, "all to be acknowledged", || {
        consumer.stats().completed == 4
    });
    assert_eq!(outages.0.all(), Vec::<String>::new());
    assert!(
        log.containing(stream)
            .iter()
            .all(|line| !line.text.contains("held up"))
    );
    drop(consumer);
}

#[test]
fn producers_go_on() {
    let (server, dir) = (closing_server(), TempDir::new().unwrap());
    let manager = StreamManager::connect(server.url()).unwrap();
    let spooled = BackupStreamConfig::new("spooled").spool_dir(dir.path());
    manager.create_backup_producer("spooled", spooled).unwrap();
    let simple = StreamConfig::new("simple").batch_size(1);
    manager.create_simple_producer("simple", simple).unwrap();
    let message = || RawMessage::new().with("n", "1");
    for name in ["simple", "spooled"] {
        let producer: Producer<RawMessage> = manager.producer(name).unwrap();
        for _ in 0..2 {
            assert!(producer.add(&message()).unwrap().id().is_some(), "{name}");
            wait_until_closed(&server, 0);
        }
        // A batch that comes long after the one before.
        let messages = vec![message(); 3];
        let slow = messages.iter().inspect(|_| wait_until_closed(&server, 0));
        let added = producer.add_all(slow);
        assert!(added.iter().all(Result::is_ok), "{name}: {added:?}");
    }
    manager.add(&order("1")).unwrap();
}
