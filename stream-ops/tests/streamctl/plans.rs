//! Rules for all changes: their plans, and the way they are carried out.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use stream_tests::{Server, wait_until};

use crate::support::{Outage, digest, letter, run, run_words, send, streamctl};

/// Every command that changes something, without `--yes`.
const PLANS: [&str; 19] = [
    "dlq redrive orders",
    "dlq redrive orders --reason undecodable --set amount=12.50",
    "dlq rm orders --reason permanent",
    "dlq rm orders --newest 3",
    "pending release orders billing",
    "pending bury orders billing --suspects",
    "pending ack orders billing",
    "group create orders audit",
    "group set-id orders billing beginning",
    "group set-id orders billing end",
    "group hold orders billing --for 30m",
    "group rm orders billing",
    "consumer rm orders billing node-4-2211",
    "stream send orders order_id=A-99 amount=1",
    "stream trim orders --max-length 3",
    "stream trim orders --max-age 1m",
    "replay orders --from - --into copies",
    "replay orders --from 2h --group billing",
    "dlq redrive orders --kind payments…",
];

#[test]
fn plans_change_nothing_and_say_how_to_act() {
    let outage = Outage::begin();
    let before = outage.digest();
    for words in PLANS {
        let ran = run(&outage.server, words).ended(0);
        assert!(ran.out.starts_with("Would "), "{words}: {}", ran.out);
        let act = "Nothing was changed. Act: the same with ";
        assert!(ran.out.contains(act), "{words}: {}", ran.out);
        assert!(ran.out.ends_with("--yes\n"), "{words}: {}", ran.out);
        let json = run(&outage.server, &format!("{words} -o json"));
        let json = json.ended(0).json();
        assert_eq!(
            (&json["changed"], &json["dry_run"]),
            (&false.into(), &true.into())
        );
        assert!(json["count"].as_u64().unwrap() > 0, "{words}: {json}");
        assert!(
            words.starts_with(json["action"].as_str().unwrap()),
            "{words}: {json}"
        );
    }
    assert_eq!(outage.digest(), before);
}

#[test]
fn what_a_plan_says_acts_on_exactly_that_though_more_comes() {
    let outage = Outage::begin();
    let server = &outage.server;
    for (words, action) in [
        (
            "dlq redrive orders --reason undecodable --set amount=12.50",
            "redrive",
        ),
        ("dlq rm orders --reason permanent", "rm"),
        ("dlq rm orders --newest 4", "newest"),
    ] {
        let planned = run(server, &format!("{words} -o json")).ended(0).json();
        for number in 900..905 {
            letter(
                server,
                number,
                "undecodable",
                "amount: a number expected",
                "1,0",
            );
            letter(server, number, "permanent", "a negative amount", "-1");
        }
        let before: u64 = server.command(&["XLEN", "{orders}:dead"]);
        let act = planned["act_with"].as_str().unwrap();
        let json = run(server, &format!("{words} {act} -o json"))
            .ended(0)
            .json();
        assert_eq!(json["done"], planned["count"], "{action}");
        assert_eq!(json["count"], planned["count"], "{action}");
        let after: u64 = server.command(&["XLEN", "{orders}:dead"]);
        assert_eq!(
            before - after,
            planned["count"].as_u64().unwrap(),
            "{action}"
        );
    }
}

#[test]
fn more_than_a_thousand_need_a_word_more() {
    let server = Server::start().unwrap();
    fill(&server, 1_100);
    let before = digest(&server);
    let planned = run(&server, "dlq rm orders").ended(0);
    assert!(planned.out.ends_with(" --all --yes\n"), "{}", planned.out);
    let ran = run(&server, "dlq rm orders --yes").ended(2);
    assert!(
        ran.err.contains("1,100 are more than 1,000: add --all"),
        "{}",
        ran.err
    );
    assert_eq!((ran.out.as_str(), digest(&server)), ("", before));
    let json = run(&server, "dlq rm orders --limit 1050 --yes -o json")
        .ended(0)
        .json();
    assert_eq!(json["done"], 1_050);
    fill(&server, 1_100);
    let json = run(&server, "dlq rm orders --all --yes -o json")
        .ended(0)
        .json();
    assert_eq!(json["done"], 1_150);
}

#[test]
fn what_no_group_would_handle_any_more_needs_force() {
    let outage = Outage::begin();
    let server = &outage.server;
    let before = outage.digest();
    for words in [
        "stream trim orders --max-length 3",
        "group set-id orders billing end",
        "group rm orders billing",
        "pending ack orders billing",
    ] {
        let ran = run(server, &format!("{words} --yes")).ended(2);
        assert!(
            ran.err.contains("add --force-unread"),
            "{words}: {}",
            ran.err
        );
        let json = run(server, &format!("{words} -o json")).ended(0).json();
        assert!(json["unhandled"].as_u64().unwrap() > 0, "{words}: {json}");
        assert_eq!(json["needs"][0], "--force-unread", "{words}");
    }
    assert_eq!(outage.digest(), before);
}

#[test]
fn an_interruption_between_two_steps_says_how_far_it_got() {
    for (action, verb) in [("dlq rm", "Removed"), ("dlq redrive", "Put back")] {
        let server = Server::start().unwrap();
        fill(&server, 120);
        let letters: Vec<(String, Vec<String>)> =
            server.command(&["XRANGE", "{orders}:dead", "-", "+"]);
        let ids = letters.iter().map(|(id, _)| id.as_str());
        // Plans can still be read; the first step waits.
        server.command::<String>(&["CLIENT", "PAUSE", "100000", "WRITE"]);
        let child = streamctl(&server)
            .args(action.split(' '))
            .arg("orders")
            .args(ids)
            .args(["--yes", "--timeout", "100s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let waits = || {
            let clients: String = server.command(&["CLIENT", "LIST"]);
            let waits = |line: &str| line.contains("cmd=xdel") || line.contains("cmd=evalsha");
            clients
                .lines()
                .any(|line| waits(line) && line.contains("flags=b"))
        };
        wait_until(Duration::from_secs(60), "the first step waits", waits);
        interrupt(child.id());
        server.command::<String>(&["CLIENT", "UNPAUSE"]);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = format!("Interrupted. {verb} 50 of 120 dead letters. The rest is as it was.\n");
        assert!(text.ends_with(&said), "{text}");
        assert_eq!(output.status.code(), Some(130));
        assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 70);
        let audit = run(&server, "audit -o json").json();
        assert_eq!(audit["changes"][0]["done"], "50");
        assert_eq!(audit["changes"][0]["planned"], "120");
    }
}

/// Interrupts a process, waits until it has noticed, and lets it go on.
pub(crate) fn interrupt(pid: u32) {
    let id = pid.to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    let is_seen = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let pending = status.lines().filter(|line| line.contains("Pnd:"));
        pending
            .into_iter()
            .all(|line| line.ends_with("0000000000000000"))
    };
    wait_until(Duration::from_secs(60), "the signal is seen", is_seen);
}

#[test]
fn a_step_that_fails_ends_it_and_says_how_far_it_got() {
    let server = Server::start().unwrap();
    fill(&server, 60);
    // There is no room for the eleventh.
    let exported = run(&server, "dlq export orders").ended(0).out;
    let ten: Vec<&str> = exported.lines().take(10).collect();
    let ten = ten.join("\n");
    let full = r#"{"id":"99999999999999-0","fields":[["~reason","x"],["a","b"]]}"#;
    let rest = r#"{"id":"99999999999998-0","fields":[["~reason","x"],["a","b"]]}"#;
    send(&server, &["DEL", "{orders}:dead"]);
    send(
        &server,
        &[
            "XADD",
            "{orders}:dead",
            "18446744073709551615-18446744073709551615",
            "a",
            "b",
        ],
    );
    let input = format!("{ten}\n{full}\n{rest}\n");
    let ran = crate::support::run_with(&server, "dlq import orders --yes", &input).ended(1);
    assert!(
        ran.out
            .contains("Added 0 of 12 dead letters. Then Redis refused: "),
        "{}",
        ran.out
    );
}

#[test]
fn a_pipe_that_closes_does_not_undo_what_was_agreed_to() {
    let outage = Outage::begin();
    for (words, left) in [
        ("dlq rm orders --newest 2", 41),
        ("dlq rm orders --newest 2 --yes", 39),
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
        assert_eq!(
            (child.wait().unwrap().code(), err.as_str()),
            (Some(0), ""),
            "{words}"
        );
        let dead: u64 = outage.server.command(&["XLEN", "{orders}:dead"]);
        assert_eq!(dead, left, "{words}");
    }
}

#[test]
fn the_audit_knows_who_did_what_without_values() {
    let outage = Outage::begin();
    let server = &outage.server;
    let url = server.url().replace("redis://", "redis://:hush-hush@");
    let words = [
        "--url", &url, "dlq", "redrive", "orders", "--newest", "1", "--yes",
    ];
    let set = ["--set", "card=SECRET-1", "--set=pin=SECRET-2"];
    // The server has no password, so that one makes it refuse; the audit is by the other.
    run_words(server, &[&words[..], &set].concat());
    run_words(server, &[&words[2..], &set].concat()).ended(0);
    run_words(
        server,
        &[
            "stream",
            "send",
            "orders",
            "order_id=SECRET-3",
            "--force",
            "--yes",
        ],
    )
    .ended(0);
    let json = run(server, "audit -o json").json();
    let text = json.to_string();
    assert!(!text.contains("SECRET") && !text.contains("hush"), "{text}");
    let change = &json["changes"][1];
    assert_eq!(change["action"], "dlq redrive");
    assert_eq!(
        change["command"],
        "streamctl dlq redrive orders --newest 1 --yes --set card=… --set=pin=…"
    );
    assert!(change["who"].as_str().unwrap().contains('@'), "{change}");
    assert!(
        change["program"]
            .as_str()
            .unwrap()
            .starts_with("streamctl "),
        "{change}"
    );
    assert_eq!(
        json["changes"][0]["command"],
        "streamctl stream send orders order_id=… --force --yes"
    );
}

#[test]
fn the_audit_of_one_stream_leaves_out_the_others() {
    let outage = Outage::begin();
    let server = &outage.server;
    run(server, "dlq rm orders --newest 1 --yes").ended(0);
    run(server, "stream send others a=b --yes").ended(0);
    run(server, "dlq rm orders --newest 2 --yes").ended(0);
    for words in ["audit orders", "audit --stream orders"] {
        let json = run(server, &format!("{words} -o json")).ended(0).json();
        let changes = json["changes"].as_array().unwrap();
        let done: Vec<_> = changes.iter().map(|change| &change["done"]).collect();
        assert_eq!(done, ["2", "1"], "{words}");
    }
    let json = run(server, "audit orders -n 1 -o json").json();
    assert_eq!(json["changes"].as_array().unwrap().len(), 1);
    assert_eq!(
        run(server, "audit -o json").json()["changes"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let ran = run(server, "audit nothing").ended(0);
    assert!(
        ran.out.starts_with("No changes by these tools"),
        "{}",
        ran.out
    );
}

#[test]
fn a_change_stands_though_the_audit_refuses_it() {
    let outage = Outage::begin();
    send(&outage.server, &["SET", "stream-ops:audit", "no stream"]);
    let ran = run(&outage.server, "dlq rm orders --newest 1 --yes").ended(0);
    assert!(
        ran.err.contains("the audit has no note of it: WRONGTYPE"),
        "{}",
        ran.err
    );
    let dead: u64 = outage.server.command(&["XLEN", "{orders}:dead"]);
    assert_eq!(dead, 40);
}

/// Adds dead letters of `orders`.
fn fill(server: &Server, number: u32) {
    let fill = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'amount', '1', '~id', i .. '-0', \
                '~group', 'billing', '~reason', 'permanent', '~error', 'no') end";
    eval(server, &[fill, "1", "{orders}:dead", &number.to_string()]);
}

/// Runs a script, with its keys and values.
pub(crate) fn eval(server: &Server, words: &[&str]) {
    let (script, rest) = words.split_first().unwrap();
    let script = format!("{script} return 1");
    let all = [&["EVAL", script.as_str()][..], rest].concat();
    assert_eq!(server.command::<i64>(&all), 1);
}
