//! `orders work`: its end.

use stream_tests::{Process, Server, wait_until};

use crate::DEADLINE;
use crate::support::{Done, last_line, orders, run, status};

#[test]
fn idle_worker_waits_for_retries() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 1");
    let args = "work --fail-every 1 --backoff-ms 1500 --exit-when-idle 400";
    let finished = run(&server, args);
    assert_eq!(
        last_line(&finished),
        "completed 1 failed 1 dead 0 released 0"
    );
}

#[test]
fn idle_worker_waits_for_a_long_handler() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 1");
    let finished = run(&server, "work --handler-ms 1200 --exit-when-idle 200");
    assert_eq!(
        last_line(&finished),
        "completed 1 failed 0 dead 0 released 0"
    );
}

#[test]
fn idle_worker_waits_for_orders_that_were_lost_on_their_way_to_it() {
    const ORDERS: usize = 40;
    let server = Server::start().unwrap();
    // It closes connections that have more to read.
    let limit = "normal 8mb 8mb 0";
    server.command::<()>(&["CONFIG", "SET", "client-output-buffer-limit", limit]);
    let pad = "x".repeat(1 << 20);
    for number in 0..ORDERS {
        let id = format!("P-{number}");
        let order = ["order_id", &id, "user_id", "7", "amount", "9.5"];
        let rest = ["status", "pending", "pad", &pad];
        let add = [&["XADD", "orders", "*"][..], &order, &rest].concat();
        server.command::<String>(&add);
    }
    let finished = run(&server, "work --workers 4 --exit-when-idle 300");
    assert_eq!(
        last_line(&finished),
        format!("completed {ORDERS} failed 0 dead 0 released 0")
    );
}

#[test]
fn signal_stops_a_worker_gracefully() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 40 --batch 40");
    let done = Done::new();
    let working = orders(&server, "work --workers 2 --handler-ms 300 --done")
        .arg(done.path())
        .spawn();
    wait_until(DEADLINE, "the first order to be done", || {
        !done.lines().is_empty()
    });
    working.terminate();
    assert!(working.wait(DEADLINE).success(), "{}", working.stderr());

    // What ran is done, what was buffered is back, and nobody is left.
    let completed = done.attempts().len();
    let line = format!("completed {completed} failed 0 dead 0 released ");
    let stdout = working.stdout();
    let released: u64 = stdout.strip_prefix(&line).unwrap().trim().parse().unwrap();
    let group = &status(&server)["groups"][0];
    assert_eq!(group["waiting"], released);
    assert_eq!(group["pending"], released);
    assert_eq!(group["consumers"], 0);

    let rest = run(&server, "work --exit-when-idle 200");
    let line = format!("completed {} failed 0 dead 0 released 0", 40 - completed);
    assert_eq!(last_line(&rest), line);
}

#[test]
fn interrupt_stops_an_idle_worker_gracefully() {
    let server = Server::start().unwrap();
    let working = orders(&server, "work").spawn();
    wait_until(DEADLINE, "the worker to join", || {
        status(&server)["groups"][0]["consumers"] == 1
    });
    working.interrupt();
    assert!(working.wait(DEADLINE).success(), "{}", working.stderr());
    assert_eq!(working.stdout(), "completed 0 failed 0 dead 0 released 0\n");
}

#[test]
fn second_signal_stops_a_worker_at_once() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 20 --batch 20");
    let working = start_handlers(&server, "work --handler-ms 600000", 4);
    working.terminate();
    wait_until(DEADLINE, "the stop to be under way", || {
        working.stderr().contains("stopping")
    });
    assert!(working.is_running());
    working.terminate();
    assert_eq!(working.wait(DEADLINE).code(), Some(128 + 15));
}

#[test]
fn handlers_that_outlive_the_grace_are_no_graceful_stop() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 9 --batch 9");
    let args = "work --workers 3 --handler-ms 600000 --grace-ms 100";
    let working = start_handlers(&server, args, 3);
    working.terminate();
    assert_eq!(working.wait(DEADLINE).code(), Some(1));
    let stderr = working.stderr();
    assert!(stderr.contains("3 handlers still ran"), "{stderr}");
    assert_eq!(stderr.matches("working on").count(), 3);
    let pending = status(&server)["groups"][0]["pending"].as_u64().unwrap();
    let line = format!("completed 0 failed 0 dead 0 released {}\n", pending - 3);
    assert_eq!(working.stdout(), line);
}

/// A worker, once so many handlers run.
fn start_handlers(server: &Server, args: &str, handlers: usize) -> Process {
    let working = orders(server, args).env("RUST_LOG", "info").spawn();
    wait_until(DEADLINE, "handlers to run", || {
        working.stderr().matches("working on").count() == handlers
    });
    working
}

#[test]
fn worker_that_can_go_on_no_more_says_why() {
    let server = Server::start().unwrap();
    let working = orders(&server, "work").spawn();
    wait_until(DEADLINE, "the worker to join", || {
        status(&server)["groups"][0]["consumers"] == 1
    });
    server.command::<()>(&["SET", "orders", "no stream"]);
    assert_eq!(working.wait(DEADLINE).code(), Some(1));
    let stderr = working.stderr();
    let last = stderr.lines().last().unwrap_or("");
    assert!(last.starts_with("orders: "), "{stderr}");
    assert!(last.contains("WRONGTYPE"), "{stderr}");
    assert!(working.stdout().starts_with("completed 0 "));
}
