//! Scenario 8: real processes, and a drain that is killed repeatedly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use redis::streams::StreamRangeReply;
use stream_tests::{Process, Program, Server, wait_for, wait_until};

use crate::{BACKUP, DEADLINE, LOCK, STREAM, length};

const PRODUCERS: usize = 3;
const EACH: usize = 6_000;
const CAPACITY: &str = "200";
const KILLS: usize = 20;

#[test]
fn killed_drains_neither_lose_nor_double_nor_reorder() {
    let server = Server::start().unwrap();
    // Nobody reads yet, so nearly all of it goes to the backup stream.
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|n| produce(&server, &format!("P{n}"), EACH, &["--batch", "20"]))
        .collect();
    for producer in &producers {
        let status = producer.wait(2 * DEADLINE);
        assert!(status.success(), "{}", producer.stderr());
    }
    assert!(length(&server, BACKUP) > PRODUCERS * EACH / 2);

    let done = tempfile::NamedTempFile::new().unwrap();
    let workers = kill_drains(&server, done.path());
    wait_until(4 * DEADLINE, "the end of the backup", || {
        length(&server, BACKUP) == 0
    });
    let all = order_ids(&server);
    wait_until(2 * DEADLINE, "the handlers", || {
        done_ids(done.path()).len() == all.len()
    });
    for worker in workers {
        worker.terminate();
        assert!(worker.wait(DEADLINE).success(), "{}", worker.stderr());
    }

    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for id in &all {
        let (prefix, number) = id.rsplit_once('-').unwrap();
        let number = number.parse().unwrap();
        let before = last.insert(prefix, number);
        // Each the next one of its producer: none lost, doubled or overtaken.
        assert_eq!(number, before.map_or(0, |n| n + 1), "{id}");
    }
    for n in 0..PRODUCERS {
        assert_eq!(last[format!("P{n}").as_str()], EACH - 1);
    }
    assert_eq!(done_ids(done.path()), all.into_iter().collect());
}

/// Lets two processes drain, which also work on the orders, and kills whichever
/// is at it, again and again. Returns the last two.
fn kill_drains(server: &Server, done: &Path) -> [Process; 2] {
    let mut hosts = [work(server, done), work(server, done)];
    for kill in 0..KILLS {
        let before = length(server, BACKUP);
        let at_it = wait_for(DEADLINE, "a drain at work", || {
            let owner: Option<String> = server.command(&["GET", LOCK]);
            let pid: u32 = owner?.split_once('-')?.0.parse().ok()?;
            let moved = length(server, BACKUP) < before;
            hosts.iter().position(|h| moved && h.pid() == pid)
        });
        let killed = std::mem::replace(&mut hosts[at_it], work(server, done));
        killed.kill();
        // Once, the lease lapses by itself; to wait for it each time would
        // take too long.
        if kill > 0 {
            server.command::<()>(&["DEL", LOCK]);
        }
    }
    hosts
}

fn produce(server: &Server, prefix: &str, count: usize, more: &[&str]) -> Process {
    Program::example("orders")
        .env("REDIS_URL", server.url())
        .args(["produce", "--producer", "backup", "--max-length", CAPACITY])
        .args(["--prefix", prefix, "--count", &count.to_string()])
        .args(more)
        .spawn()
}

fn work(server: &Server, done: &Path) -> Process {
    Program::example("orders")
        .env("REDIS_URL", server.url())
        .args(["work", "--lease-ms", "2000", "--handler-ms", "3", "--done"])
        .arg(done)
        .spawn()
}

fn order_ids(server: &Server) -> Vec<String> {
    let entries: StreamRangeReply = server.command(&["XRANGE", STREAM, "-", "+"]);
    let ids = entries.ids.iter().map(|e| e.get("order_id").unwrap());
    ids.collect()
}

fn done_ids(done: &Path) -> BTreeSet<String> {
    let lines = fs::read_to_string(done).unwrap_or_default();
    let id = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    lines.lines().map(id).collect()
}
