//! Scenario 1: a handler that runs for many leases.

use crate::store::{Store, orders};

#[test]
fn slow_handlers_run_each_order_once() {
    const ORDERS: usize = 30;
    let store = Store::open();
    store.produce(ORDERS, "--prefix P");
    // A handler takes four leases, and what is buffered waits for several.
    let options = "--workers 2 --lease-ms 500 --handler-ms 2000";
    let workers = ["a", "b", "c"].map(|label| store.work(label, options));
    let all = orders("P", ORDERS);
    store.wait_until_done(&all);
    store.wait_until_settled();
    for worker in &workers {
        Store::stop(worker);
    }
    assert_eq!(store.done_orders(), all);
    assert!(store.repeats().is_empty(), "{:?}", store.repeats());
    for done in store.done() {
        assert_eq!(done.attempt, 1, "{done:?}");
    }
    assert!(store.consumers().is_empty());
    assert!(store.dead().is_empty());
}
