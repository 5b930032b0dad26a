//! `orders produce`.

use std::time::{Duration, Instant};

use stream_tests::{Server, wait_until};

use crate::DEADLINE;
use crate::support::{entries, field, last_line, orders, run};

#[test]
fn orders_read_naturally_in_the_stream() {
    let server = Server::start().unwrap();
    let finished = run(&server, "produce --count 2 --prefix A");
    assert_eq!(last_line(&finished), "produced 2 main 0 backup 0 spooled");
    assert_eq!(finished.stderr, "");
    let entries = entries(&server, "orders");
    assert_eq!(
        entries[1].1,
        [
            "order_id", "A-1", "user_id", "1", "amount", "0.01", "status", "pending"
        ]
    );
}

#[test]
fn each_thread_keeps_its_order_and_no_order_is_missing() {
    let server = Server::start().unwrap();
    let args = "produce --count 1000 --threads 3 --batch 7 --stream other";
    let finished = run(&server, args);
    assert_eq!(
        last_line(&finished),
        "produced 1000 main 0 backup 0 spooled"
    );
    let numbers: Vec<u64> = entries(&server, "other")
        .iter()
        .map(|entry| field(entry, "order_id")[2..].parse().unwrap())
        .collect();
    for thread in 0..3 {
        let of_thread = numbers.iter().filter(|n| *n % 3 == thread);
        assert!(of_thread.is_sorted(), "{numbers:?}");
    }
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..1000), "{numbers:?}");
}

#[test]
fn rate_holds_orders_back() {
    let server = Server::start().unwrap();
    let start = Instant::now();
    run(&server, "produce --count 21 --threads 2 --rate 40");
    // The last one is due after 20 of 40 parts of a second.
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert_eq!(entries(&server, "orders").len(), 21);
}

#[test]
fn failed_orders_are_named_and_stop_no_other() {
    let server = Server::start().unwrap();
    server.command::<()>(&["SET", "orders", "no stream"]);
    let producing = orders(&server, "produce --count 60 --rate 20").spawn();
    wait_until(DEADLINE, "the first failure", || {
        producing.stderr().contains("failed P-0: ")
    });
    server.command::<()>(&["DEL", "orders"]);

    assert_eq!(producing.wait(DEADLINE).code(), Some(1));
    let added = entries(&server, "orders");
    let failed = producing.stderr().matches("failed P-").count();
    assert!(!added.is_empty());
    assert_eq!(failed + added.len(), 60, "{}", producing.stderr());
    assert_eq!(field(&added[added.len() - 1], "order_id"), "P-59");
    let expected = format!("produced {} main 0 backup 0 spooled\n", added.len());
    assert_eq!(producing.stdout(), expected);
}
