//! Scenario 2: a worker that is frozen past its lease, and wakes up.

use std::collections::BTreeMap;

use stream_tests::wait_until;

use crate::store::{DEADLINE, Store, is_labelled};

#[test]
fn thawed_worker_never_takes_its_entry_back() {
    let store = Store::open();
    let options = "--workers 1 --lease-ms 500 --handler-ms 3000";
    let zombie = store.work("zombie", options);
    store.produce(1, "--prefix P");
    wait_until(DEADLINE, "the zombie to have it", || {
        store.held_by("zombie").len() == 1
    });
    // Frozen before its handler has begun, it would rightly not begin it later.
    wait_until(DEADLINE, "its handler to run, and a renewal", || {
        let facts: BTreeMap<String, String> = store.ask("HGETALL {orders}:facts:orders_group");
        let runs = |facts: &String| facts.contains(r#""running":1,"#);
        facts.values().any(runs) && store.server.calls("XCLAIM") > 0
    });
    zombie.freeze();
    let heir = store.work("heir", options);
    wait_until(DEADLINE, "the heir to take over", || {
        store.held_by("heir").len() == 1
    });
    zombie.thaw();

    // The zombie's handler ends before the heir's; until that one is done, the
    // entry stays with the heir.
    wait_until(DEADLINE, "both handlers to end", || {
        for pending in store.pending() {
            assert!(is_labelled(&pending.consumer, "heir"), "{pending:?}");
            assert_eq!(pending.deliveries, 2);
        }
        store.done().len() == 2
    });
    store.wait_until_settled();
    let done = store.done();
    let by = |label| done.iter().find(|d| is_labelled(&d.consumer, label));
    assert_eq!(by("zombie").map(|d| d.attempt), Some(1));
    assert_eq!(by("heir").map(|d| d.attempt), Some(2));
    let of_zombie = Store::stop(&zombie);
    assert_eq!(of_zombie, "completed 0 failed 0 dead 0 released 0");
    assert_eq!(Store::stop(&heir), "completed 1 failed 0 dead 0 released 0");
    assert!(zombie.stderr().contains("was lost"), "{}", zombie.stderr());
    assert!(store.consumers().is_empty());
}
