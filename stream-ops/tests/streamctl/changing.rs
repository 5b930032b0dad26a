//! The commands that change something: plans, and what they do.

use std::process::Stdio;

use stream_tests::{Server, wait_until};

use crate::support::{Outage, letter, run, run_with, script, send, streamctl};

/// Every command that changes something, without its yes.
const PLANS: [&str; 15] = [
    "dlq redrive orders",
    "dlq redrive orders --reason undecodable --set amount=12.50",
    "dlq rm orders --reason permanent",
    "pending release orders billing --dead",
    "pending bury orders billing --suspects",
    "pending ack orders billing --dead --force-unread",
    "group create orders audit",
    "group set-id orders billing 0",
    "group hold orders billing --for 30m",
    "group release orders billing",
    "group rm orders billing --force-unread",
    "consumer rm orders billing node-4-2211",
    "stream trim orders --max-length 3",
    "replay orders --from 0-1 --to 9999999999999-0 --into copies",
    "replay orders --from 0-1 --to 9999999999999-0 --group billing",
];

#[test]
fn plans_change_nothing_and_say_how_to_act() {
    let outage = Outage::begin();
    let before = outage.digest();
    for words in PLANS {
        let ran = run(&outage.server, words).ended(0);
        assert!(ran.out.starts_with("Would "), "{words}: {}", ran.out);
        assert!(
            ran.out.contains("Nothing was changed. Act: the same with "),
            "{words}: {}",
            ran.out
        );
        let json = run(&outage.server, &format!("{words} -o json"))
            .ended(0)
            .json();
        assert_eq!(json["changed"], false, "{words}");
    }
    assert_eq!(outage.digest(), before);
}

#[test]
fn a_plan_says_what_would_fail_again() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "dlq redrive orders --reason undecodable").ended(0);
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with(
            "Would put back 17 of 41 dead letters into `orders`, for billing only (until "
        ),
        "{}",
        ran.out
    );
    assert!(
        lines[1].starts_with("17 of them would fail again: amount: "),
        "{}",
        ran.out
    );
    assert!(lines[1].ends_with("(schema Order)."), "{}", ran.out);
    assert!(lines[2].starts_with("Nothing was changed. Act: the same with --until "));
    assert!(lines[2].ends_with(" --yes"));
    let ran = run(
        &outage.server,
        "dlq redrive orders --reason undecodable --set amount=12.50",
    )
    .ended(0);
    assert!(!ran.out.contains("would fail again"), "{}", ran.out);
}

#[test]
fn a_plan_is_carried_out_on_exactly_what_it_showed() {
    let outage = Outage::begin();
    let server = &outage.server;
    let ran = run(
        server,
        "dlq redrive orders --reason undecodable --set amount=12.50",
    )
    .ended(0);
    let (_, again) = ran.out.split_once("the same with ").unwrap();
    // More of the same come meanwhile.
    letter(
        server,
        99,
        "undecodable",
        "amount: a number expected",
        "1,0",
    );
    let words = format!("dlq redrive orders --reason undecodable --set amount=12.50 {again}");
    let ran = run(server, &words).ended(0);
    assert!(
        ran.out.ends_with("Put back 17 dead letters.\n"),
        "{}",
        ran.out
    );
    assert_eq!(
        server.command::<u64>(&["XLEN", "{orders}:dead"]),
        41 + 1 - 17
    );
    let put: Vec<(String, Vec<String>)> =
        server.command(&["XREVRANGE", "orders", "+", "-", "COUNT", "17"]);
    for (_, fields) in put {
        assert!(fields.contains(&"12.50".to_owned()), "{fields:?}");
        assert!(fields.contains(&"~for".to_owned()), "{fields:?}");
    }
    let json = run(server, "audit -o json").json();
    assert_eq!(json["changes"][0]["done"], "17");
}

#[test]
fn a_suspect_is_set_aside_and_comes_back() {
    let outage = Outage::begin();
    let server = &outage.server;
    let words = format!("pending bury orders billing {} --yes", outage.suspect);
    let ran = run(server, &words).ended(0);
    assert!(
        ran.out.contains("Moved 1 entry to the dead letters."),
        "{}",
        ran.out
    );
    assert!(
        run(server, "pending ls orders billing --suspects")
            .out
            .starts_with("No suspects")
    );
    let json = run(server, "dlq ls orders -n 1 -o json").json();
    assert_eq!(json["letters"][0]["entry_id"], outage.suspect.as_str());
    let id = json["letters"][0]["id"].as_str().unwrap().to_owned();
    run(server, &format!("dlq redrive orders {id} --yes")).ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 41);
    // A second time there is nothing to do it with.
    let ran = run(server, &words).ended(1);
    assert!(ran.out.contains("1 were left"), "{}", ran.out);
}

#[test]
fn what_is_in_dead_hands_is_released_or_acknowledged() {
    let outage = Outage::begin();
    let server = &outage.server;
    run(server, "pending ack orders billing --dead --yes").ended(2);
    let json = run(
        server,
        "pending release orders billing --suspects --yes -o json",
    )
    .ended(0)
    .json();
    assert_eq!(json["done"], 1);
    let json = run(
        server,
        "pending ack orders billing --dead --force-unread --yes -o json",
    )
    .ended(0)
    .json();
    assert_eq!(json["done"], 4);
    let json = run(server, "group info orders billing -o json").json();
    assert_eq!(
        (&json["pending"], &json["waiting_due"]),
        (&1.into(), &1.into())
    );
    run(server, "pending release orders billing --yes").ended(2);
}

#[test]
fn groups_are_made_held_set_and_removed() {
    let outage = Outage::begin();
    let server = &outage.server;
    run(server, "group create orders audit --from end --yes").ended(0);
    run(server, "group create orders audit --yes").ended(1);
    run(
        server,
        "group hold orders billing --for 30m --why maintenance --yes",
    )
    .ended(0);
    let json = run(server, "group info orders billing -o json").json();
    assert_eq!(json["state"], "held");
    assert_eq!(json["held_why"], "maintenance");
    run(server, "group release orders billing --yes").ended(0);
    run(server, "group set-id orders billing end --yes").ended(2);
    run(
        server,
        "group set-id orders billing end --force-unread --yes",
    )
    .ended(0);
    assert_eq!(
        run(server, "group info orders billing -o json").json()["unread"],
        0
    );
    let ran = run(server, "group rm orders billing --yes").ended(2);
    assert!(ran.err.contains("add --force-unread"), "{}", ran.err);
    run(server, "consumer rm orders billing node-4-2211 --yes").ended(0);
    run(server, "group rm orders billing --force-unread --yes").ended(0);
    run(server, "group info orders billing").ended(5);
    run(server, "group rm orders audit --yes").ended(0);
}

#[test]
fn entries_are_sent_trimmed_and_replayed() {
    let outage = Outage::begin();
    let server = &outage.server;
    let words = "stream send orders order_id=A-99 amount=1 --key one";
    let json = run(server, &format!("{words} -o json")).ended(0).json();
    assert_eq!(json["is_new"], true);
    assert_eq!(
        run(server, &format!("{words} -o json")).json()["is_new"],
        false
    );
    run(server, "stream send orders nonsense").ended(2);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 36);
    // What a group hasn't handled stays, unless it is forced.
    run(server, "stream trim orders --max-length 3 --yes").ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 36);
    run(
        server,
        "stream trim orders --max-length 3 --force-unread --yes",
    )
    .ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 3);
    let all = "--from 0-1 --to 9999999999999-0 --yes";
    run(server, &format!("replay orders {all} --into copies")).ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "copies"]), 3);
    run(server, &format!("replay orders {all} --group billing")).ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 6);
    run(server, &format!("replay orders {all}")).ended(2);
    run(server, &format!("replay orders {all} --group nobody")).ended(5);
}

#[test]
fn dead_letters_are_exported_and_imported() {
    let outage = Outage::begin();
    let server = &outage.server;
    send(
        server,
        &[
            "XADD",
            "{orders}:dead",
            "*",
            "a",
            "\u{1}",
            "~id",
            "1-0",
            "~group",
            "g",
        ],
    );
    let before: Vec<(String, Vec<String>)> = server.command(&["XRANGE", "{orders}:dead", "-", "+"]);
    let exported = run(server, "dlq export orders").ended(0);
    assert_eq!(exported.out.lines().count(), 42);
    run(server, "dlq rm orders --yes").ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 0);
    let ran = run_with(server, "dlq import orders", &exported.out).ended(0);
    assert!(
        ran.out.starts_with("Would add 42 dead letters"),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 0);
    run_with(server, "dlq import orders --yes", &exported.out).ended(0);
    let after: Vec<(String, Vec<String>)> = server.command(&["XRANGE", "{orders}:dead", "-", "+"]);
    let fields = |letters: &[(String, Vec<String>)]| {
        letters.iter().map(|(_, f)| f.clone()).collect::<Vec<_>>()
    };
    assert_eq!(fields(&after), fields(&before));
    let ran = run_with(server, "dlq import orders --yes", "{}\n").ended(2);
    assert!(ran.err.contains("line 1 "), "{}", ran.err);
}

#[test]
fn an_interruption_says_how_far_it_came() {
    const LETTERS: u64 = 40_000;
    let server = Server::start().unwrap();
    send(
        &server,
        &["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"],
    );
    let fill = "redis.call('DEL', KEYS[1]) for i = 1, 40000 do \
                redis.call('XADD', KEYS[1], '*', 'amount', '1', '~id', i .. '-0', \
                '~group', 'billing', '~reason', 'permanent', '~error', 'no') end";
    let left = || server.command::<u64>(&["XLEN", "{orders}:dead"]);
    // It may be done before the server stands still.
    let stopped = (0..5).find_map(|_| {
        script(&server, fill, "{orders}:dead");
        let mut child = streamctl(&server)
            .args(["dlq", "rm", "orders", "--all", "--yes", "-o", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = std::time::Duration::from_secs(60);
        wait_until(deadline, "it has begun", || left() < LETTERS);
        server.freeze();
        let is_over = child.try_wait().unwrap().is_some();
        let pid = child.id().to_string();
        if !is_over {
            let killed = std::process::Command::new("kill")
                .args(["-INT", &pid])
                .status();
            assert!(killed.unwrap().success());
        }
        server.thaw();
        let output = child.wait_with_output().unwrap();
        (!is_over).then_some(output)
    });
    let output = stopped.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let done = json["done"].as_u64().unwrap();
    assert!(
        done.is_multiple_of(50) && done > 0 && done < LETTERS,
        "{text}"
    );
    assert_eq!(left(), LETTERS - done);
    let audit = run(&server, "audit -o json").json();
    assert_eq!(audit["changes"][0]["done"], done.to_string());
}
