//! A server, a file of completed orders, and `orders` of both versions on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::FromRedisValue;
use stream_tests::{Fsync, Process, Program, Server, wait_until};
use tempfile::TempDir;

use crate::first_wave;

/// More than anything here needs, also on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(3);

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// The first one.
    Old,
    /// This one.
    New,
}

use Version::{New, Old};

/// Each version behind the other.
pub(crate) const BOTH_WAYS: [(Version, Version); 2] = [(Old, New), (New, Old)];

/// One server with its stream `orders`.
pub(crate) struct Field {
    pub(crate) server: Server,
    old: &'static Path,
    dir: TempDir,
}

/// A line of the file: an order whose handler succeeded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Done {
    pub(crate) order: String,
    pub(crate) attempt: u32,
    pub(crate) consumer: String,
}

impl Field {
    /// `None` where there is no first version to be had.
    #[track_caller]
    pub(crate) fn open() -> Option<Self> {
        let old = first_wave::orders()?;
        Some(Self {
            // Nothing that a server was asked to keep may go with it.
            server: Server::options().appendonly(Fsync::Always).start().unwrap(),
            old,
            dir: TempDir::new().unwrap(),
        })
    }

    /// A path in a directory that goes with this.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `orders`, not started yet.
    pub(crate) fn orders(&self, version: Version, words: &str) -> Program {
        let program = match version {
            Old => Program::at(self.old),
            New => Program::example("orders"),
        };
        program
            .args(words.split_whitespace())
            .redis_url(self.server.url())
            .env("RUST_BACKTRACE", "0")
    }

    /// `orders`, to its end. Returns what it has said.
    #[track_caller]
    pub(crate) fn run(&self, version: Version, words: &str) -> String {
        let finished = self.orders(version, words).run(DEADLINE);
        assert!(finished.status.success(), "{words}: {finished:?}");
        finished.stdout
    }

    /// `orders produce`, to its end. Returns its last line.
    #[track_caller]
    pub(crate) fn produce(&self, version: Version, words: &str) -> String {
        let said = self.run(version, &format!("produce {words}"));
        said.lines().last().unwrap_or_default().to_owned()
    }

    /// `orders work`, running, once it is a member of the group.
    #[track_caller]
    pub(crate) fn work(&self, version: Version, label: &str, options: &str) -> Process {
        let words = format!("work --consumer {label} {options}");
        let worker = self
            .orders(version, &words)
            .arg("--done")
            .arg(self.path("done"))
            .spawn();
        wait_until(DEADLINE, format!("{label} to join"), || {
            let mut consumers = self.consumers();
            consumers.extend(self.consumers_of("other"));
            consumers.iter().any(|name| is_labelled(name, label))
        });
        worker
    }

    /// Ends a worker in order.
    #[track_caller]
    pub(crate) fn stop(worker: &Process) {
        worker.terminate();
        let status = worker.wait(DEADLINE);
        assert!(status.success(), "{status}\n{}", worker.stderr());
    }

    /// What was done so far.
    #[track_caller]
    pub(crate) fn done(&self) -> Vec<Done> {
        let text = fs::read_to_string(self.path("done")).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole]
            .lines()
            .map(|line| {
                let words: Vec<_> = line.split('\t').collect();
                Done {
                    order: words[0].to_owned(),
                    attempt: words[1].parse().unwrap(),
                    consumer: words[2].to_owned(),
                }
            })
            .collect()
    }

    /// Waits until all these are done, at least once.
    #[track_caller]
    pub(crate) fn wait_until_done(&self, expected: &BTreeSet<String>) {
        wait_until(DEADLINE, format!("{} orders", expected.len()), || {
            let done: BTreeSet<_> = self.done().into_iter().map(|done| done.order).collect();
            done.is_superset(expected)
        });
    }

    /// How many orders were done more than once.
    #[track_caller]
    pub(crate) fn repeated(&self) -> usize {
        let mut counts = BTreeMap::<_, usize>::new();
        for done in self.done() {
            *counts.entry(done.order).or_default() += 1;
        }
        counts.values().filter(|count| **count > 1).count()
    }

    #[track_caller]
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let words: Vec<_> = command.split_whitespace().collect();
        self.server.command(&words)
    }

    /// How many entries are pending in the group; 0 where there is none.
    pub(crate) fn pending(&self) -> u64 {
        let words = ["XPENDING", "orders", "orders_group"];
        self.server
            .try_command::<(u64, redis::Value, redis::Value, redis::Value)>(&words)
            .map_or(0, |(count, ..)| count)
    }

    /// Waits until nothing is pending in the group.
    #[track_caller]
    pub(crate) fn wait_until_settled(&self) {
        wait_until(DEADLINE, "nothing to be pending", || self.pending() == 0);
    }

    /// The orders in a stream, by name, in their order.
    #[track_caller]
    pub(crate) fn stream(&self, key: &str) -> Vec<String> {
        let entries: Vec<(String, BTreeMap<String, String>)> =
            self.server.command(&["XRANGE", key, "-", "+"]);
        entries
            .into_iter()
            .map(|(_, fields)| fields["order_id"].clone())
            .collect()
    }

    /// The consumers of the group, but for those of the library itself.
    pub(crate) fn consumers(&self) -> Vec<String> {
        self.consumers_of("orders_group")
    }

    fn consumers_of(&self, group: &str) -> Vec<String> {
        // The group may not be there yet.
        let words = ["XINFO", "CONSUMERS", "orders", group];
        let consumers: Vec<BTreeMap<String, redis::Value>> =
            self.server.try_command(&words).unwrap_or_default();
        consumers
            .iter()
            .filter_map(|consumer| redis::from_redis_value_ref(consumer.get("name")?).ok())
            .filter(|name: &String| !name.starts_with('~'))
            .collect()
    }
}

/// Whether a consumer's name is this label with its random end.
pub(crate) fn is_labelled(name: &str, label: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(of, _)| of == label)
}

/// The names `prefix-0 … prefix-(count-1)`.
pub(crate) fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |n| format!("{prefix}-{n}"))
}

/// A line of the ledger.
pub(crate) fn tell(what: impl Display) {
    println!("\n  {what}");
}
