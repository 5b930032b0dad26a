//! Scenario 4: orders that can't be completed, among good ones.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use stream_tests::{Process, wait_until};

use crate::store::{DEADLINE, Store, is_labelled, orders};

const GOOD: usize = 300;

#[test]
fn each_bad_order_dies_once_and_takes_no_good_one_along() {
    let store = Store::open();
    let bad = "--fail-on P-40 --panic-on P-80 --abort-on P-120 --abort-on P-121";
    let options = format!(
        "{bad} --workers 2 --handler-ms 1 --lease-ms 500 --backoff-ms 20 --max-deliveries 3"
    );
    store.produce(GOOD, "--prefix P --batch 100");
    let undecodable: String = store.ask("XADD orders * order_id U-1 amount lots");
    let ids = ids_by_order(&store);
    let lives = Cell::new(0);
    let start = || -> Process {
        lives.set(lives.get() + 1);
        store.work(&format!("w{}", lives.get()), &options)
    };
    // A supervisor: who aborts is started again.
    let mut workers = [start(), start()];
    wait_until(DEADLINE, "five dead letters and nothing pending", || {
        for worker in &mut workers {
            if !worker.is_running() {
                *worker = start();
            }
        }
        store.dead().len() >= 5 && store.pending().is_empty()
    });
    // Each aborting order ends a life three times, the two together at least
    // as often.
    assert!(lives.get() > 2 + 3, "{} lives", lives.get());

    let expected = [
        ("P-40", "retries-exhausted", "told to fail"),
        ("P-80", "retries-exhausted", "told to panic"),
        ("P-120", "crashed", "death of its process"),
        ("P-121", "crashed", "death of its process"),
        ("U-1", "undecodable", "Order"),
    ];
    let dead: BTreeMap<_, _> = store
        .dead()
        .into_iter()
        .map(|letter| (letter.get("order_id").cloned().unwrap_or_default(), letter))
        .collect();
    assert_eq!((dead.len(), store.dead().len()), (5, 5), "{dead:#?}");
    for (order, reason, error) in expected {
        let letter = dead.get(order).unwrap();
        let field = |name: &str| letter.get(name).map_or("", String::as_str);
        // The last try of one that fails by itself may have run beside an
        // aborting one.
        let beside = reason == "retries-exhausted" && field("~reason") == "crashed";
        if !beside {
            assert_eq!(field("~reason"), reason, "{order}");
            assert!(field("~error").contains(error), "{order}: {letter:?}");
        }
        assert_eq!(field("~group"), "orders_group");
        let id = if order == "U-1" {
            &undecodable
        } else {
            ids.get(order).unwrap()
        };
        assert_eq!(field("~id"), id, "{order}");
        let deliveries: u32 = field("~deliveries").parse().unwrap();
        assert!(deliveries == 3 || order == "U-1", "{order}: {deliveries}");
    }
    let good: BTreeSet<_> = orders("P", GOOD)
        .into_iter()
        .filter(|order| !dead.contains_key(order))
        .collect();
    assert_eq!(
        store.done_orders(),
        good,
        "also what ran beside an aborting one"
    );

    // Workers that start, find nothing and end add no attempts.
    let done = store.done().len();
    for worker in &workers {
        Store::stop(worker);
    }
    for _ in 0..3 {
        let idle = start();
        wait_until(DEADLINE, "it to have joined", || {
            let name = format!("w{}", lives.get());
            store.consumers().iter().any(|c| is_labelled(c, &name))
        });
        Store::stop(&idle);
    }
    assert_eq!((store.done().len(), store.dead().len()), (done, 5));
    let last = format!("w{}", lives.get());
    let joined = |name: &String| is_labelled(name, &last);
    assert!(!store.consumers().iter().any(joined));
}

/// The id of each order's entry.
fn ids_by_order(store: &Store) -> BTreeMap<String, String> {
    let entries: Vec<(String, BTreeMap<String, String>)> = store.ask("XRANGE orders - +");
    entries
        .into_iter()
        .filter_map(|(id, fields)| Some((fields.get("order_id")?.clone(), id)))
        .collect()
}
