//! Scenario 15: outputs in one step with the acknowledgement, under kills and freezes.

use std::collections::{BTreeMap, BTreeSet};

use stream_tests::{Process, wait_until};

use crate::store::{DEADLINE, Store, orders};

/// How often each order stands in the output stream.
#[track_caller]
fn outputs(store: &Store) -> BTreeMap<String, usize> {
    let entries: Vec<(String, BTreeMap<String, String>)> = store.ask("XRANGE settled - +");
    let mut counts = BTreeMap::new();
    for (_, mut fields) in entries {
        *counts
            .entry(fields.remove("order_id").unwrap())
            .or_default() += 1;
    }
    counts
}

#[test]
fn each_order_has_one_output_although_workers_are_killed_and_frozen() {
    const ORDERS: usize = 6_000;
    const BLOWS: usize = 10;
    let store = Store::open();
    store.produce(ORDERS, "--prefix P --batch 100");
    let start = |number: usize| -> Process {
        let options = "--workers 4 --handler-ms 3 --lease-ms 500 --max-deliveries 1000 \
                       --emit settled --fail-every 50 --backoff-ms 20";
        store.work(&format!("w{number}"), options)
    };
    let mut workers: Vec<_> = (0..3).map(start).collect();
    let mut frozen: Vec<Process> = Vec::new();
    for blow in 1..=BLOWS {
        wait_until(DEADLINE, "some progress", || {
            store.ask::<usize>("XLEN settled") >= blow * ORDERS / (BLOWS + 2)
        });
        // Those that were frozen wake up to find that others have their orders.
        for worker in frozen.drain(..) {
            worker.thaw();
            workers.push(worker);
        }
        let victim = workers.remove(0);
        if blow % 2 == 0 {
            victim.kill();
            workers.push(start(2 + blow));
        } else {
            victim.freeze();
            frozen.push(victim);
            workers.push(start(2 + blow));
        }
    }
    for worker in frozen.drain(..) {
        worker.thaw();
        workers.push(worker);
    }
    let all = orders("P", ORDERS);
    store.wait_until_done(&all);
    store.wait_until_settled();
    for worker in &workers {
        Store::stop(worker);
    }
    let outputs = outputs(&store);
    let repeated: Vec<_> = outputs.iter().filter(|(_, count)| **count > 1).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
    let found: BTreeSet<String> = outputs.into_keys().collect();
    assert_eq!(found, all);
    assert!(store.dead().is_empty(), "{:?}", store.dead());
}
