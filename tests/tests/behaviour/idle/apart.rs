//! Consumers share connections and threads, but not their failures.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stream_lib::{Consumer, Delivery, ErrorKind, HandlerResult, RetryPolicy, StreamManager};
use stream_tests::{Server, wait_until};

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, ask, noting, quick};

/// Adds one entry after the other, each once the one before has been acknowledged.
#[track_caller]
fn one_by_one(server: &Server, stream: &str, consumer: &Consumer, count: u64) {
    let before = consumer.stats().completed;
    for number in 1..=count {
        ask::<String>(
            server,
            &format!("XADD {stream} * order_id {number} amount 1"),
        );
        wait_until(DEADLINE, format!("{number} to be acknowledged"), || {
            consumer.stats().completed == before + number
        });
    }
}

#[test]
fn others_go_on_while_a_consumer_is_refused() {
    let rules = "clerk on nopass ~* &* +@all";
    let server = Server::options().user(rules).start().unwrap();
    let url = format!("redis://clerk:x@127.0.0.1:{}", server.port());
    let manager = StreamManager::connect(url).unwrap();
    let (gate, seen) = (Gate::default(), Seen::default());
    let doorway = gate.doorway();
    let refused = manager
        .consume_fn::<Order>("refused", quick("refused"), move |_| {
            doorway.pass();
            Ok(())
        })
        .unwrap();
    let calm = manager
        .consume("calm", quick("calm"), noting(&seen))
        .unwrap();
    one_by_one(&server, "calm", &calm, 1);
    ask::<String>(&server, "XADD refused * order_id 1 amount 1");
    wait_until(DEADLINE, "its handler to run", || {
        refused.stats().running == 1
    });
    // Its reads, its acknowledgements and its signs of life all fail.
    ask::<()>(&server, "ACL SETUSER clerk resetkeys ~*calm*");
    gate.open();
    wait_until(DEADLINE, "it to be refused", || {
        refused.stats().held_up == Some(ErrorKind::PermissionDenied)
    });
    // By a thread that waited after each refusal, these would take minutes.
    one_by_one(&server, "calm", &calm, 60);
    assert!(refused.is_running());
    assert_eq!(refused.stats().completed, 0);
    ask::<()>(&server, "ACL SETUSER clerk ~*");
    wait_until(DEADLINE, "its acknowledgement", || {
        refused.stats().completed == 1
    });
}

#[test]
fn others_go_on_while_a_consumer_stops() {
    let shop = Shop::open();
    let (gate, attempts) = (Gate::default(), Seen::default());
    let doorway = gate.doorway();
    let stopping = shop
        .manager
        .consume_fn::<Order>("stopping", quick("stopping").grace(DEADLINE), move |_| {
            doorway.pass();
            Ok(())
        })
        .unwrap();
    let noted = attempts.clone();
    let handler = move |order: &Delivery<Order>| -> HandlerResult {
        noted.push(order.attempt());
        match order.attempt() {
            1 => Err("once")?,
            _ => Ok(()),
        }
    };
    let config = quick("calm").retry(RetryPolicy::list([Duration::from_millis(10)]));
    let calm = shop.manager.consume("calm", config, handler).unwrap();
    shop.add_by_hand("stopping", 1);
    wait_until(DEADLINE, "its handler to run", || {
        stopping.stats().running == 1
    });
    thread::scope(|scope| {
        let stop = scope.spawn(|| stopping.stop());
        wait_until(DEADLINE, "the stop to begin", || !stopping.is_running());
        // Parked, claimed when due, acknowledged.
        one_by_one(&shop.server, "calm", &calm, 5);
        assert!(!stop.is_finished());
        gate.open();
        let report = stop.join().unwrap();
        assert_eq!((report.completed, report.still_running), (1, 0));
    });
    assert_eq!(attempts.count(), 10);
}

#[test]
fn consumers_stop_at_the_same_time() {
    const CONSUMERS: u32 = 6;
    const GRACE: Duration = Duration::from_secs(4);
    let shop = Shop::open();
    let gate = Gate::default();
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|number| {
            let (stream, doorway) = (format!("orders-{number}"), gate.doorway());
            let config = quick(&stream).grace(GRACE);
            let hangs = move |_: &Delivery<Order>| -> HandlerResult {
                doorway.pass();
                Ok(())
            };
            let consumer = shop.manager.consume(&stream, config, hangs).unwrap();
            shop.add_by_hand(&stream, 1);
            consumer
        })
        .collect();
    wait_until(DEADLINE, "all handlers to run", || {
        consumers
            .iter()
            .all(|consumer| consumer.stats().running == 1)
    });
    // Each holds the same as long as its own stop lasts.
    let held = Arc::new(());
    let ended = thread::scope(|scope| {
        let held = &held;
        for consumer in &consumers {
            let held = Arc::clone(held);
            scope.spawn(move || {
                assert_eq!(consumer.stop().still_running, 1);
                drop(held);
            });
        }
        let all_end = || Arc::strong_count(held) == 1;
        // One by one, they take six graces.
        stream_tests::poll(GRACE * CONSUMERS / 2, || all_end().then_some(())).is_some()
    });
    assert!(ended);
    gate.open();
}

#[test]
fn a_handler_that_never_ends_holds_up_no_other_consumer() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let grace = Duration::from_millis(200);
    let hangs = manager
        .consume_fn::<Order>("hangs", quick("hangs").grace(grace), move |_| {
            doorway.pass();
            Ok(())
        })
        .unwrap();
    ask::<String>(&server, "XADD hangs * order_id 1 amount 1");
    let seen = Seen::default();
    let calm = manager
        .consume("calm", quick("calm"), noting(&seen))
        .unwrap();
    wait_until(DEADLINE, "its handler to run", || {
        hangs.stats().running == 1
    });
    one_by_one(&server, "calm", &calm, 3);
    assert_eq!(hangs.stop().still_running, 1);
    one_by_one(&server, "calm", &calm, 3);
    gate.open();
}
