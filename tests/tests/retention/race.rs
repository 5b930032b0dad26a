//! Two groups in processes of their own, one of them stopped, while several
//! processes clean, and one of these is killed.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::streams::{StreamInfoGroupsReply, StreamPendingCountReply, StreamRangeReply};
use redis::{Connection, Value, from_redis_value, pipe};
use stream_lib::{EntryId, Priority, StreamConfig, StreamManager};
use stream_tests::{Process, Program, Server, wait_until};
use tempfile::TempDir;

use crate::DEADLINE;

const STREAM: &str = "orders";
const ORDERS: usize = 3_000;
const MIN_COUNT: usize = 50;
const MIN_TIME: Duration = Duration::from_millis(1_500);

fn rules(priority: Priority) -> StreamConfig {
    let config = StreamConfig::new(STREAM)
        .priority(priority)
        .max_length(100)
        .min_retention_count(MIN_COUNT as u64)
        .cleanup_interval(Duration::from_millis(10));
    if priority >= Priority::High {
        config.max_age(MIN_TIME).min_retention_time(MIN_TIME)
    } else {
        config.max_age(Duration::from_millis(300))
    }
}

/// What a cleaning process does: it is this test program, run with this test.
#[test]
#[ignore = "a process of the other tests"]
fn cleaning_process() {
    let Ok(priority) = env::var("CLEANING_PRIORITY") else {
        return;
    };
    let manager = StreamManager::from_env().unwrap();
    let config = rules(priority.parse().unwrap());
    manager.create_simple_producer("cleaning", config).unwrap();
    // By hand as well, and as fast as it goes, until it is killed.
    loop {
        let report = manager.cleanup_now(STREAM).unwrap();
        if report.lost > 0 {
            println!("lost {}", report.lost);
        }
    }
}

fn clean(server: &Server, priority: Priority) -> Process {
    Program::at(env::current_exe().unwrap())
        .args([
            "race::cleaning_process",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env("CLEANING_PRIORITY", priority.as_str())
        .redis_url(server.url())
        .spawn()
}

fn produce(server: &Server, prefix: &str) -> Process {
    Program::example("orders")
        .redis_url(server.url())
        .args([
            "produce",
            "--threads",
            "2",
            "--batch",
            "20",
            "--prefix",
            prefix,
        ])
        .args(["--count", &ORDERS.to_string()])
        .spawn()
}

struct Group {
    name: &'static str,
    done: PathBuf,
    process: Process,
}

impl Group {
    fn start(server: &Server, name: &'static str, dir: &Path) -> Self {
        let done = dir.join(name);
        let process = Program::example("orders")
            .redis_url(server.url())
            .args(["work", "--group", name, "--done"])
            .arg(&done)
            .spawn();
        Self {
            name,
            done,
            process,
        }
    }

    /// The orders it has handled.
    fn done(&self) -> BTreeSet<String> {
        let lines = fs::read_to_string(&self.done).unwrap_or_default();
        let id = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        lines.lines().map(id).collect()
    }
}

/// The stream at one moment.
struct Moment {
    now: u64,
    entries: BTreeSet<EntryId>,
    pending: BTreeSet<EntryId>,
}

impl Moment {
    fn of(connection: &mut Connection, groups: &[&str]) -> Self {
        let mut look = pipe();
        look.atomic();
        look.cmd("TIME");
        look.cmd("XRANGE").arg(STREAM).arg("-").arg("+");
        for group in groups {
            look.cmd("XPENDING").arg(STREAM).arg(group);
            look.arg("-").arg("+").arg(1_000_000);
        }
        let mut replies: Vec<Value> = look.query(connection).unwrap();
        let pending = replies.split_off(2);
        let entries: StreamRangeReply = from_redis_value(replies.pop().unwrap()).unwrap();
        let (seconds, micros): (u64, u64) = from_redis_value(replies.pop().unwrap()).unwrap();
        let pending = pending.into_iter().flat_map(|reply| {
            let reply: StreamPendingCountReply = from_redis_value(reply).unwrap();
            reply.ids.into_iter().map(|entry| entry.id)
        });
        Self {
            now: seconds * 1_000 + micros / 1_000,
            entries: entries.ids.iter().map(|e| e.id.parse().unwrap()).collect(),
            pending: pending.map(|id| id.parse().unwrap()).collect(),
        }
    }

    /// What has to hold at every moment, this one coming after `before`.
    fn check(&self, before: &Self, priority: Priority) {
        let least = before.entries.len().min(MIN_COUNT);
        assert!(self.entries.len() >= least, "the newest stay");
        if priority == Priority::Low {
            return;
        }
        let lost: Vec<_> = self.pending.difference(&self.entries).collect();
        assert!(lost.is_empty(), "pending and gone: {lost:?}");
        if priority == Priority::Normal {
            return;
        }
        let min_time = u64::try_from(MIN_TIME.as_millis()).unwrap();
        let young = EntryId::new(self.now - min_time, 0);
        let gone = before.entries.difference(&self.entries);
        let gone: Vec<_> = gone.filter(|id| **id >= young).collect();
        assert!(gone.is_empty(), "young and gone: {gone:?}");
    }
}

fn pending_and_unread(server: &Server, group: &str) -> (usize, bool) {
    let groups: StreamInfoGroupsReply = server.command(&["XINFO", "GROUPS", STREAM]);
    let last: StreamRangeReply = server.command(&["XREVRANGE", STREAM, "+", "-", "COUNT", "1"]);
    let group = groups.groups.iter().find(|g| g.name == group).unwrap();
    let unread = last
        .ids
        .first()
        .is_some_and(|e| e.id != group.last_delivered_id);
    (group.pending, unread)
}

fn finished(server: &Server, group: &str) -> bool {
    pending_and_unread(server, group) == (0, false)
}

/// The whole scenario under one priority.
fn race(priority: Priority) {
    let server = Server::start().unwrap();
    let dir = TempDir::new().unwrap();
    for group in ["quick", "stopped"] {
        server.command::<()>(&["XGROUP", "CREATE", STREAM, group, "0", "MKSTREAM"]);
    }
    let cleaning = [clean(&server, priority), clean(&server, priority)];
    let quick = Group::start(&server, "quick", dir.path());
    let stopped = Group::start(&server, "stopped", dir.path());
    let manager = StreamManager::connect(server.url()).unwrap();
    let mut connection = server.connect().unwrap();
    let mut before = Moment::of(&mut connection, &["quick", "stopped"]);
    let mut watch = |what: &str, mut done: Box<dyn FnMut() -> bool + '_>| {
        wait_until(DEADLINE * 2, what, || {
            let now = Moment::of(&mut connection, &["quick", "stopped"]);
            now.check(&before, priority);
            before = now;
            done()
        });
    };

    let first = produce(&server, "A");
    watch(
        "some to be handled",
        Box::new(|| stopped.done().len() > 100),
    );
    stopped.process.freeze();
    let second = produce(&server, "B");
    watch(
        "the orders to be there",
        Box::new(|| !first.is_running() && !second.is_running()),
    );
    cleaning[0].kill();
    let all = 2 * ORDERS;
    if priority == Priority::Low {
        watch("the stream to be cut", Box::new(|| length(&server) <= 100));
        assert!(manager.blocked_streams().unwrap().is_empty());
    } else {
        watch("the quick group", Box::new(|| quick.done().len() == all));
        watch(
            "the block",
            Box::new(|| {
                let blocked = manager.retention_plan(STREAM).unwrap().blocked;
                blocked.is_some_and(|b| b.group.as_deref() == Some(stopped.name))
            }),
        );
    }
    stopped.process.thaw();
    watch(
        "both groups",
        Box::new(|| finished(&server, "quick") && finished(&server, "stopped")),
    );
    watch(
        "all to go that may",
        Box::new(|| length(&server) == MIN_COUNT),
    );

    let missed: usize = [&quick, &stopped]
        .map(|g| all - g.done().len())
        .iter()
        .sum();
    if priority == Priority::Low {
        let reports = cleaning.iter().map(Process::stdout).collect::<String>();
        assert!(missed > 0, "the stopped group is too quick for this test");
        assert!(reports.contains("lost "), "{reports}");
        return;
    }
    assert_eq!(missed, 0, "nothing may be lost");
    stays_flat(&server, &quick, &stopped);
}

/// With both groups at work, the stream doesn't grow.
fn stays_flat(server: &Server, quick: &Group, stopped: &Group) {
    let memory = || server.command::<u64>(&["MEMORY", "USAGE", STREAM]);
    let before = memory();
    for round in 0..2 {
        let more = produce(server, &format!("C{round}"));
        wait_until(DEADLINE * 2, "another round", || {
            !more.is_running() && finished(server, quick.name) && finished(server, stopped.name)
        });
        wait_until(DEADLINE, "all to go that may", || {
            length(server) == MIN_COUNT
        });
        let now = memory();
        assert!(now <= before * 2, "{now} bytes, and {before} before");
    }
}

fn length(server: &Server) -> usize {
    server.command(&["XLEN", STREAM])
}

#[test]
fn low_loses_and_says_so() {
    race(Priority::Low);
}

#[test]
fn normal_loses_nothing() {
    race(Priority::Normal);
}

#[test]
fn high_loses_nothing_and_keeps_the_young() {
    race(Priority::High);
}

#[test]
fn critical_loses_nothing_and_keeps_the_young() {
    race(Priority::Critical);
}
