//! `orders dead`.

use serde_json::Value;
use stream_tests::Server;

use crate::support::{entries, field, last_line, run, status};

/// A server with the orders P-2, P-3 and P-4 among the dead letters.
fn server_with_dead_letters() -> Server {
    let server = Server::start().unwrap();
    run(&server, "produce --count 10");
    let args = "work --workers 1 --fail-on P-2 --fail-on P-3 --fail-on P-4 --max-deliveries 2 \
                --backoff-ms 10 --exit-when-idle 200";
    let finished = run(&server, args);
    assert_eq!(
        last_line(&finished),
        "completed 7 failed 3 dead 3 released 0"
    );
    server
}

#[test]
fn list_says_why_each_order_is_there() {
    let server = server_with_dead_letters();
    let finished = run(&server, "dead list");
    let lines: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(line["group"], "orders_group");
        assert_eq!(
            (&line["deliveries"], &line["redrives"]),
            (&2.into(), &0.into())
        );
        assert_eq!(line["reason"], "retries-exhausted");
        assert_eq!(line["fields"][0][0], "order_id");
        let order = line["fields"][0][1].as_str().unwrap();
        let error = line["error"].as_str().unwrap();
        assert!(
            error.contains(&format!("told to fail at {order}")),
            "{error}"
        );
        assert_eq!(line["fields"].as_array().unwrap().len(), 4);
        // The entry itself is still in the stream.
        let id = line["original_id"].as_str().unwrap();
        let original = entries(&server, "orders").into_iter().find(|e| e.0 == id);
        assert_eq!(field(&original.unwrap(), "order_id"), order);
    }
    let first = run(&server, "dead list --limit 1");
    assert_eq!(first.stdout.lines().next(), finished.stdout.lines().next());
    assert_eq!(first.stdout.lines().count(), 1);
    assert_eq!(status(&server)["dead"], 3);
}

#[test]
fn redriven_orders_are_worked_on_again() {
    let server = server_with_dead_letters();
    let finished = run(&server, "dead redrive --limit 1");
    assert_eq!(finished.stdout, "3 dead letters\nredriven 1\n");
    let finished = run(&server, "dead redrive");
    assert_eq!(finished.stdout, "2 dead letters\nredriven 2\n");
    assert_eq!(status(&server)["dead"], 0);

    let finished = run(&server, "work --exit-when-idle 200");
    assert_eq!(
        last_line(&finished),
        "completed 3 failed 0 dead 0 released 0"
    );
    assert_eq!(run(&server, "dead list").stdout, "");
}
