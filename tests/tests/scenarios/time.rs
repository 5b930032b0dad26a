//! Scenario 14: scheduled messages and recurring jobs of processes that are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::thread;

use stream_lib::{Cron, Missed, RawMessage, StreamManager};
use stream_tests::{Process, Program, wait_until};

use crate::store::{DEADLINE, Store, orders};

/// The entries of the stream, in order: id, and fields by name.
#[track_caller]
fn entries(store: &Store) -> Vec<(String, BTreeMap<String, String>)> {
    store.ask("XRANGE orders - +")
}

/// The first part of an id.
fn ms(id: &str) -> u64 {
    let (ms, _) = id.split_once('-').unwrap();
    ms.parse().unwrap()
}

#[test]
fn scheduled_orders_come_once_in_time_and_in_order_while_processes_are_killed() {
    const PRODUCERS: usize = 4;
    const EACH: usize = 5_000;
    const KILLS: usize = 12;
    let store = Store::open();
    let produce = |number: usize| -> Process {
        let words = format!("produce --count {EACH} --prefix P{number} --rate 500 --in-ms 3000");
        store.orders(&words).spawn()
    };
    let producers: Vec<_> = (0..PRODUCERS).map(produce).collect();
    // One that doesn't live to see any of its orders come.
    let doomed = "produce --count 5000 --prefix X --rate 500 --in-ms 3000";
    let doomed = store.orders(doomed).spawn();
    let start = |number: usize| -> Process {
        let options = "--workers 4 --lease-ms 500 --max-deliveries 100";
        store.work(&format!("w{number}"), options)
    };
    let mut workers: Vec<_> = (0..3).map(start).collect();
    wait_until(DEADLINE, "the doomed one to have scheduled some", || {
        store.ask::<u64>("ZCARD {orders}:due") > 1_000
    });
    doomed.kill();
    let all: BTreeSet<_> = (0..PRODUCERS)
        .flat_map(|number| orders(&format!("P{number}"), EACH))
        .collect();
    for kill in 1..=KILLS {
        wait_until(DEADLINE, "some progress", || {
            store.ask::<usize>("XLEN orders") >= kill * all.len() / (KILLS + 2)
        });
        workers.remove(0).kill();
        workers.push(start(2 + kill));
    }
    for producer in &producers {
        assert!(producer.wait(DEADLINE).success(), "{}", producer.stderr());
    }
    store.wait_until_done(&all);
    wait_until(DEADLINE, "nothing to be scheduled", || {
        store.ask::<u64>("ZCARD {orders}:due") == 0
    });
    store.wait_until_settled();
    for worker in &workers {
        Store::stop(worker);
    }
    let (mut seen, mut last_due) = (BTreeSet::new(), 0);
    for (id, fields) in entries(&store) {
        let (order, due) = (fields["order_id"].clone(), ms(&fields["~origin"]));
        assert!(ms(&id) >= due, "{order} came early: {id} {due}");
        assert!(due >= last_due, "{order} was overtaken: {due} {last_due}");
        last_due = due;
        assert!(seen.insert(order.clone()), "{order} came twice");
    }
    assert!(seen.is_superset(&all));
    let left: Vec<String> = store.ask("KEYS {orders}:*");
    let is_left = |end: &str| left.iter().any(|key| key.ends_with(end));
    assert!(!is_left(":later") && !is_left(":unique"), "{left:?}");
}

const JOBS: usize = 5;

/// Names the server to a process of its own.
const URL: &str = "STREAM_CRON_URL";

/// Not a test: a process that takes part in jobs, until it is killed.
#[test]
fn process_with_jobs() {
    let Ok(url) = env::var(URL) else { return };
    let manager = StreamManager::connect(url).unwrap();
    for number in 0..JOBS {
        let cron = Cron::parse("* * * * * *").unwrap();
        let cron = cron.missed(Missed::All(100));
        let message = || RawMessage::new().with("pid", std::process::id().to_string());
        manager
            .cron_to("orders", &format!("job-{number}"), cron, message)
            .unwrap();
    }
    loop {
        thread::park();
    }
}

#[test]
fn ticks_come_once_each_with_four_processes_under_kills() {
    const KILLS: usize = 25;
    const TICKS: usize = 12;
    let store = Store::open();
    let start = || -> Process {
        Program::at(env::current_exe().unwrap())
            .args(["--exact", "time::process_with_jobs", "--nocapture"])
            .env(URL, store.server.url())
            .spawn()
    };
    let mut processes: Vec<_> = (0..4).map(|_| start()).collect();
    let count = || store.ask::<usize>("XLEN orders");
    let mut killed = 0;
    while count() < TICKS * JOBS || killed < KILLS {
        let before = count();
        wait_until(DEADLINE, "another tick", || count() > before);
        // In the middle of the ticks of a second, more often than not.
        processes.remove(0).kill();
        killed += 1;
        processes.push(start());
    }
    for process in &processes {
        process.kill();
    }
    let mut ticks: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut by = BTreeSet::new();
    for (id, fields) in entries(&store) {
        let tick = fields["~tick"].parse().unwrap();
        assert!(ms(&id) >= tick, "{id} is before {tick}");
        ticks.entry(fields["~cron"].clone()).or_default().push(tick);
        by.insert(fields["pid"].clone());
    }
    assert_eq!(ticks.len(), JOBS);
    for (job, ticks) in ticks {
        assert!(ticks.len() >= TICKS - 1, "{job}: {ticks:?}");
        let expected = (0..).map(|n| ticks[0] + 1_000 * n);
        let expected: Vec<u64> = expected.take(ticks.len()).collect();
        assert_eq!(ticks, expected, "{job}");
    }
    assert!(by.len() > 1, "one process did all of it: {by:?}");
}
