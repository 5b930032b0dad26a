//! Scenario 9: an outage under a producer with a spool.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use stream_tests::{Fsync, Process, Server, wait_until};
use tempfile::TempDir;

use crate::DEADLINE;
use crate::support::{entries, field, last_line, orders};

/// A directory for a spool, and the arguments of a producer that uses it.
struct Spool {
    dir: TempDir,
}

impl Spool {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn args(&self, args: &str) -> String {
        let path = self.path();
        format!(
            "produce --producer backup --max-length 100000 --spool-dir {} {args}",
            path.display()
        )
    }

    fn produce(&self, server: &Server, args: &str) -> Process {
        orders(server, &self.args(args)).spawn()
    }

    /// Runs a producer to its good end; returns its last line.
    fn run(&self, server: &Server, args: &str) -> String {
        let finished = orders(server, &self.args(args)).run(DEADLINE);
        assert!(finished.status.success(), "{finished:#?}");
        last_line(&finished).to_owned()
    }

    /// Waits until messages have gone to the spool in so many commits or more:
    /// those between two looks count as one. A producer that ends has to have
    /// far more than that to add.
    fn wait_for_writes(&self, commits: usize) {
        let file = self.path().join("spool.redb");
        let mut seen = BTreeSet::from([modified(&file)]);
        wait_until(DEADLINE, "messages in the spool", || {
            seen.insert(modified(&file));
            seen.len() > commits
        });
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().ok()?.modified().ok()
}

fn durable_server() -> Server {
    Server::options().appendonly(Fsync::Always).start().unwrap()
}

fn ids(server: &Server) -> Vec<String> {
    let entries = entries(server, "orders");
    let id = |entry| field(entry, "order_id").to_owned();
    entries.iter().map(id).collect()
}

fn arrived(server: &Server) -> usize {
    server.command::<usize>(&["XLEN", "orders"])
}

/// The numbers behind `prefix`, which must begin at 0, have no gap and rise:
/// a producer with one thread adds one order after the other.
#[track_caller]
fn unbroken(ids: &[String], prefix: &str) -> usize {
    let numbers = ids.iter().filter_map(|id| id.strip_prefix(prefix));
    let numbers: Vec<usize> = numbers.map(|n| n.parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..numbers.len()), "{numbers:?}");
    numbers.len()
}

#[test]
fn outage_fails_no_call_and_all_arrive_in_order_none_twice() {
    let server = durable_server();
    let spool = Spool::new();
    let args = "--count 1500 --rate 400 --threads 3";
    let producing = spool.produce(&server, args);
    wait_until(DEADLINE, "the first orders", || arrived(&server) > 50);
    server.kill();
    spool.wait_for_writes(10);
    server.restart();
    assert!(producing.wait(DEADLINE).success(), "{}", producing.stderr());
    assert!(!producing.stderr().contains("failed P-"));
    assert!(producing.stderr().contains("held up"));
    assert_eq!(
        producing.stdout(),
        "produced 1500 main 0 backup 0 spooled\n"
    );

    let ids = ids(&server);
    let numbers: Vec<usize> = ids.iter().map(|id| id[2..].parse().unwrap()).collect();
    assert_eq!(numbers.len(), 1500);
    for thread in 0..3 {
        let of_thread = numbers.iter().copied().filter(|n| n % 3 == thread);
        assert!(of_thread.eq((0..1500).filter(|n| n % 3 == thread)));
    }
}

#[test]
fn outages_in_a_row_under_batches_keep_the_order() {
    let server = durable_server();
    let spool = Spool::new();
    let producing = spool.produce(&server, "--count 1500 --batch 5 --rate 500");
    for round in 1..=4 {
        wait_until(DEADLINE, "orders between the outages", || {
            arrived(&server) > round * 100
        });
        server.kill();
        spool.wait_for_writes(5);
        server.restart();
    }
    assert!(producing.wait(DEADLINE).success(), "{}", producing.stderr());
    let last = producing.stdout();
    assert_eq!(last, "produced 1500 main 0 backup 0 spooled\n");
    assert_eq!(unbroken(&ids(&server), "P-"), 1500);
}

#[test]
fn producer_killed_while_spooling_goes_on_where_it_was() {
    let server = durable_server();
    let spool = Spool::new();
    let first = spool.produce(&server, "--count 100000 --rate 500 --prefix A");
    wait_until(DEADLINE, "the first orders", || arrived(&server) > 20);
    let before = arrived(&server);
    server.kill();
    spool.wait_for_writes(30);
    first.kill();
    first.wait(DEADLINE);

    // Killed again, while Redis is still away.
    let second = spool.produce(&server, "--count 100000 --rate 500 --prefix B");
    spool.wait_for_writes(30);
    second.kill();
    second.wait(DEADLINE);

    server.restart();
    let line = spool.run(&server, "--count 50 --prefix C");
    assert_eq!(line, "produced 50 main 0 backup 0 spooled");
    let ids = ids(&server);
    assert!(unbroken(&ids, "A-") >= before + 29);
    assert!(unbroken(&ids, "B-") >= 29);
    assert_eq!(unbroken(&ids, "C-"), 50);
    assert!(ids.is_sorted_by_key(|id| &id[..1]), "{ids:?}");
}

#[test]
fn producer_killed_at_any_time_sends_nothing_twice() {
    let server = durable_server();
    let spool = Spool::new();
    let rounds = ["A", "B", "C", "D", "E", "F"];
    for (round, prefix) in rounds.iter().enumerate() {
        let args = format!("--count 100000 --batch 3 --prefix {prefix}");
        let producing = spool.produce(&server, &args);
        // Behind what the one before has left.
        wait_until(DEADLINE, "more orders", || {
            unbroken(&ids(&server), &format!("{prefix}-")) > 100 * (round + 1)
        });
        if round % 2 == 0 {
            // While it spools, and then while it replays.
            server.kill();
            spool.wait_for_writes(5 * (round + 1));
            server.restart();
        }
        producing.kill();
        producing.wait(DEADLINE);
    }
    spool.run(&server, "--count 1 --prefix Z");
    let ids = ids(&server);
    for prefix in rounds {
        assert!(unbroken(&ids, &format!("{prefix}-")) > 100);
    }
    assert!(ids.is_sorted_by_key(|id| &id[..1]));
    assert_eq!(unbroken(&ids, "Z-"), 1);
}

#[test]
fn stalled_server_that_took_what_it_never_answered_gets_nothing_twice() {
    let server = durable_server();
    let spool = Spool::new();
    let producing = spool.produce(&server, "--count 600 --rate 100");
    wait_until(DEADLINE, "the first orders", || arrived(&server) > 20);
    server.freeze();
    // The send that was under way has run into its deadline.
    spool.wait_for_writes(5);
    server.thaw();
    assert!(producing.wait(DEADLINE).success(), "{}", producing.stderr());
    let last = producing.stdout();
    assert_eq!(last, "produced 600 main 0 backup 0 spooled\n");
    assert_eq!(unbroken(&ids(&server), "P-"), 600);
}

#[test]
fn server_without_memory_sends_orders_to_the_spool() {
    let server = Server::start().unwrap();
    let spool = Spool::new();
    let producing = spool.produce(&server, "--count 400 --rate 200");
    wait_until(DEADLINE, "the first orders", || arrived(&server) > 20);
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    spool.wait_for_writes(5);
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(producing.wait(DEADLINE).success(), "{}", producing.stderr());
    assert_eq!(unbroken(&ids(&server), "P-"), 400);
}

#[test]
fn what_could_not_be_sent_is_counted_and_goes_first_next_time() {
    let server = durable_server();
    let spool = Spool::new();
    spool.run(&server, "--count 10 --prefix A");
    server.kill();
    let line = spool.run(&server, "--count 30 --prefix B");
    assert_eq!(line, "produced 0 main 0 backup 30 spooled");
    server.restart();
    let line = spool.run(&server, "--count 10 --prefix C");
    assert_eq!(line, "produced 10 main 0 backup 0 spooled");
    let ids = ids(&server);
    assert_eq!(ids.len(), 50);
    for (prefix, count) in [("A-", 10), ("B-", 30), ("C-", 10)] {
        assert_eq!(unbroken(&ids, prefix), count);
    }
    assert!(ids.is_sorted_by_key(|id| &id[..1]));
}

#[test]
fn second_producer_in_the_directory_is_refused() {
    let server = Server::start().unwrap();
    let spool = Spool::new();
    let producing = spool.produce(&server, "--count 100000 --rate 50");
    wait_until(DEADLINE, "the first orders", || arrived(&server) > 0);
    let second = orders(&server, &spool.args("--count 1")).run(DEADLINE);
    assert_eq!(second.status.code(), Some(1), "{second:#?}");
    let owner = format!("in use by process {}", producing.pid());
    assert!(second.stderr.contains(&owner), "{second:#?}");
}

#[test]
fn old_copy_of_the_directory_put_back_swallows_nothing() {
    let server = durable_server();
    let spool = Spool::new();
    spool.run(&server, "--count 5 --prefix A");
    let copy = fs::read(spool.path().join("spool.redb")).unwrap();
    spool.run(&server, "--count 20 --prefix B");

    // Sent at once, and by way of the spool: both under numbers of B.
    fs::write(spool.path().join("spool.redb"), &copy).unwrap();
    spool.run(&server, "--count 15 --prefix C");
    fs::write(spool.path().join("spool.redb"), &copy).unwrap();
    server.kill();
    spool.run(&server, "--count 15 --prefix D");
    server.restart();
    spool.run(&server, "--count 1 --prefix E");
    let ids = ids(&server);
    for (prefix, count) in [("A-", 5), ("B-", 20), ("C-", 15), ("D-", 15), ("E-", 1)] {
        assert_eq!(unbroken(&ids, prefix), count, "{prefix}");
    }
    assert!(ids.is_sorted_by_key(|id| &id[..1]));
}
