//! Handlers can add messages until they end, however their manager is stopped.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use stream_lib::{
    Added, BackupStreamConfig, ConsumerConfig, Delivery, ErrorKind, HandlerResult, Producer,
    RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{Server, wait_until};
use tempfile::TempDir;

use crate::support::{DEADLINE, Order, Seen, ask, order, quick};

const KINDS: [&str; 3] = ["simple", "backup", "spooled"];

fn patient(stream: &str) -> ConsumerConfig {
    quick(stream).grace(DEADLINE)
}

/// A manager with a producer of each kind, each with a stream of its own.
fn open(server: &Server, dir: &TempDir) -> (StreamManager, Vec<Producer<RawMessage>>) {
    let manager = StreamManager::connect(server.url()).unwrap();
    let [simple, backup, spooled] = KINDS;
    manager
        .create_simple_producer(simple, StreamConfig::new(simple))
        .unwrap();
    manager
        .create_backup_producer(backup, BackupStreamConfig::new(backup))
        .unwrap();
    manager
        .create_backup_producer(
            spooled,
            BackupStreamConfig::new(spooled).spool_dir(dir.path()),
        )
        .unwrap();
    let producers = KINDS.map(|kind| manager.producer(kind).unwrap());
    (manager, producers.into())
}

fn message() -> RawMessage {
    RawMessage::new().with("n", "1")
}

/// Adds and sends one message by each producer.
fn add_and_send(producers: &[Producer<RawMessage>]) -> HandlerResult {
    for producer in producers {
        let added = producer.add(&message())?;
        assert!(matches!(added, Added::Main(_)), "{added:?}");
        drop(producer.send(&message())?);
    }
    Ok(())
}

/// A handler that waits for the stop, then adds.
fn adding_late(
    producers: &[Producer<RawMessage>],
    began: &Seen<()>,
) -> impl Fn(&Delivery<Order>) -> HandlerResult + Send + Sync + use<> {
    let (producers, began) = (producers.to_vec(), began.clone());
    move |order| {
        began.push(());
        wait_until(DEADLINE, "the stop", || order.is_shutting_down());
        add_and_send(&producers)
    }
}

/// A producer to ask whether the manager still takes messages; by its name it is
/// the last that is closed.
fn probe(manager: &StreamManager) -> Producer<RawMessage> {
    manager
        .create_simple_producer("the last", StreamConfig::new("probes"))
        .unwrap()
        .typed()
}

#[track_caller]
fn wait_until_closed(producers: &[Producer<RawMessage>], probe: &Producer<RawMessage>) {
    let is_closed = |producer: &Producer<RawMessage>| {
        let added = producer.add(&message());
        added.is_err_and(|e| e.kind() == ErrorKind::Closed)
    };
    wait_until(DEADLINE, "the producers to close", || is_closed(probe));
    assert!(producers.iter().all(is_closed));
}

fn lengths(server: &Server) -> [usize; 3] {
    KINDS.map(|kind| ask(server, &format!("XLEN {kind}")))
}

#[test]
fn handlers_add_and_send_during_a_shutdown() {
    let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
    let (manager, producers) = open(&server, &dir);
    let probe = probe(&manager);
    let began = Seen::default();
    let consumer = manager
        .consume("c", patient("orders"), adding_late(&producers, &began))
        .unwrap();
    manager.add(&order("1")).unwrap();
    began.wait_for(1);
    let report = manager.shutdown();
    assert_eq!((report.completed, report.still_running), (1, 0));
    assert_eq!(consumer.stats().failed, 0);
    assert_eq!(lengths(&server), [2; 3], "what was sent has gone out");
    wait_until_closed(&producers, &probe);
}

#[test]
fn handlers_add_by_the_manager_during_its_shutdown() {
    let server = Server::start().unwrap();
    let manager = Arc::new(StreamManager::connect(server.url()).unwrap());
    let (began, weak) = (Seen::default(), Arc::downgrade(&manager));
    let noted = began.clone();
    manager
        .consume_fn::<Order>("c", patient("others"), move |delivery| {
            noted.push(());
            wait_until(DEADLINE, "the stop", || delivery.is_shutting_down());
            if let Some(manager) = weak.upgrade() {
                // By a default producer that is made now.
                manager.add(&order("2"))?;
                drop(manager.send(&order("3"))?);
            }
            Ok(())
        })
        .unwrap();
    ask::<String>(&server, "XADD others * order_id 1 amount 9.5");
    began.wait_for(1);
    let report = manager.shutdown();
    assert_eq!((report.completed, report.still_running), (1, 0));
    assert_eq!(ask::<usize>(&server, "XLEN orders"), 2);
    assert_eq!(
        manager.add(&order("4")).unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[test]
fn handlers_add_while_their_manager_is_dropped() {
    let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
    let (manager, producers) = open(&server, &dir);
    let probe = probe(&manager);
    let began = Seen::default();
    let consumer = manager
        .consume("c", patient("orders"), adding_late(&producers, &began))
        .unwrap();
    manager.add(&order("1")).unwrap();
    began.wait_for(1);
    drop(manager);
    assert_eq!(consumer.stats().completed, 1);
    assert_eq!(lengths(&server), [2; 3]);
    wait_until_closed(&producers, &probe);
}

#[test]
fn handlers_add_after_one_of_them_has_shut_the_manager_down() {
    let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
    let (manager, producers) = open(&server, &dir);
    let probe = probe(&manager);
    let manager = Arc::new(manager);
    let began = Seen::default();
    let late = manager
        .consume("late", patient("orders"), adding_late(&producers, &began))
        .unwrap();
    manager.add(&order("1")).unwrap();
    began.wait_for(1);
    let (weak, own) = (Arc::downgrade(&manager), producers.clone());
    let ender = manager
        .consume_fn::<Order>("ender", patient("ends"), move |_| {
            if let Some(manager) = weak.upgrade() {
                manager.shutdown();
            }
            add_and_send(&own)
        })
        .unwrap();
    ask::<String>(&server, "XADD ends * order_id 1 amount 9.5");
    // Nobody waits for them: the last one closes the producers.
    wait_until_closed(&producers, &probe);
    assert_eq!((late.stats().completed, late.stats().failed), (1, 0));
    assert_eq!((ender.stats().completed, ender.stats().failed), (1, 0));
    drop(manager);
    assert_eq!(lengths(&server), [4; 3]);
}

#[test]
fn handler_adds_after_it_has_dropped_the_manager() {
    let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
    let (manager, producers) = open(&server, &dir);
    let probe = probe(&manager);
    let place = Arc::new(Mutex::new(None));
    let (within, own) = (Arc::clone(&place), producers.clone());
    let consumer = manager
        .consume_fn::<Order>("c", patient("orders"), move |_| {
            wait_until(DEADLINE, "the manager", || within.lock().is_some());
            let manager: Option<StreamManager> = within.lock().take();
            drop(manager);
            add_and_send(&own)
        })
        .unwrap();
    manager.add(&order("1")).unwrap();
    *place.lock() = Some(manager);
    wait_until_closed(&producers, &probe);
    assert_eq!(
        (consumer.stats().completed, consumer.stats().failed),
        (1, 0)
    );
    wait_until(DEADLINE, "what was sent", || lengths(&server) == [2; 3]);
}

#[test]
fn handlers_of_a_removed_consumer_add_during_a_shutdown() {
    let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
    let (manager, producers) = open(&server, &dir);
    let began = Seen::default();
    let stopping = began.clone();
    let own = producers.clone();
    let consumer = manager
        .consume_fn::<Order>("c", patient("orders"), move |order| {
            stopping.push(());
            wait_until(DEADLINE, "the shutdown", || stopping.count() == 2);
            assert!(order.is_shutting_down());
            // The shutdown waits, since it takes no other handler's word.
            add_and_send(&own)
        })
        .unwrap();
    manager.add(&order("1")).unwrap();
    began.wait_for(1);
    thread::scope(|scope| {
        let removal = scope.spawn(|| manager.remove_consumer("c").unwrap());
        wait_until(DEADLINE, "the removal", || !consumer.is_running());
        let shutdown = scope.spawn(|| manager.shutdown());
        wait_until(DEADLINE, "the shutdown", || {
            let created = manager.create_simple_producer("another", StreamConfig::new("s"));
            let closed = created.is_err_and(|e| e.kind() == ErrorKind::Closed);
            let _ = manager.remove_producer("another");
            closed
        });
        began.push(());
        removal.join().unwrap();
        shutdown.join().unwrap();
    });
    assert_eq!(
        (consumer.stats().completed, consumer.stats().failed),
        (1, 0)
    );
    assert_eq!(lengths(&server), [2; 3]);
}

#[test]
fn producers_close_when_the_grace_is_over() {
    let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
    let (manager, producers) = open(&server, &dir);
    let (began, results) = (Seen::default(), Seen::default());
    let (noted, told, own) = (began.clone(), results.clone(), producers.clone());
    let config = quick("orders").grace(Duration::from_millis(50));
    manager
        .consume_fn::<Order>("c", config, move |_| {
            noted.push(());
            wait_until(DEADLINE, "the end of the shutdown", || noted.count() == 2);
            for producer in &own {
                told.push(producer.add(&message()).map_err(|e| e.kind()));
            }
            Ok(())
        })
        .unwrap();
    manager.add(&order("1")).unwrap();
    began.wait_for(1);
    assert_eq!(manager.shutdown().still_running, 1);
    began.push(());
    results.wait_for(3);
    assert_eq!(results.all(), vec![Err(ErrorKind::Closed); 3]);
}
