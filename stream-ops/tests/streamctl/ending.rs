//! Exit codes, signals, and secrets that are never printed.

use std::io::Read as _;
use std::process::Stdio;

use stream_tests::Server;

use crate::support::{Outage, bare, run, send, streamctl};

#[test]
fn exit_codes_tell_what_went_wrong() {
    let outage = Outage::begin();
    let server = &outage.server;
    run(server, "").ended(0);
    run(server, "nonsense").ended(2);
    run(server, "--timeout soon").ended(2);
    run(server, "check").ended(3);
    run(server, "stream info nothing").ended(5);
    run(server, "group info orders nobody").ended(5);
    run(server, "consumer ls orders nobody").ended(5);
    run(server, "dlq ls nothing").ended(5);
    run(server, "schema show orders Nothing").ended(5);
    run(server, "cron pause orders nothing").ended(5);
    send(server, &["SET", "text", "a"]);
    run(server, "stream info text").ended(1);
    let unreached = bare()
        .args(["--url", "redis://127.0.0.1:1", "check"])
        .output()
        .unwrap();
    assert_eq!(unreached.status.code(), Some(4));
    let unread = bare()
        .args(["--url", "nonsense://x", "check"])
        .output()
        .unwrap();
    assert_eq!(unread.status.code(), Some(2));
}

#[test]
fn no_password_is_ever_said() {
    let server = Server::options().password("hush-hush").start().unwrap();
    let with = |url: &str, words: &str| {
        let output = bare()
            .arg("--url")
            .arg(url)
            .args(words.split_whitespace())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let good = server.url();
    let good = if good.contains("hush") {
        good
    } else {
        good.replace("redis://", "redis://:hush-hush@")
    };
    let wrong = good.replace("hush-hush", "hush-wrong");
    let gone = "redis://:hush-hush@127.0.0.1:1";
    for words in [
        "-vv overview",
        "-vv doctor",
        "--help",
        "check --format nagios",
        "stream info nothing",
    ] {
        for url in [&good, &wrong, gone] {
            let (_, text) = with(url, words);
            assert!(!text.contains("hush"), "{words} at {url}: {text}");
        }
    }
    assert_eq!(with(&good, "overview").0, Some(0));
    assert_eq!(with(&wrong, "overview").0, Some(4));
    // By the environment, too.
    let help = streamctl(&server)
        .env("REDIS_URL", &good)
        .arg("--help")
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("hush"));
}

#[test]
fn a_closed_pipe_is_quiet() {
    let outage = Outage::begin();
    for words in [
        "metrics",
        "dlq ls orders",
        "man",
        "completions bash",
        "dlq export orders",
    ] {
        let mut child = streamctl(&outage.server)
            .args(words.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        let status = child.wait().unwrap();
        assert!(
            !err.contains("panicked") && !err.contains("Broken pipe"),
            "{words}: {err}"
        );
        assert_eq!(status.code(), Some(0), "{words}: {err}");
    }
}

#[test]
fn nothing_is_asked_without_a_terminal() {
    let outage = Outage::begin();
    let before = outage.digest();
    // A yes on a pipe is no yes.
    let ran = crate::support::run_with(&outage.server, "dlq rm orders", "y\n").ended(0);
    assert!(
        ran.out.contains("Nothing was changed. Act: "),
        "{}",
        ran.out
    );
    assert!(!ran.err.contains("Do it?"), "{}", ran.err);
    assert_eq!(outage.digest(), before);
}

#[test]
fn results_stand_alone_on_standard_output() {
    let outage = Outage::begin();
    for words in [
        "overview -vv -o json",
        "dlq rm orders --limit 2 --yes -vv -o json",
    ] {
        run(&outage.server, words).ended(0).json();
    }
    let quiet = run(&outage.server, "dlq export orders -q").ended(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn completions_and_the_manual_need_no_redis() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = bare().args(["completions", shell]).output().unwrap();
        assert!(output.status.success());
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("redrive"),
            "{shell}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let output = bare()
        .arg("man")
        .arg("--dir")
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    for page in [
        "streamctl.1",
        "streamctl-dlq-redrive.1",
        "streamctl-check.1",
    ] {
        let text = std::fs::read_to_string(dir.path().join(page)).unwrap();
        assert!(
            text.starts_with(".ie") && text.contains("streamctl"),
            "{page}"
        );
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    let output = bare().arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for part in [
        "Examples:",
        "Exit status:",
        "dlq",
        "doctor",
        "--show-sensitive",
        "NO_COLOR",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

#[test]
fn times_are_in_utc_unless_they_are_to_be_local() {
    let outage = Outage::begin();
    let since = |words: &str| {
        let mut command = streamctl(&outage.server);
        command
            .env("TZ", "Asia/Tokyo")
            .args(words.split_whitespace());
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let (_, rest) = text.split_once(" since ").unwrap();
        rest.split(" (").next().unwrap().to_owned()
    };
    assert_eq!(since("overview"), since("overview --utc"));
    assert_ne!(since("overview"), since("overview --local"));
    run(&outage.server, "overview --utc --local").ended(2);
}
