//! Groups, their consumers, and pending entries.

use stream_tests::Server;

use crate::support::{Outage, digest, now_ms, run, run_words, send};

#[test]
fn a_suspect_is_set_aside_and_comes_back() {
    let outage = Outage::begin();
    let server = &outage.server;
    let words = format!("pending bury orders billing {} --yes", outage.suspect);
    let ran = run(server, &words).ended(0);
    assert!(
        ran.out.ends_with("Buried 1 pending entry.\n"),
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
    // The second time there is no such entry.
    run(server, &words).ended(5);
}

#[test]
fn what_is_in_dead_hands_is_released_or_acknowledged() {
    let outage = Outage::begin();
    let server = &outage.server;
    let json = run(
        server,
        "pending release orders billing --suspects --yes -o json",
    );
    assert_eq!(json.ended(0).json()["done"], 1);
    let words = "pending ack orders billing --limit 3 --force-unread --yes -o json";
    assert_eq!(run(server, words).ended(0).json()["done"], 3);
    let json = run(server, "group info orders billing -o json").json();
    assert_eq!(
        (&json["pending"], &json["waiting_due"]),
        (&2.into(), &1.into())
    );
    // Entries that wait for a retry are chosen only on request.
    let json = run(server, "pending bury orders billing -o json")
        .ended(0)
        .json();
    assert_eq!(json["count"], 1);
    let json = run(server, "pending bury orders billing --waiting -o json")
        .ended(0)
        .json();
    assert_eq!(json["count"], 2);
    run(server, "pending release orders nobody").ended(5);
    run(server, "pending release nothing nobody").ended(5);
}

#[test]
fn what_a_living_consumer_holds_is_left_alone() {
    let outage = Outage::begin();
    let server = &outage.server;
    let alive = (now_ms() + 600_000).to_string();
    send(
        server,
        &["ZADD", "{orders}:members:billing", &alive, "node-4-2211"],
    );
    let before = outage.digest();
    for hands in ["release", "bury", "ack --force-unread", "ack --waiting"] {
        let ran = run(server, &format!("pending {hands} orders billing --yes")).ended(0);
        assert!(ran.out.starts_with("No pending entry "), "{}", ran.out);
        if hands.ends_with("waiting") {
            continue;
        }
        let one = format!("pending {hands} orders billing {} --yes", outage.suspect);
        let ran = run(server, &one).ended(0);
        assert!(
            ran.out.contains("1 is held by consumers that live"),
            "{}",
            ran.out
        );
    }
    let ran = run(server, "consumer rm orders billing node-4-2211 --yes").ended(1);
    assert!(ran.out.contains("it lives"), "{}", ran.out);
    assert_eq!(outage.digest_but_audit(), without_audit(&before));
}

#[test]
fn a_foreign_consumer_is_dead_once_it_was_silent_for_long() {
    let server = Server::start().unwrap();
    send(
        &server,
        &["XGROUP", "CREATE", "jobs", "py", "0", "MKSTREAM"],
    );
    for _ in 0..3 {
        send(&server, &["XADD", "jobs", "*", "payload", "\u{1}"]);
    }
    send(
        &server,
        &[
            "XREADGROUP",
            "GROUP",
            "py",
            "worker-1",
            "COUNT",
            "3",
            "STREAMS",
            "jobs",
            ">",
        ],
    );
    let before = digest(&server);
    let json = run(&server, "pending ack jobs py -o json").ended(0).json();
    assert_eq!(json["count"], 0);
    assert_eq!(digest(&server), before);
    let words = "pending ack jobs py --dead-after 0s --force-unread --yes -o json";
    assert_eq!(run(&server, words).ended(0).json()["done"], 3);
    run(&server, "consumer rm jobs py worker-1 --yes").ended(0);
    run(&server, "consumer rm jobs py worker-1 --yes").ended(5);
    run(&server, "group rm jobs py --yes").ended(0);
}

#[test]
fn groups_are_made_held_set_and_removed() {
    let outage = Outage::begin();
    let server = &outage.server;
    let ran = run(server, "group create orders audit --from end --yes").ended(0);
    assert!(
        ran.out
            .contains("Would make the group `audit` of `orders`: 0 entries"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.ends_with("Made the group `audit` of `orders`.\n"),
        "{}",
        ran.out
    );
    let ran = run(server, "group create orders audit --yes").ended(0);
    assert!(
        ran.out
            .starts_with("There is the group `audit` of `orders` already"),
        "{}",
        ran.out
    );
    run(
        server,
        "group hold orders billing --for 30m --why maintenance --yes",
    )
    .ended(0);
    let json = run(server, "group info orders billing -o json").json();
    assert_eq!(
        (&json["state"], &json["held_why"]),
        (&"held".into(), &"maintenance".into())
    );
    run(server, "group release orders billing --yes").ended(0);
    let ran = run(server, "group release orders billing --yes").ended(0);
    assert!(ran.out.starts_with("Nothing holds "), "{}", ran.out);
    let json = run(server, "group set-id orders billing end -o json")
        .ended(0)
        .json();
    assert_eq!(
        (&json["skipped"], &json["read_again"]),
        (&30.into(), &0.into())
    );
    run(
        server,
        "group set-id orders billing end --force-unread --yes",
    )
    .ended(0);
    assert_eq!(
        run(server, "group info orders billing -o json").json()["unread"],
        0
    );
    let json = run(
        server,
        "group set-id orders billing beginning --yes -o json",
    )
    .ended(0)
    .json();
    assert_eq!(
        (&json["skipped"], &json["read_again"]),
        (&0.into(), &35.into())
    );
    assert_eq!(
        run(server, "group info orders billing -o json").json()["unread"],
        35
    );
    run(server, "consumer rm orders billing node-4-2211 --yes").ended(0);
    run(server, "group rm orders billing --force-unread --yes").ended(0);
    run(server, "group info orders billing").ended(5);
    for words in [
        "rm orders billing",
        "hold orders billing --for 1m",
        "set-id orders billing end",
    ] {
        run(server, &format!("group {words}")).ended(5);
    }
    run_words(server, &["group", "rm", "orders", "audit", "--yes"]).ended(0);
}

#[test]
fn a_group_of_partitions_is_one() {
    let server = Server::start().unwrap();
    send(&server, &["HSET", "{orders}:meta", "partitions", "2"]);
    for part in 0..2 {
        for number in 0..5 {
            let order = format!("{part}-{number}");
            send(
                &server,
                &[
                    "XADD",
                    &format!("{{orders:{part}}}"),
                    "*",
                    "order_id",
                    &order,
                ],
            );
        }
    }
    let ran = run(&server, "group create orders billing --yes").ended(0);
    assert!(
        ran.out.contains("10 entries are unread to it"),
        "{}",
        ran.out
    );
    let json = run(&server, "group set-id orders billing end -o json")
        .ended(0)
        .json();
    assert_eq!(json["skipped"], 10);
    let json = run(&server, "stream trim orders --max-length 4 -o json")
        .ended(0)
        .json();
    // Entries of one id in both partitions go together, or stay.
    let count = json["count"].as_u64().unwrap();
    assert!((1..=6).contains(&count), "{json}");
    assert_eq!(json["unhandled"], count, "{json}");
    run(
        &server,
        "group set-id orders billing end --force-unread --yes",
    )
    .ended(0);
    assert_eq!(
        run(&server, "group info orders billing -o json").json()["unread"],
        0
    );
    let json = run(
        &server,
        "replay orders --from - --group billing --yes -o json",
    )
    .ended(0)
    .json();
    assert_eq!(json["done"], 10);
    let lengths = [0, 1].map(|n| server.command::<u64>(&["XLEN", &format!("{{orders:{n}}}")]));
    assert_eq!(lengths, [10, 10]);
    run(&server, "group rm orders billing --force-unread --yes").ended(0);
    run(&server, "group info orders billing").ended(5);
}

#[test]
fn the_oldest_entries_of_uneven_partitions_are_trimmed() {
    let server = Server::start().unwrap();
    send(&server, &["HSET", "{orders}:meta", "partitions", "4"]);
    let add = |part: usize, ms: u64| {
        let id = format!("{ms}-0");
        send(
            &server,
            &["XADD", &format!("{{orders:{part}}}"), &id, "n", "1"],
        );
    };
    for number in 0..12 {
        add(0, 1_000 + number);
    }
    for number in 0..2 {
        add(1, 1_004 + 10 * number);
    }
    let json = run(&server, "stream trim orders --max-length 8 --yes -o json");
    assert_eq!(json.ended(0).json()["done"], 6);
    let lengths = [0, 1, 2].map(|n| server.command::<u64>(&["XLEN", &format!("{{orders:{n}}}")]));
    // 1004 is in both keys: up to it there are five entries in the first, one in the
    // second.
    assert_eq!(lengths, [7, 1, 0]);
    let ran = run(&server, "stream trim orders --max-length 8").ended(0);
    assert!(
        ran.out.starts_with("Nothing of `orders` would go"),
        "{}",
        ran.out
    );
}

/// A digest of all keys except the audit.
fn without_audit(digest: &str) -> String {
    let lines = digest
        .lines()
        .filter(|line| !line.starts_with("stream-ops:audit="));
    lines.collect::<Vec<_>>().join("\n")
}

impl Outage {
    fn digest_but_audit(&self) -> String {
        without_audit(&self.digest())
    }
}
