//! Entries that wait in `~waiting`, put there by one version and claimed by the other.

use std::collections::BTreeSet;

use stream_tests::wait_until;

use crate::field::{BOTH_WAYS, DEADLINE, Field, is_labelled, names, tell};

#[test]
#[ignore = "builds the first version: make upgrade"]
fn retries_that_one_version_has_parked_are_run_by_the_other() {
    const COUNT: usize = 20;
    for (from, to) in BOTH_WAYS {
        let Some(field) = Field::open() else { return };
        field.produce(from, &format!("--count {COUNT}"));
        // Each fails once, and comes back when the first worker is gone.
        let worker = field.work(from, "from", "--fail-every 1 --backoff-ms 15000");
        wait_until(DEADLINE, "all to wait", || {
            field.ask::<usize>("ZCARD {orders}:waiting:orders_group") == COUNT
        });
        Field::stop(&worker);
        assert!(field.done().is_empty(), "{:?}", field.done());
        let worker = field.work(to, "to", "");
        field.wait_until_done(&names("P", COUNT).collect());
        field.wait_until_settled();
        Field::stop(&worker);
        let done = field.done();
        tell(format_args!(
            "{COUNT} retries parked by {from:?}, run by {to:?}: {} done, {} at attempt 2",
            done.len(),
            done.iter().filter(|done| done.attempt == 2).count()
        ));
        assert_eq!(done.len(), COUNT);
        let are_right =
            |done: &crate::field::Done| done.attempt == 2 && is_labelled(&done.consumer, "to");
        assert!(done.iter().all(are_right), "{done:?}");
        assert_eq!(field.ask::<u64>("ZCARD {orders}:waiting:orders_group"), 0);
    }
}

#[test]
#[ignore = "builds the first version: make upgrade"]
fn entries_that_one_version_gives_back_are_first_deliveries_of_the_other() {
    const COUNT: usize = 12;
    for (from, to) in BOTH_WAYS {
        let Some(field) = Field::open() else { return };
        field.produce(from, &format!("--count {COUNT}"));
        let worker = field.work(from, "from", "--workers 1 --handler-ms 400");
        wait_until(DEADLINE, "a first one", || !field.done().is_empty());
        Field::stop(&worker);
        let given_back: usize = field.ask("ZCARD {orders}:waiting:orders_group");
        let worker = field.work(to, "to", "");
        field.wait_until_done(&names("P", COUNT).collect());
        field.wait_until_settled();
        Field::stop(&worker);
        let done = field.done();
        let orders: BTreeSet<_> = done.iter().map(|done| &done.order).collect();
        tell(format_args!(
            "{COUNT} orders, {given_back} given back by {from:?}: {} done by both, {} lines",
            orders.len(),
            done.len()
        ));
        assert_eq!(done.len(), COUNT);
        assert!(done.iter().all(|done| done.attempt == 1), "{done:?}");
    }
}
