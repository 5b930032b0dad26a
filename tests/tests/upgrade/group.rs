//! Members of both versions in one group, some of which are killed.

use std::collections::BTreeSet;

use stream_tests::wait_until;

use crate::field::Version::{New, Old};
use crate::field::{DEADLINE, Field, names, tell};

#[test]
#[ignore = "builds the first version: make upgrade"]
fn group_of_both_versions_loses_no_order_when_members_of_each_are_killed() {
    const EACH: usize = 4_000;
    let Some(field) = Field::open() else { return };
    let mut all = BTreeSet::new();
    for (version, prefix) in [(Old, "O"), (New, "N")] {
        let said = field.produce(
            version,
            &format!("--count {EACH} --prefix {prefix} --batch 100"),
        );
        assert_eq!(said, format!("produced {EACH} main 0 backup 0 spooled"));
        all.extend(names(prefix, EACH));
    }
    let options = "--workers 4 --handler-ms 5 --lease-ms 2000 --max-deliveries 100";
    let mut workers: Vec<_> = [(Old, "a"), (New, "b"), (Old, "c"), (New, "d")]
        .map(|(version, label)| field.work(version, label, options))
        .into();
    // One of each version, each followed by one of the other.
    for (kill, (version, label)) in [(New, "e"), (Old, "f")].into_iter().enumerate() {
        wait_until(DEADLINE, "some progress", || {
            field.done().len() >= (kill + 1) * 2 * EACH / 4
        });
        workers.remove(0).kill();
        workers.push(field.work(version, label, options));
    }
    field.wait_until_done(&all);
    field.wait_until_settled();
    for worker in &workers {
        Field::stop(worker);
    }
    let done = field.done();
    let orders: BTreeSet<_> = done.iter().map(|done| done.order.clone()).collect();
    assert_eq!(orders, all);
    let dead: u64 = field.ask("XLEN {orders}:dead");
    // What was done twice was in the hands of one that was killed.
    let again = done.iter().filter(|done| done.attempt > 1).count();
    let repeated = field.repeated();
    tell(format_args!(
        "one group, 2 old and 2 new members, 2 kill -9: {} of {} orders done, {repeated} twice, \
         {again} taken over, {} pending, {dead} dead",
        orders.len(),
        all.len(),
        field.pending(),
    ));
    assert!(again >= repeated, "{repeated} repeats, {again} taken over");
    assert_eq!(dead, 0);
}
