//! Changes of entries, and of scheduled messages.

use std::collections::BTreeMap;
use std::time::Duration;

use stream_lib::{RawMessage, StreamConfig, StreamManager};
use stream_tests::Server;

use crate::plans::eval;
use crate::support::{Outage, digest, run, run_with, send};

#[test]
fn messages_are_checked_and_sent() {
    let outage = Outage::begin();
    let server = &outage.server;
    let newest = || {
        let found: Vec<(String, BTreeMap<String, String>)> =
            server.command(&["XREVRANGE", "orders", "+", "-", "COUNT", "1"]);
        found[0].1.clone()
    };
    let words = "stream send orders order_id=A-99 amount=1 --idempotency-key one --header trace=t";
    assert_eq!(
        run(server, &format!("{words} --yes -o json"))
            .ended(0)
            .json()["done"],
        1
    );
    assert_eq!(newest()["~h:trace"], "t");
    let ran = run(server, &format!("{words} --yes")).ended(1);
    assert!(
        ran.out
            .ends_with("Added 0 of 1 message; 1 were added before.\n"),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 36);
    run(server, "stream send orders nonsense").ended(2);
    let ran = run(server, "stream send orders order_id=A amount=much --yes").ended(2);
    assert!(
        ran.err
            .contains("amount: a number expected, found \"much\" (schema Order 1)"),
        "{}",
        ran.err
    );
    run(
        server,
        "stream send orders order_id=A amount=much --force --yes",
    )
    .ended(0);
    assert_eq!(newest()["amount"], "much");
    let lines = "{\"order_id\": \"L-1\", \"amount\": 2.5}\n\n\
                 {\"fields\": [[\"order_id\", \"L-2\"], [\"amount\", \"3\"]], \"headers\": {\"a\": \"b\"}}\n";
    let json = run_with(server, "stream send orders --yes -o json", lines)
        .ended(0)
        .json();
    assert_eq!(json["done"], 2);
    assert_eq!(
        (newest()["order_id"].as_str(), newest()["~h:a"].as_str()),
        ("L-2", "b")
    );
    let ran = run_with(server, "stream send orders --yes", "{}\nx\n").ended(2);
    assert!(ran.err.contains("line 2: no JSON"), "{}", ran.err);
    run_with(server, "stream send orders", "").ended(2);
    let before = digest(server);
    let ran = run(server, "stream send brand-new a=b").ended(0);
    assert!(
        ran.out.contains("The stream doesn't exist yet"),
        "{}",
        ran.out
    );
    assert_eq!(digest(server), before);
}

#[test]
fn a_stream_is_trimmed_to_what_was_shown() {
    let outage = Outage::begin();
    let server = &outage.server;
    send(server, &["XGROUP", "SETID", "orders", "billing", "$"]);
    let words = "stream trim orders --max-length 10 --force-unread";
    let planned = run(server, &format!("{words} -o json")).ended(0).json();
    assert_eq!(
        (&planned["count"], &planned["of"], &planned["unhandled"]),
        (&25.into(), &35.into(), &5.into())
    );
    assert_eq!(planned["groups"][0], "billing");
    for _ in 0..7 {
        send(server, &["XADD", "orders", "*", "order_id", "later"]);
    }
    let act = planned["act_with"].as_str().unwrap();
    let json = run(server, &format!("{words} {act} -o json"))
        .ended(0)
        .json();
    assert_eq!(json["done"], 25);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 17);
    // By age, and by an id alone.
    let json = run(server, "stream trim orders --max-age 10m -o json")
        .ended(0)
        .json();
    assert_eq!(json["count"], 10);
    let all: Vec<(String, Vec<String>)> = server.command(&["XRANGE", "orders", "-", "+"]);
    let until = format!("stream trim orders --until {} --yes", all[3].0);
    run(server, &until).ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 13);
    run(server, "stream trim orders").ended(2);
    run(server, "stream trim nothing --max-length 1").ended(5);
    send(server, &["SET", "text", "a"]);
    run(server, "stream trim text --max-length 1").ended(2);
}

#[test]
fn a_long_stream_is_trimmed_in_steps() {
    let server = Server::start().unwrap();
    let fill = "for i = 1, 1234 do redis.call('XADD', KEYS[1], i .. '-1', 'a', 'b') end";
    eval(&server, &[fill, "1", "log"]);
    run(&server, "stream trim log --max-length 34 --yes").ended(2);
    let json = run(
        &server,
        "stream trim log --max-length 34 --all --yes -o json",
    )
    .ended(0)
    .json();
    assert_eq!(
        (&json["done"], &json["until"]),
        (&1_200.into(), &"1200-1".into())
    );
    assert_eq!(server.command::<u64>(&["XLEN", "log"]), 34);
}

#[test]
fn entries_are_replayed_into_a_stream_or_for_a_group() {
    let outage = Outage::begin();
    let server = &outage.server;
    send(
        server,
        &[
            "XADD", "orders", "*", "order_id", "H", "~h:trace", "t", "~for", "other",
        ],
    );
    let planned = run(server, "replay orders --from - --into copies -o json")
        .ended(0)
        .json();
    assert_eq!(planned["count"], 36);
    send(server, &["XADD", "orders", "*", "order_id", "later"]);
    let act = planned["act_with"].as_str().unwrap();
    run(
        server,
        &format!("replay orders --from - --into copies {act}"),
    )
    .ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "copies"]), 36);
    let last: Vec<(String, Vec<String>)> =
        server.command(&["XREVRANGE", "copies", "+", "-", "COUNT", "1"]);
    assert_eq!(last[0].1, ["order_id", "H", "~h:trace", "t"]);
    let ran = run(
        server,
        "replay orders --from - --limit 3 --group billing --yes",
    )
    .ended(0);
    assert!(ran.out.ends_with("Copied 3 entries.\n"), "{}", ran.out);
    let copies: Vec<(String, BTreeMap<String, String>)> =
        server.command(&["XREVRANGE", "orders", "+", "-", "COUNT", "3"]);
    let first: Vec<(String, Vec<String>)> =
        server.command(&["XRANGE", "orders", "-", "+", "COUNT", "1"]);
    assert_eq!(copies[2].1["~origin"], first[0].0);
    assert_eq!(copies[2].1["~for"], "billing");
    run(server, "replay orders --from -").ended(2);
    run(server, "replay orders --from soon --into copies").ended(2);
    run(server, "replay orders --from - --into orders").ended(2);
    run(server, "replay orders --from - --group nobody").ended(5);
    run(server, "replay nothing --from - --into copies").ended(5);
}

#[test]
fn a_stream_is_cleaned_by_its_own_settings() {
    let outage = Outage::begin();
    let server = &outage.server;
    let ran = run(server, "retention run orders").ended(0);
    assert!(
        ran.out.starts_with("Nothing of `orders` would go now."),
        "{}",
        ran.out
    );
    for (name, value) in [
        ("max_length", "10"),
        ("priority", "low"),
        ("min_retention_count", "0"),
        ("min_retention_time", "0"),
    ] {
        let field = format!("retention:{name}");
        send(server, &["HSET", "{orders}:meta", &field, value]);
    }
    let before = outage.digest();
    let json = run(server, "retention run orders -o json").ended(0).json();
    assert_eq!(
        (&json["count"], outage.digest() == before),
        (&25.into(), true)
    );
    assert_eq!(json["unhandled"], 25);
    assert_eq!(json["act_with"], "--limit 25 --force-unread --yes");
    run(server, "retention run orders --yes").ended(2);
    let ran = run(
        server,
        "retention run orders --limit 3 --force-unread --yes",
    )
    .ended(0);
    assert!(
        ran.out
            .contains("Would remove 3 of 35 entries from `orders`: the oldest, of 25 that may go."),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("Removed 3 entries.\n"), "{}", ran.out);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 32);
    // Entries added after the plan are left alone.
    for _ in 0..4 {
        send(server, &["XADD", "orders", "*", "order_id", "later"]);
    }
    let ran = run(
        server,
        "retention run orders --limit 22 --force-unread --yes",
    )
    .ended(0);
    assert!(ran.out.ends_with("Removed 22 entries.\n"), "{}", ran.out);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 14);
}

#[test]
fn a_long_stream_is_cleaned_in_steps() {
    let server = Server::start().unwrap();
    let fill = "for i = 1, 1234 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end";
    eval(&server, &[fill, "1", "log"]);
    send(&server, &["XGROUP", "CREATE", "log", "g", "$"]);
    for (name, value) in [("max_length", "27"), ("min_retention_count", "0")] {
        let field = format!("retention:{name}");
        send(&server, &["HSET", "{log}:meta", &field, value]);
    }
    run(&server, "retention run log --yes").ended(2);
    let json = run(&server, "retention run log --all --yes -o json");
    // The last step has fewer than 50.
    assert_eq!(json.ended(0).json()["done"], 1_207);
    assert_eq!(server.command::<u64>(&["XLEN", "log"]), 27);
    let ran = run(&server, "retention run log --yes").ended(0);
    assert!(
        ran.out.starts_with("Nothing of `log` would go now."),
        "{}",
        ran.out
    );
}

#[test]
fn what_is_scheduled_is_cancelled_or_run_now() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let handle = manager
        .create_simple_producer("p", StreamConfig::new("orders"))
        .unwrap();
    let producer = handle.typed::<RawMessage>();
    let ids: Vec<String> = (1..=5)
        .map(|number| {
            let message = RawMessage::new().with("order_id", number.to_string());
            let draft = producer
                .with(&message)
                .after(Duration::from_secs(3_600 * number));
            draft.add().unwrap().schedule_id().unwrap().to_string()
        })
        .collect();
    let before = digest(&server);
    let planned = run(&server, "scheduled cancel orders --limit 2 -o json")
        .ended(0)
        .json();
    assert_eq!((&planned["count"], &planned["of"]), (&2.into(), &5.into()));
    assert_eq!(digest(&server), before);
    // A message that is due sooner is added after the plan.
    let sooner = RawMessage::new().with("order_id", "sooner");
    producer
        .with(&sooner)
        .after(Duration::from_secs(60))
        .add()
        .unwrap();
    let act = planned["act_with"].as_str().unwrap();
    let json = run(
        &server,
        &format!("scheduled cancel orders --limit 2 {act} -o json"),
    );
    assert_eq!(json.ended(0).json()["done"], 2);
    let left = run(&server, "scheduled ls orders -o json").json();
    assert_eq!(left["scheduled"], 4);
    assert_eq!(left["messages"][0]["fields"]["order_id"], "sooner");
    let ran = run(
        &server,
        &format!("scheduled run-now orders {} --yes", ids[4]),
    )
    .ended(0);
    assert!(
        ran.out.ends_with("Ran 1 scheduled message.\n"),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 1);
    run(
        &server,
        &format!("scheduled run-now orders {} --yes", ids[4]),
    )
    .ended(5);
    let json = run(&server, "scheduled cancel orders --yes -o json")
        .ended(0)
        .json();
    assert_eq!(json["done"], 3);
    run(&server, "scheduled cancel nothing").ended(5);
}
