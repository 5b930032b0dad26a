//! Scenarios 5 and 6: streams that vanish, servers that die or freeze.

use std::collections::BTreeSet;

use stream_tests::{Fsync, Process, Server, wait_until};

use crate::store::{DEADLINE, Store, orders};

#[test]
fn vanished_stream_comes_back_with_few_words_and_no_busy_loop() {
    let store = Store::open();
    let worker = store.work("w", "--workers 2");
    let mut expected = BTreeSet::new();
    for (round, command) in ["DEL orders", "FLUSHALL", "DEL orders"].iter().enumerate() {
        wait_until(DEADLINE, "the reader to block", || {
            let clients: String = store.ask("CLIENT LIST");
            clients
                .lines()
                .any(|c| c.contains("cmd=xreadgroup") && c.contains("flags=b"))
        });
        store.ask::<redis::Value>(command);
        let prefix = format!("R{round}");
        store.produce(20, &format!("--prefix {prefix}"));
        expected.extend(orders(&prefix, 20));
        store.wait_until_done(&expected);
    }
    store.wait_until_settled();
    let calls = store.server.calls("xreadgroup") + store.server.calls("xgroup|create");
    assert!(calls < 1_000, "{calls} calls for 60 orders");
    Store::stop(&worker);
    let lines = worker.stderr().lines().count();
    assert!((3..=15).contains(&lines), "{}", worker.stderr());
    assert!(store.repeats().is_empty());
}

/// The orders that `produce` says it could not confirm.
fn failed(producer: &Process) -> BTreeSet<String> {
    let said = producer.stderr();
    let failed = said.lines().filter_map(|line| line.strip_prefix("failed "));
    failed
        .filter_map(|line| Some(line.split_once(':')?.0.to_owned()))
        .collect()
}

#[test]
fn killed_and_frozen_server_loses_no_confirmed_order() {
    const ORDERS: usize = 6_000;
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let store = Store::on(server);
    let options = "--workers 2 --lease-ms 2000 --backoff-ms 50";
    let workers = ["a", "b"].map(|label| store.work(label, options));
    let producer = store
        .orders(&format!(
            "produce --count {ORDERS} --prefix P --threads 4 --rate 400"
        ))
        .spawn();
    let progress = |share: usize| {
        wait_until(DEADLINE, "some progress", || {
            store.done().len() >= ORDERS * share / 10
        });
    };
    // The last word of a worker's log on how it fares, if there is one.
    let is_held_up = |worker: &Process| {
        let log = worker.stderr();
        let words = log
            .lines()
            .rfind(|line| line.contains("held up") || line.contains("works again"));
        words.is_some_and(|words| words.contains("held up"))
    };
    let all_work = || {
        wait_until(DEADLINE, "all workers to work", || {
            !workers.iter().any(is_held_up)
        });
    };
    progress(1);
    store.server.restart();
    progress(3);
    all_work();
    store.server.freeze();
    // Longer than any answer may take.
    wait_until(DEADLINE, "the workers to notice", || {
        workers.iter().all(is_held_up)
    });
    store.server.thaw();
    progress(5);
    all_work();
    store.server.kill();
    wait_until(DEADLINE, "a worker to notice", || {
        workers.iter().any(is_held_up)
    });
    store.server.restart();

    producer.wait(DEADLINE);
    let all = orders("P", ORDERS);
    let failed = failed(&producer);
    let confirmed: BTreeSet<_> = all.difference(&failed).cloned().collect();
    assert!(confirmed.len() > ORDERS / 2, "{} failed", failed.len());
    store.wait_until_done(&confirmed);
    store.wait_until_settled();
    assert!(store.done_orders().is_subset(&all));
    for worker in &workers {
        assert!(worker.is_running());
        let lines = worker.stderr().lines().count();
        assert!(lines <= 30, "{}", worker.stderr());
        Store::stop(worker);
    }
    assert!(store.consumers().is_empty(), "{:?}", store.consumers());
    assert!(store.dead().is_empty());
}
