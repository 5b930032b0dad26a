//! Settings that the first version has stored with a stream apply to this one.

use std::collections::{BTreeMap, BTreeSet};

use stream_tests::wait_until;

use crate::field::Version::{New, Old};
use crate::field::{DEADLINE, Field, names, tell};

#[test]
#[ignore = "builds the first version: make upgrade"]
fn capacity_that_the_first_version_stored_holds_for_this_one() {
    let Some(field) = Field::open() else { return };
    let words = "--count 60 --prefix A --producer backup --max-length 50";
    let said = field.produce(Old, words);
    assert_eq!(said, "produced 50 main 10 backup 0 spooled");
    let settings = || -> BTreeMap<String, String> {
        let mut settings: BTreeMap<String, String> = field.ask("HGETALL {orders}:meta");
        settings.retain(|name, _| name.starts_with("retention:max"));
        settings
    };
    let stored = settings();
    assert_eq!(stored["retention:max_length"], "50");

    // Without a word on lengths.
    let said = field.produce(New, "--count 20 --prefix B --producer backup");
    assert_eq!(said, "produced 0 main 20 backup 0 spooled");
    // Those of the first version would store a bound of their own.
    let workers = ["a", "b"].map(|label| field.work(New, label, "--workers 1 --handler-ms 10"));
    let all: BTreeSet<_> = names("A", 60).chain(names("B", 20)).collect();
    field.wait_until_done(&all);
    field.wait_until_settled();
    for worker in &workers {
        Field::stop(worker);
    }
    wait_until(DEADLINE, "an empty backup", || {
        field.ask::<u64>("XLEN {orders}:backup") == 0
    });
    tell(format_args!(
        "settings of the old: {stored:?} before and {:?} after, {} of {} orders done",
        settings(),
        field.done().len(),
        all.len()
    ));
    assert_eq!(settings(), stored);
    assert_eq!(field.repeated(), 0);
    assert_eq!(field.stream("orders").len(), 80);
}
