//! `orders work`: the handling of orders.

use std::os::unix::process::ExitStatusExt;

use stream_tests::Server;

use crate::DEADLINE;
use crate::support::{Done, entries, field, last_line, orders, run, status};

const SIGABRT: i32 = 6;

fn number(order: &str) -> u64 {
    order.rsplit('-').next().unwrap().parse().unwrap()
}

#[test]
fn entry_made_by_hand_is_an_order() {
    let server = Server::start().unwrap();
    let entry = "XADD orders * order_id A-1 user_id 7 amount 9.5 status pending";
    server.command::<String>(&entry.split(' ').collect::<Vec<_>>());
    let done = Done::new();
    let finished = orders(&server, "work --consumer alice --exit-when-idle 200 --done")
        .arg(done.path())
        .run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    assert_eq!(
        last_line(&finished),
        "completed 1 failed 0 dead 0 released 0"
    );
    let lines = done.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0][..2], ["A-1", "1"]);
    assert!(lines[0][2].starts_with("alice-"), "{lines:?}");
}

#[test]
fn every_so_many_orders_fail_or_panic_once() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 120 --batch 100");
    let done = Done::new();
    let args = "work --fail-every 10 --panic-every 30 --backoff-ms 20 --exit-when-idle 300 --done";
    let finished = orders(&server, args).arg(done.path()).run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    assert_eq!(
        last_line(&finished),
        "completed 120 failed 12 dead 0 released 0"
    );
    let attempts = done.attempts();
    assert_eq!(attempts.len(), 120);
    for (order, attempt) in attempts {
        let expected = if number(&order).is_multiple_of(10) {
            2
        } else {
            1
        };
        assert_eq!(attempt, expected, "{order}");
    }
    // A panic says one line, and no more; the log has the failures.
    let lines = finished.stderr.lines();
    let (logged, said): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains(" WARN "));
    assert_eq!(said.len(), 4, "{finished:#?}");
    let panicked = |line: &&str| line.contains("told to panic at P-");
    assert!(said.iter().all(panicked), "{finished:#?}");
    let failed = |line: &&str| line.contains(" failed");
    assert!(logged.iter().all(failed), "{finished:#?}");
}

#[test]
fn orders_that_never_succeed_go_to_the_dead_letters() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 20");
    let done = Done::new();
    let args = "work --fail-on P-3 --fail-on P-4 --panic-on P-5 --max-deliveries 2 \
                --backoff-ms 20 --exit-when-idle 300 --done";
    let finished = orders(&server, args).arg(done.path()).run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    assert_eq!(
        last_line(&finished),
        "completed 17 failed 3 dead 3 released 0"
    );
    assert_eq!(done.attempts().len(), 17);
    let mut dead: Vec<_> = entries(&server, "{orders}:dead")
        .iter()
        .map(|entry| {
            (
                field(entry, "order_id").to_owned(),
                field(entry, "~error").to_owned(),
            )
        })
        .collect();
    dead.sort();
    assert_eq!(
        dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["P-3", "P-4", "P-5"]
    );
    assert!(dead[0].1.contains("told to fail at P-3"), "{dead:?}");
    assert!(dead[2].1.contains("told to panic at P-5"), "{dead:?}");
    assert_eq!(status(&server)["dead"], 3);
}

#[test]
fn orders_of_a_process_that_aborted_are_done_after_the_lease() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 10");
    let done = Done::new();
    let aborted = orders(
        &server,
        "work --workers 1 --abort-on P-4 --lease-ms 300 --done",
    )
    .arg(done.path())
    .run(DEADLINE);
    assert_eq!(aborted.status.signal(), Some(SIGABRT), "{aborted:#?}");
    assert!(aborted.stderr.contains("aborting at P-4"), "{aborted:#?}");
    assert!(!done.lines().iter().any(|[order, ..]| order == "P-4"));

    let finished = orders(&server, "work --lease-ms 300 --exit-when-idle 1500 --done")
        .arg(done.path())
        .run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    let orders: std::collections::BTreeSet<_> =
        done.lines().into_iter().map(|[order, ..]| order).collect();
    assert_eq!(orders.len(), 10);
    let retried = done.lines().into_iter().find(|[order, ..]| order == "P-4");
    assert_eq!(retried.unwrap()[1], "2");
}

#[test]
fn group_and_stream_have_the_names_given() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 3 --stream jobs");
    run(
        &server,
        "work --stream jobs --group mine --exit-when-idle 100",
    );
    let finished = run(&server, "status --stream jobs");
    let status: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(status["groups"][0]["name"], "mine");
    run(&server, "work --stream jobs --exit-when-idle 100");
    let finished = run(&server, "status --stream jobs");
    assert!(finished.stdout.contains("jobs_group"), "{finished:#?}");
}

#[test]
fn read_count_bounds_what_one_read_brings() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 50 --batch 50");
    run(&server, "work --read-count 1 --exit-when-idle 100");
    let one_by_one = server.calls("xreadgroup");
    assert!(one_by_one >= 50, "{one_by_one} reads");

    run(&server, "produce --count 50 --batch 50");
    run(&server, "work --exit-when-idle 100");
    let together = server.calls("xreadgroup") - one_by_one;
    assert!(together < 50, "{together} reads");
}
