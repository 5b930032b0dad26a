//! Scenario 10: stops of workers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};

use stream_tests::wait_until;

use crate::store::{DEADLINE, PIPE, Store, is_labelled, orders};

#[test]
fn stopped_worker_hands_its_buffer_to_a_peer_as_if_never_delivered() {
    const ORDERS: usize = 400;
    let store = Store::open();
    // Quick enough that it reads ahead.
    let leaver = store.work("leaver", "--workers 2 --lease-ms 60000 --handler-ms 50");
    store.produce(ORDERS, "--prefix P");
    wait_until(DEADLINE, "a full buffer", || {
        store.held_by("leaver").len() > 10
    });
    let held = store.held_by("leaver").len();
    leaver.terminate();
    wait_until(DEADLINE, "the buffer to be given back", || {
        store.held_by("leaver").len() <= 2
    });
    let peer = store.work("peer", "--workers 8 --lease-ms 60000");
    let all = orders("P", ORDERS);
    store.wait_until_done(&all);
    let status = leaver.wait(DEADLINE);
    assert!(status.success(), "{}", leaver.stderr());
    store.wait_until_settled();
    assert!(store.repeats().is_empty(), "{:?}", store.repeats());
    let done = store.done();
    assert!(done.iter().all(|d| d.attempt == 1), "as if never delivered");
    let by_peer = done
        .iter()
        .filter(|d| is_labelled(&d.consumer, "peer"))
        .count();
    assert!(by_peer >= held - 4, "{by_peer} of {held} by the peer");
    assert!(
        store
            .consumers()
            .iter()
            .all(|name| is_labelled(name, "peer"))
    );
    Store::stop(&peer);
    assert!(store.consumers().is_empty());
}

#[test]
fn peer_has_the_buffer_while_the_last_handler_still_runs() {
    let store = Store::open();
    let (path, mut ledger) = store.pipe();
    let words = "work --consumer leaver --workers 1 --lease-ms 300000 --grace-ms 60000";
    let leaver = store.orders(words).arg("--done").arg(path).spawn();
    // A quick handler, so that the worker reads ahead; then one that runs for as long
    // as nothing more fits into its ledger.
    store.produce(1, "--prefix FIRST");
    let mut first = String::new();
    BufReader::new(&ledger).read_line(&mut first).unwrap();
    assert!(first.starts_with("FIRST-0\t1\t"), "{first}");
    ledger.write_all(&vec![b'\n'; PIPE]).unwrap();
    store.produce(4, "--prefix P");
    wait_until(DEADLINE, "one to run and three to be buffered", || {
        store.held_by("leaver").len() == 4
    });
    leaver.terminate();
    let peer = store.work("peer", "--workers 1 --lease-ms 300000");
    wait_until(DEADLINE, "the peer to be done with three", || {
        store.done().len() == 3
    });
    assert!(leaver.is_running(), "its handler still runs");
    assert_eq!(store.held_by("leaver").len(), 1);
    assert!(store.done().iter().all(|d| d.attempt == 1));

    // A second signal ends it at once.
    leaver.terminate();
    assert!(!leaver.wait(DEADLINE).success());
    assert_eq!(store.held_by("leaver").len(), 1, "its lease lapses");
    Store::stop(&peer);
}

#[test]
fn rolling_restarts_leave_no_consumer_behind() {
    const ROUNDS: usize = 200;
    const EACH: usize = 5;
    let store = Store::open();
    let options = "--workers 2 --handler-ms 2 --lease-ms 60000";
    let mut running = store.work("r0", options);
    let mut expected = BTreeSet::new();
    for round in 1..=ROUNDS {
        let prefix = format!("R{round}");
        store.produce(EACH, &format!("--prefix {prefix}"));
        expected.extend(orders(&prefix, EACH));
        let label = format!("r{round}");
        let next = store.work(&label, options);
        // A signal that comes before the program could ask for it just kills.
        wait_until(DEADLINE, "the next one to join", || {
            store.has_joined(&label)
        });
        running.terminate();
        let status = running.wait(DEADLINE);
        assert!(status.success(), "{}", running.stderr());
        running = next;
    }
    store.wait_until_done(&expected);
    store.wait_until_settled();
    Store::stop(&running);
    assert!(store.consumers().is_empty(), "{:?}", store.consumers());
    assert!(store.repeats().is_empty(), "{:?}", store.repeats());
    assert!(store.done().iter().all(|d| d.attempt == 1));
}
