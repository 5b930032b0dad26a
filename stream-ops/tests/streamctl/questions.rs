//! The fifteen questions of a night, each answered by a command.

use crate::support::{Outage, digest, run, run_words, script, send};

#[test]
fn what_is_wrong_in_one_sentence() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "").ended(0);
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with("▲ orders/billing stands still since "),
        "{}",
        ran.out
    );
    assert!(
        lines[0].ends_with("(23 min): no process is alive."),
        "{}",
        ran.out
    );
    assert!(
        lines[1].starts_with("  30 unread, +1/min. Nothing is lost. Suspect: "),
        "{}",
        ran.out
    );
    assert!(lines[1].ends_with(&format!("{}, third delivery.", outage.suspect)));
    assert_eq!(lines[2], "  → streamctl group info orders billing");
    let json = run(&outage.server, "overview -o json").ended(0).json();
    assert_eq!(json["findings"][0]["kind"], "stands-still");
    assert_eq!(json["findings"][0]["severity"], "trouble");
}

#[test]
fn why_since_when_how_old_and_whether_it_gets_better() {
    let outage = Outage::begin();
    let json = run(&outage.server, "group info orders billing -o json")
        .ended(0)
        .json();
    assert_eq!(json["state"], "stands-still");
    assert_eq!(json["causes"], serde_json::json!(["no-process", "suspect"]));
    let since = jiff_like(json["since"].as_str().unwrap());
    assert!(since.abs_diff(outage.since) < 10_000, "{json}");
    let oldest = json["oldest_unread_seconds"].as_f64().unwrap();
    assert!((1_300.0..1_600.0).contains(&oldest), "{json}");
    assert!(json["unread_per_second"].as_f64().unwrap() > 0.0);
    assert!(json["done_in_seconds"].is_null());
    // A number says whether it is exact.
    assert_eq!(json["is_sure"], true);
    assert_eq!(json["unread_is_exact"], true, "no entry was removed");
    let table = run(&outage.server, "group info orders billing")
        .ended(0)
        .out;
    assert!(
        table.contains("(estimated)") && table.contains("Done in           never"),
        "{table}"
    );
    let remove_newest = "local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1) \
                         redis.call('XDEL', KEYS[1], newest[1][1])";
    script(&outage.server, remove_newest, "orders");
    let json = run(&outage.server, "group info orders billing -o json")
        .ended(0)
        .json();
    assert_eq!(json["unread_is_exact"], false, "{json}");
}

/// Milliseconds since 1970 of a time by RFC 3339 in UTC.
fn jiff_like(time: &str) -> u64 {
    let at: jiff::Timestamp = time.parse().unwrap();
    u64::try_from(at.as_millisecond()).unwrap()
}

#[test]
fn who_is_alive_holding_what() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "consumer ls orders billing").ended(0);
    let line = ran.out.lines().nth(1).unwrap();
    assert!(
        line.starts_with("node-4-2211  ▲ lapsed 23 min ago        5"),
        "{line}"
    );
    assert!(line.contains("ended without a word"), "{line}");
    let json = run(&outage.server, "consumer ls orders billing -o json").json();
    assert_eq!(json["consumers"][0]["alive"], false);
    assert_eq!(json["consumers"][0]["pending"], 5);
}

#[test]
fn is_one_entry_to_blame() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "pending ls orders billing --suspects").ended(0);
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
    assert!(ran.out.contains(&outage.suspect));
    let json = run(
        &outage.server,
        "pending ls orders billing --suspects -o json",
    )
    .json();
    assert_eq!(json["entries"][0]["deliveries"], 3);
}

#[test]
fn which_errors_how_many_kinds_and_whether_they_still_come() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "dlq ls orders --kinds").ended(0);
    assert!(
        ran.out.starts_with("41 dead letters, 3 kinds: "),
        "{}",
        ran.out
    );
    let json = run(&outage.server, "dlq ls orders --kinds -o json").json();
    let kinds: Vec<_> = json["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| &k["count"])
        .collect();
    assert_eq!(kinds, [21, 17, 3]);
    assert!(json["kinds"][0]["last"].is_string());
    let ran = run(&outage.server, "dlq ls orders --kinds -o ndjson").ended(0);
    assert_eq!(ran.out.lines().count(), 3);
}

#[test]
fn is_anything_lost_or_about_to_be() {
    let outage = Outage::begin();
    let server = &outage.server;
    assert!(run(server, "").out.contains("Nothing is lost."));
    let ran = run(server, "retention plan orders").ended(0);
    assert!(
        ran.out
            .starts_with("Would remove nothing from orders now.\n"),
        "{}",
        ran.out
    );
    // This doesn't hold for a stream that trims unread entries.
    send(
        server,
        &["HSET", "{orders}:meta", "retention:priority", "low"],
    );
    assert!(!run(server, "").out.contains("Nothing is lost."));
    server.command::<String>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let json = run(server, "overview -o json").json();
    let kinds: Vec<_> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["kind"])
        .collect();
    assert!(
        kinds.contains(&&serde_json::json!("eviction-policy")),
        "{json}"
    );
}

#[test]
fn what_can_be_done_that_cannot_hurt() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "group info orders billing").ended(0);
    let (_, safe) = ran.out.split_once("Safe to do now\n").unwrap();
    assert!(
        safe.contains("Start a process of billing: it takes over 5 at once"),
        "{safe}"
    );
    let before = outage.digest();
    let mut commands = 0;
    for line in safe.lines() {
        if let Some(words) = line.trim().strip_prefix("streamctl ") {
            let ran = run(&outage.server, words).ended(0);
            assert!(
                ran.out.contains("Nothing was changed. Act: "),
                "{}",
                ran.out
            );
            commands += 1;
        }
    }
    assert_eq!(commands, 1, "{safe}");
    assert_eq!(outage.digest(), before);
}

#[test]
fn to_all_two_thousand_but_a_few_first() {
    let outage = Outage::begin();
    let server = &outage.server;
    let fill = "for i = 1, 1500 do redis.call('XADD', KEYS[1], '*', 'amount', '1', '~id', i .. '-0', \
                '~group', 'billing', '~reason', 'permanent', '~error', 'no') end";
    script(server, fill, "{orders}:dead");
    let ran = run(server, "dlq redrive orders --yes").ended(2);
    assert!(
        ran.err.contains("1,541 are more than 1,000: add --all"),
        "{}",
        ran.err
    );
    let ran = run(server, "dlq redrive orders --limit 5 --yes").ended(0);
    assert!(
        ran.out.ends_with("Put back 5 dead letters.\n"),
        "{}",
        ran.out
    );
    let ran = run(server, "dlq redrive orders --all --yes -o json").ended(0);
    assert_eq!(ran.json()["done"], 1_536);
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 0);
}

#[test]
fn what_is_in_it_without_secrets() {
    let outage = Outage::begin();
    let server = &outage.server;
    let schema = r#"{"first_seen":1,"last_seen":1,"producers":true,"consumers":true,"program":"p",
        "schema":{"name":"Order","fields":[{"name":"order_id","type":"String"},
        {"name":"card","type":"String","sensitive":true}]}}"#;
    send(
        server,
        &["HSET", "{orders}:schema", "00000000000000bb", schema],
    );
    send(
        server,
        &[
            "XADD",
            "orders",
            "*",
            "order_id",
            "A-77",
            "card",
            "4111-SECRET",
            "odd",
            "SECRET-2",
        ],
    );
    send(
        server,
        &[
            "XADD",
            "{orders}:dead",
            "*",
            "order_id",
            "D-77",
            "card",
            "SECRET-3",
            "~id",
            "1-0",
            "~group",
            "billing",
            "~reason",
            "permanent",
            "~error",
            "no",
        ],
    );
    let newest: Vec<(String, Vec<String>)> =
        server.command(&["XREVRANGE", "{orders}:dead", "+", "-", "COUNT", "1"]);
    let show = format!("dlq show orders {} --diff", newest[0].0);
    for form in ["table", "json", "ndjson"] {
        for words in [
            "stream peek orders -n 3",
            "dlq ls orders",
            &show,
            "doctor",
            "dlq redrive orders",
        ] {
            let ran = run(server, &format!("{words} -o {form}"));
            assert!(
                !ran.out.contains("SECRET") && !ran.err.contains("SECRET"),
                "{words}: {}",
                ran.out
            );
        }
    }
    let ran = run(server, "stream peek orders -n 1").ended(0);
    assert!(
        ran.out.contains("A-77") && ran.out.contains("••••"),
        "{}",
        ran.out
    );
    run(server, "dlq export orders").ended(2);
    let ran = run(server, "stream peek orders -n 1 --show-sensitive").ended(0);
    assert!(ran.out.contains("4111-SECRET"), "{}", ran.out);
}

#[test]
fn what_changed_lately() {
    let outage = Outage::begin();
    let server = &outage.server;
    send(
        server,
        &[
            "XADD",
            "{orders}:events",
            "*",
            "kind",
            "takeover",
            "count",
            "128",
            "group",
            "billing",
        ],
    );
    let ran = run(server, "events orders").ended(0);
    assert!(
        ran.out.contains("takeover") && ran.out.contains("128"),
        "{}",
        ran.out
    );
    assert_eq!(
        run(server, "events -o json").json()["events"][0]["kind"],
        "takeover"
    );
    assert!(
        run(server, "audit")
            .ended(0)
            .out
            .starts_with("No changes by these tools")
    );
    run_words(
        server,
        &["group", "hold", "orders", "billing", "--for", "5m", "--yes"],
    )
    .ended(0);
    let json = run(server, "audit -o json").ended(0).json();
    assert_eq!(json["changes"][0]["action"], "group hold");
    assert_eq!(json["changes"][0]["group"], "billing");
}

#[test]
fn looking_does_not_hurt() {
    let outage = Outage::begin();
    let server = &outage.server;
    let before = outage.digest();
    for words in crate::looking::COMMANDS {
        run(server, words);
    }
    assert_eq!(digest(server), before);
}
