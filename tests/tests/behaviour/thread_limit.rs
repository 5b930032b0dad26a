//! Starts while the system has no thread left.
//!
//! A limit on threads doesn't bind root, so these tests take the memory for their
//! stacks away. They run in processes of their own.

use std::env;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use stream_lib::{Delivery, ErrorKind, HandlerResult, StreamManager};
use stream_tests::{LogCapture, Program, Server, wait_until};

use crate::support::{DEADLINE, Order, ask, order, quick};

/// Where a test in a process of its own finds the server.
const URL: &str = "STREAM_TEST_URL";

/// Runs an ignored test of this file in a process whose threads have stacks of so
/// many bytes.
fn run(test: &str, server: &Server, stack: u64) {
    let program = Program::at(env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .arg(format!("thread_limit::{test}"))
        .env(URL, server.url())
        .env("RUST_MIN_STACK", stack.to_string())
        // A thread's own arena would count, too.
        .env("MALLOC_ARENA_MAX", "1");
    let finished = program.run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    assert!(finished.stdout.contains("1 passed"), "{finished:#?}");
    assert!(!finished.stderr.contains("panicked"), "{finished:#?}");
}

#[test]
fn connecting_without_a_thread_is_an_error() {
    let server = Server::start().unwrap();
    // More than there are addresses.
    run("connects_without_a_thread", &server, 1 << 47);
}

#[test]
#[ignore = "run by the test beside it, in a process of its own"]
fn connects_without_a_thread() {
    let error = StreamManager::connect(env::var(URL).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System, "{error}");
    assert!(error.to_string().contains("out of threads"), "{error}");
}

const MIB: u64 = 1 << 20;
const STACK: u64 = 512 * MIB;

#[test]
fn consumer_that_finds_too_few_threads_leaves_nothing_behind() {
    let server = Server::start().unwrap();
    run("starts_with_few_threads", &server, STACK);
    let groups: Vec<redis::Value> = ask(&server, "XINFO GROUPS orders");
    assert_eq!(groups.len(), 1);
    let pending: redis::Value = ask(&server, "XPENDING orders orders_group");
    assert!(
        format!("{pending:?}").starts_with("array([int(0)"),
        "{pending:?}"
    );
}

/// Leaves memory for so many more threads.
fn allow(threads: u64) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    let limit = pages * rustix::param::page_size() as u64 + threads * STACK + STACK / 2;
    let limit = Rlimit {
        current: Some(limit),
        maximum: None,
    };
    setrlimit(Resource::As, limit).unwrap();
}

#[test]
#[ignore = "run by the test beside it, in a process of its own"]
fn starts_with_few_threads() {
    let manager = StreamManager::connect(env::var(URL).unwrap()).unwrap();
    let client = redis::Client::open(env::var(URL).unwrap()).unwrap();
    let mut connection = client.get_connection().unwrap();
    manager.add(&order("1")).unwrap();
    let handled = Arc::new(());
    let mut failed = 0;
    for threads in 0..20 {
        allow(threads);
        let held = Arc::clone(&handled);
        let handler = move |_: &Delivery<Order>| -> HandlerResult {
            let _ = &held;
            Ok(())
        };
        match manager.consume("c", quick("orders"), handler) {
            Ok(consumer) => {
                assert!(failed >= 4, "after {failed} failures");
                consumer.stop();
                manager.shutdown();
                return;
            }
            Err(e) => {
                failed += 1;
                assert_eq!(e.kind(), ErrorKind::System, "{e}");
                let consumers: Vec<redis::Value> = redis::cmd("XINFO")
                    .arg(&["CONSUMERS", "orders", "orders_group"])
                    .query(&mut connection)
                    .unwrap();
                assert!(consumers.is_empty(), "{threads} threads: {consumers:?}");
                assert_eq!(Arc::strong_count(&handled), 1, "threads are left");
                assert!(manager.list_consumers().is_empty());
            }
        }
    }
    panic!("it never started");
}

const PARTITIONS: usize = 4;

#[test]
fn partitions_that_find_no_threads_go_to_others_and_are_told_once() {
    let server = Server::start().unwrap();
    let declared: u64 = ask(
        &server,
        &format!("HSET {{orders}}:meta partitions {PARTITIONS}"),
    );
    assert_eq!(declared, 1);
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = quick("orders").lease(LEASE);
    let handler = |_: &Delivery<Order>| Ok(());
    let consumer = manager.consume("c", config, handler).unwrap();
    let has_all = || consumer.partitions().is_some_and(|p| p.len() == PARTITIONS);
    wait_until(DEADLINE, "all partitions to be read", has_all);
    run("finds_no_threads_for_its_partitions", &server, STACK);
    manager.shutdown();
}

const LEASE: Duration = Duration::from_secs(3);

#[test]
#[ignore = "run by the test beside it, in a process of its own"]
fn finds_no_threads_for_its_partitions() {
    let log = LogCapture::start();
    let manager = StreamManager::connect(env::var(URL).unwrap()).unwrap();
    let client = redis::Client::open(env::var(URL).unwrap()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let begun = (0..20).find_map(|threads| {
        allow(threads);
        let handler = |_: &Delivery<Order>| Ok(());
        let config = quick("orders").lease(LEASE).consumer("poor");
        manager.consume("c", config, handler).ok()
    });
    let consumer = begun.expect("it never started");
    let lines = || log.containing("can't be read here");
    wait_until(DEADLINE, "no thread to be left", || !lines().is_empty());
    let mut owners = || -> Vec<Option<String>> {
        let lock = |n| format!("{{orders:{n}}}:lock:owner:orders_group");
        let locks: Vec<_> = (0..PARTITIONS).map(lock).collect();
        let owner = |lock| redis::cmd("GET").arg(lock).query(&mut connection).unwrap();
        locks.iter().map(owner).collect()
    };
    wait_until(DEADLINE, "the other one to have all partitions", || {
        let is_others =
            |owner: &Option<String>| owner.as_ref().is_some_and(|name| !name.starts_with("poor"));
        owners().iter().all(is_others)
    });
    assert_eq!(consumer.partitions(), Some(Vec::new()));
    assert_eq!(lines().len(), 1, "{:?}", lines());
    manager.shutdown();
}
