//! Start positions of groups, and the wait of a start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use stream_lib::{
    ConnectionConfig, ConsumerEvents, Delivery, ErrorKind, HandlerResult, StartFrom, StreamManager,
    events,
};
use stream_tests::{LogCapture, Server, wait_until};

use crate::support::{DEADLINE, HOUR, Order, Seen, Shop, noting, order, quick};

#[test]
fn group_begins_at_a_time() {
    let shop = Shop::open();
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for (id, order) in [
        ("999-7", "before"),
        ("1000-0", "at"),
        ("1000-5", "in"),
        ("1001-0", "after"),
    ] {
        shop.ask::<String>(&format!("XADD orders {id} order_id {order} amount 1"));
    }
    let all = ["before", "at", "in", "after"];
    let starts = [
        ("then", second, &all[1..]),
        ("within", second + Duration::from_micros(900), &all[1..]),
        ("later", second + Duration::from_millis(1), &all[3..]),
        ("old", SystemTime::UNIX_EPOCH - Duration::from_secs(1), &all),
        ("now", SystemTime::now() - Duration::from_hours(1), &[]),
    ];
    let seen = starts.map(|(group, time, _)| {
        let seen = Seen::default();
        let config = quick("orders")
            .workers(1)
            .group(group)
            .start_from(StartFrom::Time(time));
        shop.manager.consume(group, config, noting(&seen)).unwrap();
        seen
    });
    shop.ask::<String>("XADD orders * order_id new amount 1");
    for ((group, _, expected), seen) in starts.into_iter().zip(seen) {
        seen.wait_for(expected.len() + 1);
        let ids: Vec<_> = seen.all().into_iter().map(|(id, _)| id).collect();
        let expected: Vec<_> = expected.iter().copied().chain(["new"]).collect();
        assert_eq!(ids, expected, "the group `{group}`");
    }
}

#[test]
fn start_is_logged_with_stream_and_group() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let config = quick("ordres").group("misspelt").workers(2);
    let consumer = shop
        .manager
        .consume("c", config, noting(&Seen::default()))
        .unwrap();
    let line = format!(
        "the consumer `{}` of `ordres` in the group `misspelt` has started, with 2 workers",
        consumer.name().unwrap()
    );
    assert_eq!(log.containing(&line).len(), 1, "{:#?}", log.lines());
}

/// Runs `start` on a thread that outlives a test that fails.
fn must_return(start: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().spawn(start).unwrap();
    wait_until(DEADLINE, "the start", || thread.is_finished());
    thread.join().unwrap();
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is a handler, and never called"
)]
fn done(_: &Delivery<Order>) -> HandlerResult {
    Ok(())
}

#[test]
fn start_with_a_lazy_manager_waits_for_nothing() {
    let server = Server::start().unwrap();
    // With limits that nobody waits for here.
    let config = ConnectionConfig::new(server.url())
        .unwrap()
        .connect_timeout(HOUR)
        .response_timeout(HOUR);
    let manager = Arc::new(StreamManager::connect_lazy(config).unwrap());
    server.freeze();
    let starting = Arc::clone(&manager);
    must_return(move || {
        let consumer = starting.consume("c", quick("orders"), done).unwrap();
        assert!(consumer.is_running());
    });
    server.thaw();
    manager.add(&order("1")).unwrap();
    let consumer = manager.consumer("c").unwrap();
    wait_until(DEADLINE, "an order", || consumer.stats().completed == 1);
}

#[test]
fn start_takes_the_connect_timeout_at_most() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url())
        .unwrap()
        .connect_timeout(Duration::from_millis(300))
        .response_timeout(HOUR);
    let manager = Arc::new(StreamManager::connect_with(config).unwrap());
    // So that there is a connection already, which will not answer.
    manager.add(&order("1")).unwrap();
    server.freeze();
    let starting = Arc::clone(&manager);
    must_return(move || {
        let consumer = starting.consume("c", quick("orders"), done).unwrap();
        assert!(consumer.is_running());
    });
    server.thaw();
    let consumer = manager.consumer("c").unwrap();
    wait_until(DEADLINE, "the order", || consumer.stats().completed == 1);
}

#[derive(Default)]
struct Connections(AtomicUsize);

impl ConsumerEvents for Connections {
    fn connected(&self, _: &events::Connected<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn consumer_of_a_lazy_manager_tells_when_it_is_connected_and_why_it_ended() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_lazy(config).unwrap();
    let told = Arc::new(Connections::default());
    let events = quick("orders").events(Arc::clone(&told));
    let consumer = manager.consume("c", events, done).unwrap();
    for n in 1..=3 {
        manager.add(&order(n.to_string())).unwrap();
        wait_until(DEADLINE, "an order", || consumer.stats().completed == n);
    }
    assert_eq!(told.0.load(Ordering::SeqCst), 1);

    server.command::<()>(&["SET", "text", "no stream"]);
    let consumer = manager.consume("text", quick("text"), done).unwrap();
    wait_until(DEADLINE, "the end", || consumer.failure().is_some());
    assert_eq!(consumer.failure().unwrap().kind(), ErrorKind::WrongType);
}

#[test]
fn consumer_that_nobody_started_is_said_at_the_shutdown() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let create = |name| {
        shop.manager
            .create_consumer(name, quick(name), done)
            .unwrap()
    };
    create("forgotten");
    create("remembered").start().unwrap();
    create("removed");
    shop.manager.remove_consumer("removed").unwrap();
    shop.manager.shutdown();
    shop.manager.shutdown();
    let said = |name| {
        let line = format!(
            "the consumer of `{name}` in the group `{name}_group` was created and never started"
        );
        log.containing(&line).len()
    };
    assert_eq!(["forgotten", "remembered", "removed"].map(said), [1, 0, 0]);
}
