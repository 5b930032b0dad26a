//! Scenario 3: killed workers.

use stream_tests::{Process, wait_until};

use crate::store::{DEADLINE, Store, orders};

#[test]
fn killed_workers_lose_no_order() {
    const ORDERS: usize = 10_000;
    const KILLS: usize = 10;
    let store = Store::open();
    store.produce(ORDERS, "--prefix P --batch 100");
    let start = |number: usize| -> Process {
        let label = format!("w{number}");
        let options = "--workers 4 --handler-ms 3 --lease-ms 500 --max-deliveries 100";
        store.work(&label, options)
    };
    let mut workers: Vec<_> = (0..3).map(start).collect();
    for kill in 1..=KILLS {
        // Each time after some more work, always the one that lives longest.
        wait_until(DEADLINE, "some progress", || {
            store.done().len() >= kill * ORDERS / (KILLS + 2)
        });
        let victim = workers.remove(0);
        victim.kill();
        workers.push(start(2 + kill));
    }
    let all = orders("P", ORDERS);
    store.wait_until_done(&all);
    store.wait_until_settled();
    for worker in &workers {
        Store::stop(worker);
    }
    assert_eq!(store.done_orders(), all);
    assert!(store.dead().is_empty(), "{:?}", store.dead());
    let stats: Vec<redis::Value> = store.ask("XINFO GROUPS orders");
    assert_eq!(stats.len(), 1);
    // What was done twice was in the hands of a worker that was killed.
    let again = store.done().iter().filter(|d| d.attempt > 1).count();
    let repeats = store.repeats().len();
    assert!(again >= repeats, "{repeats} repeats, {again} taken over");
}
