//! A server, a ledger of completed orders, and `orders` processes on both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use redis::FromRedisValue;
use stream_tests::{Process, Program, Server, wait_until};
use tempfile::TempDir;

/// More than anything here needs, also on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// How much a pipe holds.
pub(crate) const PIPE: usize = 64 << 10;

/// One server with its stream `orders`.
pub(crate) struct Store {
    pub(crate) server: Server,
    dir: TempDir,
}

/// A line of the ledger: an order whose handler succeeded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Done {
    pub(crate) order: String,
    pub(crate) attempt: u32,
    pub(crate) consumer: String,
}

/// One pending entry, as `XPENDING` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) id: String,
    pub(crate) consumer: String,
    pub(crate) deliveries: u64,
}

impl Store {
    #[track_caller]
    pub(crate) fn open() -> Self {
        Self::on(Server::start().unwrap())
    }

    #[track_caller]
    pub(crate) fn on(server: Server) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { server, dir }
    }

    /// `orders produce`, to its end.
    #[track_caller]
    pub(crate) fn produce(&self, count: usize, options: &str) {
        let words = format!("produce --count {count} {options}");
        let finished = self.orders(&words).run(DEADLINE);
        assert!(finished.status.success(), "{}", finished.stderr);
        let tally = format!("produced {count} main 0 backup 0 spooled");
        assert!(finished.stdout.contains(&tally), "{}", finished.stdout);
    }

    /// `orders work`, running. Its label is the first word of its name.
    #[track_caller]
    pub(crate) fn work(&self, label: &str, options: &str) -> Process {
        let words = format!("work --consumer {label} {options}");
        self.orders(&words).arg("--done").arg(self.ledger()).spawn()
    }

    /// `orders`, not started yet.
    pub(crate) fn orders(&self, words: &str) -> Program {
        Program::example("orders")
            .args(words.split_whitespace())
            .redis_url(self.server.url())
            .env("RUST_BACKTRACE", "0")
    }

    /// A ledger that blocks who writes to it once [`PIPE`] bytes lie in it.
    #[track_caller]
    pub(crate) fn pipe(&self) -> (PathBuf, File) {
        let path = self.dir.path().join("pipe");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success(), "{made}");
        // Both ends, since each waits for the other to be opened.
        let pipe = File::options().read(true).write(true).open(&path).unwrap();
        (path, pipe)
    }

    fn ledger(&self) -> PathBuf {
        self.dir.path().join("done")
    }

    /// Every line of the ledger.
    #[track_caller]
    pub(crate) fn done(&self) -> Vec<Done> {
        let ledger = fs::read_to_string(self.ledger()).unwrap_or_default();
        let whole = ledger.rfind('\n').map_or(0, |end| end + 1);
        let (whole, _) = ledger.split_at(whole);
        whole
            .lines()
            .map(|line| {
                let mut words = line.split('\t').map(str::to_owned);
                let mut next = || words.next().unwrap();
                Done {
                    order: next(),
                    attempt: next().parse().unwrap(),
                    consumer: next(),
                }
            })
            .collect()
    }

    /// The orders that were done, each once.
    #[track_caller]
    pub(crate) fn done_orders(&self) -> BTreeSet<String> {
        self.done().into_iter().map(|done| done.order).collect()
    }

    /// How often each order was done that was done more than once.
    #[track_caller]
    pub(crate) fn repeats(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for done in self.done() {
            *counts.entry(done.order).or_default() += 1;
        }
        counts.retain(|_, count| *count > 1);
        counts
    }

    #[track_caller]
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let words: Vec<_> = command.split_whitespace().collect();
        self.server.command(&words)
    }

    /// What is pending in `orders_group`; nothing where it doesn't stand yet.
    pub(crate) fn pending(&self) -> Vec<Pending> {
        let rows = self
            .server
            .try_command::<Vec<(String, String, u64, u64)>>(&[
                "XPENDING",
                "orders",
                "orders_group",
                "-",
                "+",
                "100000",
            ]);
        rows.unwrap_or_default()
            .into_iter()
            .map(|(id, consumer, _, deliveries)| Pending {
                id,
                consumer,
                deliveries,
            })
            .collect()
    }

    /// Pending entries of the consumer with this label.
    pub(crate) fn held_by(&self, label: &str) -> Vec<Pending> {
        let mut held = self.pending();
        held.retain(|p| is_labelled(&p.consumer, label));
        held
    }

    /// The consumers of `orders_group`, without those of the library itself.
    #[track_caller]
    pub(crate) fn consumers(&self) -> Vec<String> {
        let consumers: Vec<BTreeMap<String, redis::Value>> =
            self.ask("XINFO CONSUMERS orders orders_group");
        consumers
            .iter()
            .filter_map(|consumer| redis::from_redis_value_ref(consumer.get("name")?).ok())
            .filter(|name: &String| !name.starts_with('~'))
            .collect()
    }

    /// Whether a worker with this label is a member of the group.
    pub(crate) fn has_joined(&self, label: &str) -> bool {
        let words = ["XINFO", "CONSUMERS", "orders", "orders_group"];
        // The group may not be there yet.
        let consumers: Vec<BTreeMap<String, redis::Value>> =
            self.server.try_command(&words).unwrap_or_default();
        consumers
            .iter()
            .filter_map(|consumer| redis::from_redis_value_ref(consumer.get("name")?).ok())
            .any(|name: String| is_labelled(&name, label))
    }

    /// The dead letters: their fields by name, the last of duplicates.
    #[track_caller]
    pub(crate) fn dead(&self) -> Vec<BTreeMap<String, String>> {
        let letters: Vec<(String, Vec<(String, String)>)> = self.ask("XRANGE {orders}:dead - +");
        letters
            .into_iter()
            .map(|(_, fields)| fields.into_iter().collect())
            .collect()
    }

    /// Waits until all orders `prefix-0 … prefix-(count-1)` are done.
    #[track_caller]
    pub(crate) fn wait_until_done(&self, expected: &BTreeSet<String>) {
        wait_until(DEADLINE, format!("{} orders", expected.len()), || {
            self.done_orders().is_superset(expected)
        });
    }

    /// Waits until the group has read everything and nothing is pending.
    #[track_caller]
    pub(crate) fn wait_until_settled(&self) {
        wait_until(DEADLINE, "nothing to be pending", || {
            self.pending().is_empty()
        });
    }

    /// Ends a worker in order, and returns its last line.
    #[track_caller]
    pub(crate) fn stop(worker: &Process) -> String {
        worker.terminate();
        let status = worker.wait(DEADLINE);
        assert!(status.success(), "{status}\n{}", worker.stderr());
        let said = worker.stdout();
        said.lines().last().unwrap_or_default().to_owned()
    }
}

/// Whether a consumer's name is this label with its random end.
pub(crate) fn is_labelled(name: &str, label: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(of, _)| of == label)
}

/// The names `prefix-0 … prefix-(count-1)`.
pub(crate) fn orders(prefix: &str, count: usize) -> BTreeSet<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}
