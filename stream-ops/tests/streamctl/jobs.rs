//! Recurring jobs that were removed, and short waits for a run.

use stream_tests::Server;

use crate::crons::process;
use crate::support::{digest, run};

#[test]
fn a_removed_job_is_only_brought_back() {
    let server = Server::start().unwrap();
    let manager = process(&server);
    let crons = manager.crons("orders").unwrap();
    assert!(crons.remove("nightly").unwrap());
    manager.shutdown();
    let state = || run(&server, "cron ls orders -o json").json()["jobs"][0]["state"].clone();
    assert_eq!(state(), "removed");
    let before = digest(&server);
    let ran = run(&server, "cron run-now orders nightly --yes").ended(5);
    assert!(
        ran.err
            .contains("was removed; `streamctl cron resume orders nightly` brings it back"),
        "{}",
        ran.err
    );
    let ran = run(&server, "cron pause orders nightly --yes").ended(0);
    assert!(
        ran.out
            .starts_with("It is removed: the job `nightly` of `orders`."),
        "{}",
        ran.out
    );
    let ran = run(&server, "cron resume orders nightly").ended(0);
    assert!(ran.out.starts_with("Would resume the job"), "{}", ran.out);
    assert_eq!(digest(&server), before);
    run(&server, "cron resume orders nightly --yes").ended(0);
    assert_eq!(state(), "on");
    let before = digest(&server);
    let ran = run(&server, "cron resume orders nightly --yes").ended(0);
    assert!(
        ran.out
            .starts_with("It isn't paused: the job `nightly` of `orders`."),
        "{}",
        ran.out
    );
    assert_eq!(digest(&server), before);
}

#[test]
fn a_wait_is_a_second_at_least() {
    let server = Server::start().unwrap();
    process(&server).shutdown();
    let ran = run(&server, "cron run-now orders nightly --wait 10ms --yes").ended(1);
    assert!(!ran.err.contains("must be"), "{}", ran.err);
    let request = "{orders}:lock:run:nightly";
    assert_eq!(server.command::<u64>(&["EXISTS", request]), 0);
    assert_eq!(server.command::<u64>(&["EXISTS", "orders"]), 0);
}
