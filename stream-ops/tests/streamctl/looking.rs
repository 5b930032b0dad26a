//! The commands that only read: each as a table, as an object, and as lines.

use serde_json::Value;
use stream_tests::Server;

use crate::support::{Outage, run, send};

/// Every command that changes nothing.
pub(crate) const COMMANDS: [&str; 24] = [
    "overview",
    "stream ls",
    "stream info orders",
    "stream info orders --partitions",
    "stream peek orders",
    "stream peek orders --from 0-1 -n 3",
    "group ls",
    "group ls orders",
    "group info orders billing",
    "consumer ls orders billing",
    "pending ls orders billing",
    "pending ls orders billing --suspects",
    "dlq ls orders",
    "dlq ls orders --kinds",
    "dlq ls orders --reason permanent",
    "scheduled ls orders",
    "cron ls orders",
    "schema ls orders",
    "schema show orders Order",
    "schema diff orders Order Order",
    "retention plan orders",
    "doctor",
    "events",
    "audit",
];

#[test]
fn every_command_has_its_forms() {
    let outage = Outage::begin();
    for words in COMMANDS {
        let table = run(&outage.server, words).ended(0);
        assert!(
            !table.out.is_empty() && table.err.is_empty(),
            "{words}: {table:#?}"
        );
        assert!(!table.out.contains('\x1b'), "{words} has colours");
        let json = run(&outage.server, &format!("{words} -o json")).ended(0);
        assert_eq!(json.out.lines().count(), 1, "{words}");
        json.json();
        let lines = run(&outage.server, &format!("{words} -o ndjson")).ended(0);
        for line in lines.out.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            assert_eq!(row["v"], 1, "{words}: {line}");
        }
    }
}

#[test]
fn metrics_are_text_for_prometheus() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "metrics").ended(0);
    assert!(ran.out.contains("\nstream_ops_up 1\n"), "{}", ran.out);
    assert!(
        ran.out
            .contains("stream_group_unread{stream=\"orders\",group=\"billing\"} 30\n")
    );
    assert!(!ran.out.contains("node-4-2211"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("streams.prom");
    let words = format!("metrics --textfile {}", path.display());
    run(&outage.server, &words).ended(0);
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .contains("stream_dead_letters{stream=\"orders\"} 41\n")
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    run(&outage.server, "metrics --textfile /nowhere/at/all").ended(1);
}

#[test]
fn a_check_names_the_limit_that_is_passed() {
    let outage = Outage::begin();
    let server = &outage.server;
    let ran = run(server, "check orders billing --max-oldest 5m").ended(3);
    let line = ran.out.lines().next().unwrap();
    assert!(
        line.starts_with("CRITICAL orders/billing: oldest unread 2"),
        "{line}"
    );
    assert!(
        line.contains(" min (at most 5 min); no process alive"),
        "{line}"
    );
    let ran = run(server, "check --format nagios --max-dead 40").ended(2);
    assert!(ran.out.starts_with("CRITICAL: "), "{}", ran.out);
    assert!(
        ran.out.contains("41 dead letters (at most 40)"),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.lines().count(), 1);
    let json = run(
        server,
        "check --format json --max-unread 29 --max-pending 4",
    )
    .ended(3)
    .json();
    let reasons = json["problems"][0]["reasons"].as_array().unwrap();
    assert_eq!(reasons[0], "30 unread (at most 29)");
    assert_eq!(reasons[1], "5 pending (at most 4)");
    let ran = run(server, "check --format prometheus").ended(3);
    assert!(
        ran.out
            .contains("stream_ops_findings{severity=\"trouble\",kind=\"stands-still\"} 1\n")
    );
}

#[test]
fn a_check_of_what_is_well_ends_well() {
    let server = Server::start().unwrap();
    run(&server, "check").ended(0);
    send(
        &server,
        &["XGROUP", "CREATE", "orders", "g", "0", "MKSTREAM"],
    );
    let ran = run(&server, "check").ended(0);
    assert_eq!(ran.out, "OK 1 stream, 1 group\n");
    let ran = run(&server, "check --format nagios").ended(0);
    assert!(ran.out.starts_with("OK: "), "{}", ran.out);
    run(&server, "check nothing").ended(5);
    run(&server, "check nothing --format nagios").ended(3);
}

#[test]
fn a_dead_letter_is_shown_with_what_does_not_fit() {
    let outage = Outage::begin();
    let json = run(
        &outage.server,
        "dlq ls orders --reason undecodable -n 1 -o json",
    )
    .json();
    let id = json["letters"][0]["id"].as_str().unwrap().to_owned();
    let ran = run(&outage.server, &format!("dlq show orders {id} --diff")).ended(0);
    assert!(
        ran.out.contains("12,50") && ran.out.contains("Against Order:\n  amount: "),
        "{}",
        ran.out
    );
    run(&outage.server, "dlq show orders 1-1").ended(5);
    run(&outage.server, "dlq show orders nonsense").ended(2);
}

#[test]
fn doctor_finds_what_is_left_lying_about() {
    let outage = Outage::begin();
    let server = &outage.server;
    send(server, &["XDEL", "orders", &outage.suspect]);
    send(server, &["SET", "{orders}:lock:drain", "somebody"]);
    send(server, &["XADD", "orders", "*", "amount", "much"]);
    let json = run(server, "doctor -o json").ended(0).json();
    let line = |what: &str| {
        let lines = json["lines"].as_array().unwrap().iter();
        let mut of = lines.filter(|line| line["what"] == what);
        of.next()
            .unwrap_or_else(|| panic!("no line {what}"))
            .clone()
    };
    for what in [
        "round-trip",
        "tls",
        "version",
        "role",
        "rights",
        "memory",
        "eviction-policy",
        "hours-to-full",
        "persistence",
        "replicas",
        "clock",
        "slow-scripts",
        "dead-consumers",
        "entries-gone",
        "waiting",
        "locks",
        "dead-letters-near-cap",
        "retention-blocked",
        "large-entries",
        "schema-misfits",
        "mixed-versions",
    ] {
        line(what);
    }
    assert_eq!(line("entries-gone")["severity"], "warning");
    assert_eq!(line("locks")["severity"], "warning");
    assert_eq!(line("dead-consumers")["severity"], "warning");
    let misfits = line("schema-misfits");
    assert!(
        misfits["text"]
            .as_str()
            .unwrap()
            .starts_with("1 of the newest 35, such as "),
        "{misfits}"
    );
}

#[test]
fn rights_that_are_missing_are_named() {
    let server = Server::options()
        .user("tool on >pw ~* +@all -xautoclaim -xclaim")
        .start()
        .unwrap();
    send(&server, &["XADD", "orders", "*", "a", "b"]);
    let url = server.url().replace("redis://", "redis://tool:pw@");
    let output = crate::support::bare()
        .args(["--url", &url, "doctor"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(
        text.contains("▲ rights") && text.contains("XCLAIM") && text.contains("XAUTOCLAIM"),
        "{text}"
    );
    assert!(!text.contains("XACK"), "{text}");
}

#[test]
fn tail_shows_entries_as_they_come() {
    let server = Server::start().unwrap();
    send(&server, &["XADD", "orders", "*", "a", "before"]);
    let child = crate::support::streamctl(&server)
        .args(["stream", "tail", "orders", "-n", "2", "-o", "ndjson"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The command has begun once it has read the newest entry; until then, more are
    // added.
    let mut child = child;
    let mut number = 0;
    while child.try_wait().unwrap().is_none() {
        send(
            &server,
            &["XADD", "orders", "*", "a", &format!("after-{number}")],
        );
        number += 1;
        assert!(number < 100_000, "it never ends");
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains("after-") && !text.contains("before"),
        "{text}"
    );
}

#[test]
fn scheduled_messages_and_jobs_are_listed_as_none() {
    let outage = Outage::begin();
    assert_eq!(
        run(&outage.server, "scheduled ls orders").out,
        "Nothing is scheduled.\n"
    );
    assert_eq!(run(&outage.server, "cron ls orders").out, "No jobs.\n");
}
