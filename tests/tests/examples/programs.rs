//! The programs that need no arguments.

use stream_tests::{Finished, Program, Server};

use crate::DEADLINE;

fn run(name: &str, server: Option<&Server>) -> Finished {
    let mut program = Program::example(name);
    if let Some(server) = server {
        program = program.redis_url(server.url());
    }
    let finished = program.run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
    finished
}

/// The number behind `word` at the start of a line.
fn number(finished: &Finished, word: &str) -> u64 {
    let mut lines = finished.stdout.lines();
    let found = lines.find_map(|line| line.strip_prefix(word)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {word:?} in {finished:#?}"))
}

#[test]
fn quickstart_completes_every_order_and_leaves_nothing_behind() {
    let server = Server::start().unwrap();
    let finished = run("quickstart", Some(&server));
    assert_eq!(number(&finished, "produced "), 100_000);
    assert_eq!(number(&finished, "completed "), 100_000);
    assert_eq!(number(&finished, "retried "), 200);
    assert_eq!(number(&finished, "pending "), 0);
    assert!(number(&finished, "messages per second ") > 0);
    // No bar where there is no terminal: each failure, some by a count.
    let failures = finished.stderr.lines().map(failures_told);
    assert_eq!(failures.sum::<u64>(), 200, "{finished:#?}");

    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    assert!(keys.is_empty(), "{keys:?}");
    // It did use this server.
    assert!(server.calls("xadd") >= 100_000);
}

/// How many failures a line of the log tells of.
fn failures_told(line: &str) -> u64 {
    if line.contains(" failed, the next comes in ") {
        return 1;
    }
    let (before, _) = line.split_once(" more deliveries of ").expect(line);
    let count = before.rsplit(' ').next().expect(line);
    count.parse().expect(line)
}

#[test]
fn quickstart_brings_a_server_of_its_own() {
    let finished = run("quickstart", None);
    assert_eq!(number(&finished, "completed "), 100_000);
}

#[test]
fn user_tracking_handles_what_it_tracks() {
    let server = Server::start().unwrap();
    let finished = run("user_tracking", Some(&server));
    assert_eq!(number(&finished, "handled "), 6);
    for line in [
        r#"producers: ["user_tracking"]"#,
        r#"consumers: ["tracking_consumer"]"#,
        "tracking_consumer is running: true",
        "user 7: 5 actions",
        "user 8: 1 actions",
    ] {
        assert!(finished.stdout.lines().any(|l| l == line), "{finished:#?}");
    }
    assert_eq!(server.command::<u64>(&["XLEN", "user_events"]), 6);
    assert_nothing_is_pending(&server, "user_events", "user_events_group");
}

#[test]
fn untyped_shows_each_field() {
    let server = Server::start().unwrap();
    let finished = run("untyped", Some(&server));
    assert_eq!(number(&finished, "handled "), 2);
    for line in ["  user_id: 123", "  action: login", "  picture: 5 bytes"] {
        assert!(finished.stdout.lines().any(|l| l == line), "{finished:#?}");
    }
    assert_eq!(server.command::<u64>(&["XLEN", "my_stream"]), 2);
    assert_nothing_is_pending(&server, "my_stream", "my_group");
}

#[test]
fn reminders_come_when_they_are_due() {
    let server = Server::start().unwrap();
    let finished = run("reminders", Some(&server));
    let mut lines = finished.stdout.lines();
    let begin: Vec<_> = lines.by_ref().take(8).collect();
    let expected = [
        "moved: true",
        "scheduled 3",
        "  user 7: tea",
        "  user 7: milk",
        "  user 8: post",
        "cancelled: true",
        "rescheduled: true",
        "run now: true",
    ];
    assert_eq!(begin, expected);
    let mut end: Vec<_> = lines.collect();
    assert_eq!(end.pop(), Some("scheduled 0"));
    end.sort_unstable();
    assert_eq!(end, ["user 7, remember: tea", "user 8, remember: post"]);
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    assert!(keys.is_empty(), "{keys:?}");
}

#[test]
fn nightly_reports_come_by_the_calendar() {
    let server = Server::start().unwrap();
    let finished = run("nightly", Some(&server));
    assert!(number(&finished, "hours until the next night: ") <= 24);
    for line in [
        "heartbeat: * * * * * * in UTC",
        "nightly-report: 0 3 * * * in Europe/Berlin",
        "nightly report made: true",
        "heartbeats in order: true",
        "removed: true",
    ] {
        assert!(finished.stdout.lines().any(|l| l == line), "{finished:#?}");
    }
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    assert!(keys.is_empty(), "{keys:?}");
}

#[track_caller]
fn assert_nothing_is_pending(server: &Server, stream: &str, group: &str) {
    let words = ["XPENDING", stream, group, "-", "+", "10"];
    let pending: Vec<redis::Value> = server.command(&words);
    assert!(pending.is_empty(), "{pending:?}");
}
