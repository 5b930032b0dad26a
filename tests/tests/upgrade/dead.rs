//! Dead letters of one version, listed and put back by the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stream_tests::wait_until;

use crate::field::{BOTH_WAYS, DEADLINE, Field, names, tell};

#[test]
#[ignore = "builds the first version: make upgrade"]
fn dead_letters_of_one_version_are_put_back_by_the_other_for_the_group_that_failed() {
    const COUNT: usize = 5;
    for (from, to) in BOTH_WAYS {
        let Some(field) = Field::open() else { return };
        field.produce(from, &format!("--count {COUNT}"));
        let fails: Vec<_> = names("P", COUNT)
            .map(|name| format!("--fail-on {name}"))
            .collect();
        let fails = fails.join(" ");
        let options = format!("--max-deliveries 2 --backoff-ms 10 {fails}");
        let worker = field.work(from, "from", &options);
        // Another group has no trouble, and is not to see them twice.
        let other = field.work(from, "other", "--group other");
        wait_until(DEADLINE, "all to be dead", || {
            field.ask::<usize>("XLEN {orders}:dead") == COUNT
        });
        field.wait_until_done(&names("P", COUNT).collect());
        Field::stop(&worker);
        Field::stop(&other);
        let done_before = field.done().len();
        assert_eq!(done_before, COUNT, "by the other group");

        let listed = field.run(to, "dead list");
        let letters: Vec<Value> = listed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(letters.len(), COUNT);
        let mut failed = BTreeSet::new();
        for letter in &letters {
            assert_eq!(letter["reason"], "retries-exhausted");
            assert_eq!(letter["group"], "orders_group");
            assert_eq!(letter["deliveries"], 2);
            let mut fields = letter["fields"].as_array().unwrap().iter();
            let name = fields.find(|field| field[0] == "order_id").unwrap();
            failed.insert(name[1].as_str().unwrap().to_owned());
        }
        assert!(failed.into_iter().eq(names("P", COUNT)));
        let said = field.run(to, "dead redrive");
        assert_eq!(said.lines().last(), Some(&*format!("redriven {COUNT}")));

        let worker = field.work(to, "to", "");
        let other = field.work(to, "other-too", "--group other");
        wait_until(DEADLINE, "all to be done", || {
            field.done().len() >= done_before + COUNT
        });
        field.wait_until_settled();
        wait_until(DEADLINE, "the other group to have read them", || {
            let (pending, ..): (u64, redis::Value, redis::Value, redis::Value) =
                field.ask("XPENDING orders other");
            let read: Vec<BTreeMap<String, redis::Value>> = field.ask("XINFO GROUPS orders");
            let is_through = read.iter().all(|group| {
                let lag = group.get("lag").cloned().unwrap_or(redis::Value::Nil);
                lag == redis::Value::Int(0)
            });
            pending == 0 && is_through
        });
        Field::stop(&worker);
        Field::stop(&other);
        let done = field.done();
        tell(format_args!(
            "{COUNT} dead letters of {from:?}, put back by {to:?}: {} done, {} dead, {} by the \
             other group",
            done.len() - done_before,
            field.ask::<u64>("XLEN {orders}:dead"),
            done_before
        ));
        assert_eq!(done.len(), done_before + COUNT);
        assert_eq!(field.ask::<u64>("XLEN {orders}:dead"), 0);
    }
}
