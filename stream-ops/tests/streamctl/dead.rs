//! Dead letters put back, removed, exported and imported.

use stream_tests::Server;

use crate::plans::eval;
use crate::support::{Outage, digest, letter, now_ms, run, run_with, run_words, send};

#[test]
fn a_redrive_says_what_would_fail_again_word_by_word() {
    let outage = Outage::begin();
    let ran = run(&outage.server, "dlq redrive orders --reason undecodable").ended(0);
    let dead: Vec<(String, Vec<String>)> =
        outage
            .server
            .command(&["XRANGE", "{orders}:dead", "-", "+"]);
    let until = &dead[16].0;
    assert_eq!(
        ran.out,
        format!(
            "Would put back 17 of 41 dead letters into `orders`, for billing only (until {until}).\n\
             17 of them would fail again: amount: a number expected, found \"12,50\" (schema Order \
             1).\n\
             Nothing was changed. Act: the same with --until {until} --yes\n"
        )
    );
    let json = run(&outage.server, "dlq redrive orders -o json")
        .ended(0)
        .json();
    assert_eq!(json["would_fail"]["count"], 17);
    assert_eq!(json["would_fail"]["why"][0]["field"], "amount");
    assert_eq!((&json["count"], &json["of"]), (&41.into(), &41.into()));
    let ran = run(&outage.server, "dlq redrive orders --set amount=1").ended(0);
    assert!(!ran.out.contains("would fail again"), "{}", ran.out);
}

#[test]
fn a_newer_schema_of_the_same_name_has_the_next_number() {
    let outage = Outage::begin();
    let schema = r#"{"first_seen":1800000000000,"last_seen":1800000000000,"consumers":true,
        "program":"p","schema":{"name":"Order","fields":[{"name":"amount","type":"u8"},
        {"name":"due","type":"String"}]}}"#;
    send(
        &outage.server,
        &["HSET", "{orders}:schema", "00000000000000bb", schema],
    );
    let ran = run(&outage.server, "dlq redrive orders").ended(0);
    let why =
        "41 of them would fail again:\n  41  amount: an integer from 0 to 255 expected, found";
    assert!(ran.out.contains(why), "{}", ran.out);
    assert!(ran.out.contains("\n  41  due: missing, "), "{}", ran.out);
    assert!(ran.out.contains("(schema Order 2)"), "{}", ran.out);
}

#[test]
fn dead_letters_are_chosen_by_reason_kind_group_id_and_age() {
    let outage = Outage::begin();
    let server = &outage.server;
    let count = |words: &[&str]| {
        let all = [&["dlq", "rm", "orders", "-o", "json"], words].concat();
        run_words(server, &all).ended(0).json()["count"].clone()
    };
    let dead: Vec<(String, Vec<String>)> = server.command(&["XRANGE", "{orders}:dead", "-", "+"]);
    let id = |at: usize| dead[at].0.as_str();
    assert_eq!(count(&[]), 41);
    assert_eq!(count(&["--reason", "permanent"]), 3);
    assert_eq!(count(&["--group", "billing", "--limit", "5"]), 5);
    assert_eq!(count(&["--group", "shipping"]), 0);
    assert_eq!(count(&["--kind", "a negative amount"]), 3);
    assert_eq!(count(&["--kind", "payments-db: timed…"]), 21);
    assert_eq!(count(&["--kind", id(0)]), 17);
    assert_eq!(count(&["--newest", "2", "--until", id(9)]), 2);
    assert_eq!(count(&["--until", id(9)]), 10);
    assert_eq!(count(&[id(3), id(5), id(3)]), 2);
    run_words(server, &["dlq", "rm", "orders", "1-1"]).ended(5);
    run_words(server, &["dlq", "rm", "orders", id(0), "--newest", "1"]).ended(2);
    run(server, "dlq rm nothing").ended(5);
    // The newest two of the first ten.
    run_words(
        server,
        &[
            "dlq",
            "rm",
            "orders",
            "--newest",
            "2",
            "--until",
            id(9),
            "--yes",
        ],
    )
    .ended(0);
    let left: Vec<(String, Vec<String>)> = server.command(&["XRANGE", "{orders}:dead", "-", "+"]);
    let gone = |id: &str| !left.iter().any(|(known, _)| known == id);
    assert!(gone(id(8)) && gone(id(9)) && !gone(id(7)) && !gone(id(10)));
}

#[test]
fn edited_letters_come_back_with_other_fields() {
    let outage = Outage::begin();
    let server = &outage.server;
    let words = "dlq redrive orders --reason undecodable --set amount=12.50 --unset order_id --yes";
    let ran = run(server, words).ended(0);
    assert!(
        ran.out.ends_with("Put back 17 dead letters.\n"),
        "{}",
        ran.out
    );
    let put: Vec<(String, Vec<String>)> =
        server.command(&["XREVRANGE", "orders", "+", "-", "COUNT", "17"]);
    for (_, fields) in put {
        assert_eq!(&fields[..2], ["amount", "12.50"], "{fields:?}");
        assert!(fields.contains(&"~for".to_owned()), "{fields:?}");
        assert!(!fields.contains(&"order_id".to_owned()), "{fields:?}");
    }
    run(server, "dlq redrive orders --set ~for=other").ended(2);
}

#[test]
fn any_bytes_go_out_and_come_in() {
    let outage = Outage::begin();
    let server = &outage.server;
    let odd = "redis.call('XADD', KEYS[1], '*', 'a', '\\0\\255\\10', '\\200', 'b', 'a', 'x', \
               '~id', '1-0', '~group', 'g', '~reason', 'permanent', '~error', 'no')";
    eval(server, &[odd, "1", "{orders}:dead"]);
    let dump = || server.command::<Vec<u8>>(&["EVAL", CONTENT, "1", "{orders}:dead"]);
    let before = dump();
    let exported = run(server, "dlq export orders").ended(0);
    assert_eq!(exported.out.lines().count(), 42);
    assert!(
        exported.out.contains(r#"[{"hex":"c8"},"b"]"#),
        "{}",
        exported.out
    );
    // Existing dead letters are skipped.
    let ran = run_with(server, "dlq import orders --yes", &exported.out).ended(0);
    assert!(ran.out.contains("42 are there already, "), "{}", ran.out);
    assert_eq!(dump(), before);
    send(server, &["DEL", "{orders}:dead"]);
    let ran = run_with(server, "dlq import orders", &exported.out).ended(0);
    assert!(
        ran.out
            .starts_with("Would add 42 dead letters to those of `orders`."),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 0);
    run_with(server, "dlq import orders --yes", &exported.out).ended(0);
    // Into an empty stream they keep their ids.
    assert_eq!(dump(), before);
    // Behind newer ones they get new ids.
    send(server, &["DEL", "{orders}:dead"]);
    letter(server, 1, "permanent", "no", "1");
    run_with(server, "dlq import orders --limit 2 --yes", &exported.out).ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 3);
    // They are the same despite their new ids; so is one that the file contains twice.
    let twice = exported.out.repeat(2);
    let json = run_with(server, "dlq import orders -o json", &twice)
        .ended(0)
        .json();
    assert_eq!(
        (&json["count"], &json["already_there"]),
        (&40.into(), &44.into())
    );
    let ran = run_with(server, "dlq import orders --yes", &twice).ended(0);
    assert!(
        ran.out
            .contains("44 are there already, of the same entry and group, and left out."),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("Added 40 dead letters.\n"), "{}", ran.out);
    let ran = run_with(server, "dlq import orders --yes", &exported.out).ended(0);
    assert!(
        ran.out
            .starts_with("No dead letter is new to those of `orders`.\n42 are there already"),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["XLEN", "{orders}:dead"]), 43);
    let ran = run_with(server, "dlq import orders --yes", "\n{}\n").ended(2);
    assert!(ran.err.contains("line 2: "), "{}", ran.err);
    run_with(server, "dlq export orders --reason permanent", "").ended(0);
}

/// All entries of a stream, as text.
const CONTENT: &str = "return cjson.encode(redis.call('XRANGE', KEYS[1], '-', '+'))";

#[test]
fn letters_of_partitions_go_back_into_their_own() {
    let server = Server::start().unwrap();
    send(&server, &["HSET", "{orders}:meta", "partitions", "4"]);
    for part in 0..3 {
        for number in 0..=part {
            let id = format!("{}-{number}", now_ms());
            send(
                &server,
                &[
                    "XADD",
                    &format!("{{orders:{part}}}:dead"),
                    "*",
                    "amount",
                    "1",
                    "~id",
                    &id,
                    "~group",
                    "billing",
                    "~reason",
                    "permanent",
                    "~error",
                    "no",
                ],
            );
        }
    }
    let before = digest(&server);
    let planned = run(&server, "dlq redrive orders -o json").ended(0).json();
    assert_eq!(
        (&planned["count"], digest(&server) == before),
        (&6.into(), true)
    );
    let exported = run(&server, "dlq export orders").ended(0).out;
    assert_eq!(exported.lines().count(), 6);
    let json = run(&server, "dlq redrive orders --limit 2 --yes -o json")
        .ended(0)
        .json();
    assert_eq!(json["done"], 2);
    assert_eq!(length(&server, "{orders:0}"), 1);
    assert_eq!(length(&server, "{orders:1}"), 1);
    run(&server, "dlq rm orders --yes").ended(0);
    run_with(&server, "dlq import orders --yes", &exported).ended(0);
    let lengths: Vec<u64> = (0..3)
        .map(|n| length(&server, &format!("{{orders:{n}}}:dead")))
        .collect();
    assert_eq!(lengths, [1, 2, 3]);
    let dead: Vec<(String, Vec<String>)> = server.command(&["XRANGE", "{orders:2}:dead", "-", "+"]);
    let one = format!("dlq rm orders 2:{} --yes", dead[0].0);
    run(&server, &one).ended(0);
    assert_eq!(length(&server, "{orders:2}:dead"), 2);
    run(&server, &format!("dlq rm orders {} --yes", dead[1].0)).ended(2);
}

fn length(server: &Server, key: &str) -> u64 {
    server.command(&["XLEN", key])
}

#[test]
fn sensitive_values_stay_hidden_in_plans_and_exports() {
    let outage = Outage::begin();
    let server = &outage.server;
    let schema = r#"{"first_seen":1900000000000,"last_seen":1900000000000,"consumers":true,
        "program":"p","schema":{"name":"Order","fields":[{"name":"order_id","type":"String"},
        {"name":"card","type":"u64","sensitive":true},{"name":"amount","type":"f64"}]}}"#;
    send(
        server,
        &["HSET", "{orders}:schema", "00000000000000bb", schema],
    );
    send(
        server,
        &[
            "XADD",
            "{orders}:dead",
            "*",
            "order_id",
            "D",
            "card",
            "SECRET",
            "amount",
            "1",
            "~id",
            "1-0",
            "~group",
            "billing",
            "~reason",
            "odd",
            "~error",
            "no",
        ],
    );
    for form in ["table", "json"] {
        let ran = run(
            server,
            &format!("dlq redrive orders --reason odd -o {form}"),
        )
        .ended(0);
        assert!(
            ran.out.contains("••••") && !ran.out.contains("SECRET"),
            "{}",
            ran.out
        );
    }
    let ran = run(server, "stream send orders order_id=a card=SECRET amount=1").ended(2);
    assert!(
        ran.err.contains("••••") && !ran.err.contains("SECRET"),
        "{}",
        ran.err
    );
    let ran = run(server, "dlq export orders").ended(2);
    assert!(
        ran.err.contains("--show-sensitive") && ran.out.is_empty(),
        "{}",
        ran.err
    );
    let ran = run(server, "dlq export orders --reason odd --show-sensitive").ended(0);
    assert!(ran.out.contains("SECRET"), "{}", ran.out);
}
