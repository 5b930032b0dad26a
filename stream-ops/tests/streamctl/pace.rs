//! The rate of changes.

use std::time::{Duration, Instant};

use stream_tests::Server;

use crate::support::{letter, run};

/// Adds dead letters to a stream.
fn with_dead_letters(count: usize) -> Server {
    let server = Server::start().unwrap();
    server.command::<String>(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    for number in 0..count {
        letter(&server, number, "permanent", "no such customer", "1");
    }
    server
}

#[test]
fn a_redrive_is_held_back_to_its_rate() {
    let server = with_dead_letters(40);
    let plan = run(&server, "dlq redrive orders --rate 20").ended(0);
    assert!(
        plan.out
            .contains("At most 20 a second: it takes about 2.0 s.\n"),
        "{}",
        plan.out
    );
    let json = run(&server, "dlq redrive orders --rate 20 -o json").json();
    assert_eq!(json["at_most_per_second"], 20);
    let free = run(&server, "dlq redrive orders -o json").json();
    assert_eq!(free["at_most_per_second"], serde_json::Value::Null);
    run(&server, "dlq redrive orders --rate 0").ended(2);

    let began = Instant::now();
    let ran = run(&server, "dlq redrive orders --rate 20 --yes").ended(0);
    // Two at a time, and there is no wait after the last ones.
    assert!(began.elapsed() >= Duration::from_millis(1_900), "{ran:?}");
    assert!(
        ran.out.ends_with("Put back 40 dead letters.\n"),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 40);
}
