//! `orders produce --in-ms`, and `orders scheduled`.

use serde_json::Value;
use stream_tests::{Server, wait_until};

use crate::DEADLINE;
use crate::support::{Done, entries, field, last_line, orders, run, status};

/// What `orders scheduled list` prints.
fn list(server: &Server, args: &str) -> Vec<Value> {
    let finished = run(server, &format!("scheduled list {args}"));
    let lines = finished.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn scheduled_orders_are_listed_and_cancelled() {
    let server = Server::start().unwrap();
    let finished = run(&server, "produce --count 3 --in-ms 3600000");
    assert_eq!(last_line(&finished), "produced 3 main 0 backup 0 spooled");
    assert_eq!(status(&server)["scheduled"], 3);
    assert_eq!(status(&server)["length"], 0);
    let lines = list(&server, "");
    let names: Vec<_> = lines
        .iter()
        .map(|line| line["order_id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["P-0", "P-1", "P-2"]);
    let due = |line: &Value| line["due_ms"].as_u64().unwrap();
    assert!(due(&lines[0]) > 1_700_000_000_000 && lines.is_sorted_by_key(due));
    assert!(
        lines[0]["id"]
            .as_str()
            .unwrap()
            .starts_with("0000000000000001-")
    );
    assert_eq!(list(&server, "--limit 1"), lines[..1]);

    let finished = run(&server, "scheduled cancel --limit 2");
    let shown: Vec<_> = finished.stdout.lines().collect();
    assert_eq!(shown.len(), 3);
    assert!(shown[0].contains("\"P-0\"") && shown[1].contains("\"P-1\""));
    assert_eq!(shown[2], "cancelled 2");
    assert_eq!(list(&server, ""), lines[2..]);
    let finished = run(&server, "scheduled cancel");
    assert_eq!(last_line(&finished), "cancelled 1");
    assert_eq!(run(&server, "scheduled list").stdout, "");
}

#[test]
fn scheduled_orders_are_worked_on_when_they_are_due() {
    let server = Server::start().unwrap();
    let done = Done::new();
    // The producer has ended by then: the worker finds what it has left.
    run(&server, "produce --count 20 --in-ms 1000 --producer backup");
    let path = done.path();
    let args = format!("work --workers 1 --lease-ms 500 --done {}", path.display());
    let worker = orders(&server, &args).spawn();
    wait_until(DEADLINE, "all orders", || done.lines().len() == 20);
    worker.terminate();
    assert!(worker.wait(DEADLINE).success());
    for entry in entries(&server, "orders") {
        let due: u64 = field(&entry, "~origin")
            .strip_suffix("-0")
            .unwrap()
            .parse()
            .unwrap();
        let came: u64 = entry.0.split('-').next().unwrap().parse().unwrap();
        assert!(came >= due, "{entry:?}");
    }
    assert_eq!(status(&server)["scheduled"], 0);
}
