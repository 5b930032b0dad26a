//! Dropping a manager anywhere: no hang, no thread left.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::{env, thread};

use parking_lot::Mutex;
use stream_lib::{ErrorKind, StreamConfig, StreamManager};
use stream_tests::{Server, wait_until};

use crate::support::{
    DEADLINE, Gate, HOUR, Order, Seen, Shop, noting, order, quick, threads,
    wait_until_threads_ended,
};

#[test]
fn dropped_manager_leaves_no_thread() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("drop-a").workers(3);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    // A thread gives itself its name, a moment after it was started.
    wait_until(DEADLINE, "the threads to have names", || {
        let mut names = threads("drop-a");
        names.sort();
        let roles = ["reader", "worker 1", "worker 2", "worker 3"];
        names == roles.map(|role| format!("drop-a {role}"))
    });
    drop(shop.manager);
    assert!(threads("drop-a").is_empty(), "joined when drop returns");
}

#[test]
fn manager_may_be_dropped_in_another_thread() {
    let Shop { manager, server } = Shop::open();
    let seen = Seen::default();
    manager
        .consume("c", quick("drop-b"), noting(&seen))
        .unwrap();
    thread::scope(|scope| {
        scope.spawn(move || drop(manager));
    });
    assert!(threads("drop-b").is_empty());
    drop(server);
}

#[test]
fn manager_may_be_dropped_by_its_own_handler() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let place = Arc::new(Mutex::new(None));
    let seen = Seen::default();
    let (within, noted) = (Arc::clone(&place), seen.clone());
    manager
        .consume_fn::<Order>("c", quick("drop-c"), move |_| {
            let manager: Option<StreamManager> = within.lock().take();
            let dropped = manager.is_some();
            drop(manager);
            noted.push(dropped);
            Ok(())
        })
        .unwrap();
    *place.lock() = Some(manager);
    server.command::<String>(&["XADD", "drop-c", "*", "order_id", "1", "amount", "1"]);
    seen.wait_for(1);
    assert_eq!(seen.all(), [true]);
    wait_until_threads_ended("drop-c");
    // The handler's entry was settled on the way out.
    let pending: (u64, Option<String>, Option<String>, redis::Value) =
        server.command(&["XPENDING", "drop-c", "drop-c_group"]);
    assert_eq!(pending.0, 0);
}

#[test]
fn last_owner_of_a_shared_manager_may_be_a_handler() {
    let shop = Shop::open();
    let manager = Arc::new(StreamManager::connect(shop.server.url()).unwrap());
    let gate = Gate::default();
    let doorway = gate.doorway();
    let seen = Seen::default();
    let (within, noted) = (Arc::downgrade(&manager), seen.clone());
    manager
        .consume_fn::<Order>("c", quick("drop-d"), move |_| {
            let mine = within.upgrade();
            noted.push(mine.is_some());
            doorway.pass();
            drop(mine);
            Ok(())
        })
        .unwrap();
    shop.add_by_hand("drop-d", 1);
    seen.wait_for(1);
    drop(manager);
    assert!(!threads("drop-d").is_empty(), "the handler owns it");
    gate.open();
    wait_until_threads_ended("drop-d");
    shop.wait_until_settled("drop-d");
}

#[test]
fn handler_that_owns_the_manager_is_let_go_by_shutdown() {
    struct Dropped(Seen<&'static str>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.push("dropped");
        }
    }
    let shop = Shop::open();
    let manager = Arc::new(StreamManager::connect(shop.server.url()).unwrap());
    let seen = Seen::default();
    let captured = (Arc::clone(&manager), Dropped(seen.clone()));
    manager
        .consume_fn::<Order>("c", quick("drop-e"), move |_| {
            let (manager, _) = &captured;
            manager.list_consumers();
            Ok(())
        })
        .unwrap();
    shop.add_by_hand("drop-e", 1);
    wait_until(DEADLINE, "one to be done", || {
        manager.consumer("c").unwrap().stats().completed == 1
    });
    manager.shutdown();
    assert!(threads("drop-e").is_empty());
    manager.remove_consumer("c").unwrap();
    assert_eq!(seen.all(), ["dropped"]);
    assert_eq!(Arc::strong_count(&manager), 1);
}

#[test]
fn consumer_removed_by_its_handler_leaves_the_group_though_the_manager_ends() {
    let Shop { manager, server } = Shop::open();
    let manager = Arc::new(manager);
    let weak = Arc::downgrade(&manager);
    let (tell, told) = channel();
    let config = quick("orders").block_duration(HOUR / 60);
    manager
        .consume_fn::<Order>("c", config, move |_| {
            weak.upgrade().unwrap().remove_consumer("c")?;
            Ok(tell.send(())?)
        })
        .unwrap();
    manager.add(&order("1")).unwrap();
    told.recv().unwrap();
    manager.shutdown();
    wait_until(DEADLINE, "it to leave the group", || {
        let consumers: Vec<redis::Value> =
            server.command(&["XINFO", "CONSUMERS", "orders", "orders_group"]);
        consumers.is_empty()
    });
}

#[test]
fn handle_of_a_consumer_keeps_nothing_running() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("drop-f").block_duration(HOUR / 60);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    let producer = {
        let config = StreamConfig::new("drop-f");
        shop.manager.create_simple_producer("p", config).unwrap();
        shop.manager.producer::<Order>("p").unwrap()
    };
    drop(shop.manager);
    assert!(threads("drop-f").is_empty());
    assert!(!consumer.is_running());
    assert!(producer.add(&order("1")).is_err());
}

#[test]
fn manager_dropped_while_redis_is_away_does_not_hang() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("drop-g").grace(std::time::Duration::from_millis(200));
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.server.freeze();
    drop(shop.manager);
    shop.server.kill();
    wait_until_threads_ended("drop-g");
}

/// Runs `test` again in a process of its own, where no other test has threads.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    const VARIABLE: &str = "STREAM_TESTS_ALONE";
    if env::var_os(VARIABLE).is_some() {
        return test();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(VARIABLE, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn no_thread_of_any_kind_is_left() {
    alone("dropping::no_thread_of_any_kind_is_left", || {
        let server = Server::start().unwrap();
        let before = threads("").len();
        let mut handles = Vec::new();
        for _ in 0..3 {
            let manager = StreamManager::connect(server.url()).unwrap();
            let seen = Seen::default();
            manager
                .consume("c", quick("orders"), noting(&seen))
                .unwrap();
            manager.add(&order("1")).unwrap();
            seen.wait_for(1);
            assert!(threads("").len() > before);
            let config = StreamConfig::new("handled");
            manager.create_simple_producer("p", config).unwrap();
            // Handles that somebody keeps hold nothing.
            handles.push((
                manager.producer::<Order>("p").unwrap(),
                manager.consumer("c").unwrap(),
            ));
            drop(manager);
            wait_until(DEADLINE, format!("{before} threads"), || {
                threads("").len() == before
            });
        }
        let clients: String = server.command(&["CLIENT", "LIST"]);
        assert_eq!(clients.lines().count(), 1, "only we are connected");
        for (producer, consumer) in handles {
            let error = producer.add(&order("1")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed);
            assert!(!consumer.is_running());
        }
    });
}
