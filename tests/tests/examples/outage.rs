//! Outages of the server under the programs.

use std::collections::BTreeSet;

use stream_tests::{Fsync, Server, wait_until};

use crate::DEADLINE;
use crate::support::{Done, entries, field, orders};

#[test]
fn every_confirmed_order_is_done_after_the_server_was_killed() {
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let done = Done::new();
    let working = orders(&server, "work --lease-ms 500 --handler-ms 5 --done")
        .arg(done.path())
        .spawn();
    let producing = orders(&server, "produce --count 300 --rate 150 --threads 2").spawn();
    wait_until(DEADLINE, "the first orders to be done", || {
        done.lines().len() > 20
    });
    server.restart();
    producing.wait(DEADLINE);

    let stderr = producing.stderr();
    let failed: BTreeSet<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("failed ")?.split(':').next())
        .collect();
    let confirmed = (0..300)
        .map(|n| format!("P-{n}"))
        .filter(|id| !failed.contains(id.as_str()));
    let confirmed: BTreeSet<String> = confirmed.collect();
    let expected = format!("produced {} main 0 backup 0 spooled\n", confirmed.len());
    assert_eq!(producing.stdout(), expected);

    let added = entries(&server, "orders");
    let added: BTreeSet<_> = added.iter().map(|e| field(e, "order_id")).collect();
    let finished = || -> BTreeSet<String> { done.lines().into_iter().map(|[id, ..]| id).collect() };
    assert!(confirmed.iter().all(|id| added.contains(id.as_str())));
    wait_until(DEADLINE, "every confirmed order to be done", || {
        confirmed.is_subset(&finished())
    });
    working.terminate();
    assert!(working.wait(DEADLINE).success(), "{}", working.stderr());
}
