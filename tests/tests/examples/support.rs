//! Shared parts of the tests of `orders`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use stream_tests::{Finished, Program, Server};
use tempfile::TempDir;

use crate::DEADLINE;

/// One entry: its id, and its names and values in turn.
pub(crate) type Entry = (String, Vec<String>);

/// The program, on this server.
#[track_caller]
pub(crate) fn orders(server: &Server, args: &str) -> Program {
    Program::example("orders")
        .args(args.split_whitespace())
        .redis_url(server.url())
}

/// Runs it to its end, which must be a good one.
#[track_caller]
pub(crate) fn run(server: &Server, args: &str) -> Finished {
    let finished = orders(server, args).run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    finished
}

/// The last line on standard output.
pub(crate) fn last_line(finished: &Finished) -> &str {
    finished.stdout.lines().last().unwrap_or("")
}

/// What `orders status` prints.
#[track_caller]
pub(crate) fn status(server: &Server) -> Value {
    serde_json::from_str(&run(server, "status").stdout).unwrap()
}

/// The entries of a stream.
#[track_caller]
pub(crate) fn entries(server: &Server, stream: &str) -> Vec<Entry> {
    server.command(&["XRANGE", stream, "-", "+"])
}

/// The value of a field.
pub(crate) fn field<'a>((_, fields): &'a Entry, name: &str) -> &'a str {
    let (pairs, _) = fields.as_chunks::<2>();
    let found = pairs.iter().find(|[key, _]| key == name);
    found.map_or("", |[_, value]| value)
}

/// A file that workers write to.
pub(crate) struct Done {
    dir: TempDir,
}

impl Done {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("done")
    }

    /// Each line: order, attempt, consumer.
    pub(crate) fn lines(&self) -> Vec<[String; 3]> {
        let text = fs::read_to_string(self.path()).unwrap_or_default();
        let parts = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
        text.lines()
            .map(|line| parts(line).try_into().unwrap())
            .collect()
    }

    /// The attempt at which each order succeeded; each did so once.
    pub(crate) fn attempts(&self) -> BTreeMap<String, u32> {
        let mut attempts = BTreeMap::new();
        for [order, attempt, _] in self.lines() {
            let before = attempts.insert(order.clone(), attempt.parse().unwrap());
            assert_eq!(before, None, "{order} was done twice");
        }
        attempts
    }
}
