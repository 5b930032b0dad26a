//! Concurrent stops.

use std::sync::{Arc, OnceLock};
use std::thread;

use stream_lib::{Consumer, Delivery, ErrorKind, HandlerResult, StreamManager};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, noting, order, quick};

/// A consumer with one handler that waits at the gate.
fn busy(shop: &Shop, gate: &Gate) -> Consumer {
    let (doorway, started) = (gate.doorway(), Seen::default());
    let starts = started.clone();
    let handler = move |_: &Delivery<Order>| -> HandlerResult {
        starts.push(());
        doorway.pass();
        Ok(())
    };
    let consumer = shop.manager.consume("c", quick("orders"), handler).unwrap();
    shop.manager.add(&order("1")).unwrap();
    started.wait_for(1);
    consumer
}

/// While `first` waits for the handler, `second` is called: it waits as well.
fn both_wait(
    first: impl FnOnce(&StreamManager, &Consumer) + Send,
    second: impl FnOnce(&StreamManager, &Consumer) -> u64 + Send,
) {
    let shop = Shop::open();
    let gate = Gate::default();
    let consumer = busy(&shop, &gate);
    let (manager, consumer) = (&shop.manager, &consumer);
    thread::scope(|scope| {
        // A test that fails must not wait for the handler.
        let gate = gate;
        let stopping = scope.spawn(move || first(manager, consumer));
        wait_until(DEADLINE, "the first stop", || !consumer.is_running());
        let second = scope.spawn(move || second(manager, consumer));
        // Whoever doesn't wait for the handler is done long before this.
        for _ in 0..200 {
            thread::yield_now();
            let _ = manager.stream_stats("orders");
        }
        assert!(!second.is_finished(), "it has not waited");
        assert!(!stopping.is_finished());
        gate.open();
        assert_eq!(second.join().unwrap(), 1, "completed");
    });
}

#[test]
fn second_stop_waits_for_the_same_end() {
    both_wait(
        |_, consumer| assert_eq!(consumer.stop().completed, 1),
        |_, consumer| consumer.stop().completed,
    );
}

#[test]
fn shutdown_waits_for_a_stop_under_way() {
    both_wait(
        |_, consumer| assert_eq!(consumer.stop().completed, 1),
        |manager, _| manager.shutdown().completed,
    );
}

#[test]
fn shutdown_waits_for_a_removal_under_way() {
    both_wait(
        |manager, _| assert_eq!(manager.remove_consumer("c").unwrap().completed, 1),
        |manager, _| manager.shutdown().completed,
    );
}

#[test]
fn second_shutdown_and_a_second_removal_wait_too() {
    both_wait(
        |manager, _| assert_eq!(manager.shutdown().completed, 1),
        |manager, _| manager.shutdown().completed,
    );
    both_wait(
        |manager, _| assert_eq!(manager.remove_consumer("c").unwrap().completed, 1),
        |manager, _| manager.remove_consumer("c").unwrap().completed,
    );
}

#[test]
fn removed_consumer_leaves_its_name_to_another() {
    let shop = Shop::open();
    let seen = Seen::default();
    for round in 1..=3 {
        let manager = &shop.manager;
        manager
            .consume("c", quick("orders"), noting(&seen))
            .unwrap();
        manager.add(&order(round.to_string())).unwrap();
        seen.wait_for(round);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    if let Err(e) = manager.remove_consumer("c") {
                        assert_eq!(e.kind(), ErrorKind::NotFound);
                    }
                });
            }
        });
        assert!(manager.list_consumers().is_empty());
    }
}

#[test]
fn handler_stops_removes_and_shuts_down_what_runs_it() {
    let shop = Shop::open();
    let Shop { manager, server } = shop;
    let manager = Arc::new(manager);
    let own = Arc::new(OnceLock::<(Arc<StreamManager>, Consumer)>::new());
    let handler = {
        let own = Arc::clone(&own);
        move |_: &Delivery<Order>| -> HandlerResult {
            let (manager, consumer) = own.wait();
            consumer.stop();
            consumer.stop();
            manager.stop_consumer("c")?;
            manager.remove_consumer("c")?;
            manager.shutdown();
            consumer.stop();
            Ok(())
        }
    };
    let consumer = manager.consume("c", quick("orders"), handler).unwrap();
    own.set((Arc::clone(&manager), consumer.clone())).unwrap();
    server.command::<String>(&["XADD", "orders", "*", "order_id", "1", "amount", "1"]);
    wait_until(DEADLINE, "the end", || consumer.stats().completed == 1);
    assert_eq!(consumer.stop().still_running, 0);
    assert_eq!(consumer.start().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(consumer.stats().panicked, 0);
    let pending: redis::Value = server.command(&["XPENDING", "orders", "orders_group"]);
    assert!(
        format!("{pending:?}").starts_with("array([int(0)"),
        "{pending:?}"
    );
}
