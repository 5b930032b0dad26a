//! Scenario 14, rates: several processes keep one rate.

use stream_tests::{Process, wait_until};

use crate::store::{DEADLINE, Store};

const ORDERS: usize = 400;
/// From one order to the next, in ms.
const INTERVAL: u64 = 10;

#[test]
fn rate_is_kept_over_processes() {
    let store = Store::open();
    store.produce(ORDERS, "--prefix P --batch 100");
    let (seconds, micros): (u64, u64) = store.ask("TIME");
    let began = seconds * 1_000 + micros / 1_000;
    let start = |number: usize| -> Process {
        let options = "--workers 4 --rate 100 --emit begun";
        store.work(&format!("w{number}"), options)
    };
    let workers: Vec<_> = (0..4).map(start).collect();
    wait_until(DEADLINE, "all to be done", || {
        store.ask::<usize>("XLEN begun") >= ORDERS
    });
    let done = store.done();
    for worker in &workers {
        Store::stop(worker);
    }
    // The ids of the outputs are the server's times of the acknowledgements, which only
    // come later than the turns: so many orders take so long at least, wherever one looks.
    let entries: Vec<(String, Vec<String>)> = store.ask("XRANGE begun - +");
    assert_eq!(entries.len(), ORDERS);
    for (number, (id, _)) in (0..).zip(&entries) {
        let (time, _) = id.split_once('-').unwrap();
        let time: u64 = time.parse().unwrap();
        let earliest = began + number * INTERVAL;
        // The clock of milliseconds is cut off.
        assert!(
            time + 2 >= earliest,
            "order {number} came {} ms early",
            earliest - time
        );
    }
    // More than one of them had a share.
    let by = done.iter().map(|done| &done.consumer);
    let by: std::collections::BTreeSet<_> = by.collect();
    assert!(by.len() > 1, "{by:?}");
}
