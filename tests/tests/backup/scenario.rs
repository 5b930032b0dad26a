//! Scenario 8: real processes, and a drain that is killed again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use redis::streams::StreamRangeReply;
use stream_tests::{Process, Program, Server, wait_until};

use crate::{BACKUP, DEADLINE, STREAM, connect, length, quick};

const PRODUCERS: usize = 3;
const EACH: usize = 4_000;
const CAPACITY: &str = "200";
const KILLS: usize = 12;

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
    let workers: Vec<_> = (0..2).map(|_| work(&server, done.path())).collect();
    // Each adds something now and then, and drains all the while.
    for kill in 0..KILLS {
        let hosts = [0, 1].map(|n| {
            let prefix = format!("H{kill}x{n}");
            produce(&server, &prefix, 1_000, &["--rate", "200"])
        });
        let before = length(&server, BACKUP);
        wait_until(DEADLINE, "some to move", || {
            length(&server, BACKUP) + 200 < before || before < 2_000
        });
        for host in hosts {
            host.kill();
        }
    }
    let manager = connect(&server);
    manager.create_backup_producer("p", quick(200)).unwrap();
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
        .args(["work", "--lease-ms", "2000", "--done"])
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
