//! `orders` with a backup stream.

use serde_json::json;
use stream_tests::Server;

use crate::DEADLINE;
use crate::support::{Done, entries, last_line, orders, run, status};

#[test]
fn orders_beyond_the_bound_wait_in_the_backup_stream_and_are_done_in_order() {
    let server = Server::start().unwrap();
    let args = "produce --count 500 --batch 20 --producer backup --max-length 40";
    let finished = run(&server, args);
    assert_eq!(
        last_line(&finished),
        "produced 40 main 460 backup 0 spooled"
    );
    assert_eq!(status(&server)["length"], 40);
    assert_eq!(status(&server)["backup"], 460);

    // No producer is left, so the worker moves them on.
    let done = Done::new();
    let args = "work --workers 1 --read-count 20 --exit-when-idle 300 --done";
    let finished = orders(&server, args).arg(done.path()).run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    assert_eq!(
        last_line(&finished),
        "completed 500 failed 0 dead 0 released 0"
    );
    let order: Vec<_> = done.lines().into_iter().map(|[id, ..]| id).collect();
    assert!(
        order.iter().eq((0..500)
            .map(|n| format!("P-{n}"))
            .collect::<Vec<_>>()
            .iter())
    );
    assert_eq!(status(&server)["backup"], json!(0));
    let stored: String = server.command(&["HGET", "{orders}:meta", "retention:max_length"]);
    assert_eq!(stored, "40", "a worker changes no setting");
    assert_eq!(entries(&server, "orders").len(), 500);
}

#[test]
fn backup_producer_with_room_uses_the_stream_alone() {
    let server = Server::start().unwrap();
    let finished = run(&server, "produce --count 30 --threads 3 --producer backup");
    assert_eq!(last_line(&finished), "produced 30 main 0 backup 0 spooled");
    assert_eq!(status(&server)["length"], 30);
}
