//! Dead letters since a time.

use stream_tests::Server;

use crate::support::{MINUTES, digest, now_ms, run, run_words, send};

/// Dead letters that died so many minutes ago, of two kinds in turn.
fn with_letters(ages: &[u64]) -> Server {
    let server = Server::start().unwrap();
    let now = now_ms();
    for (number, minutes) in ages.iter().enumerate() {
        let (reason, error) = if number % 2 == 0 {
            ("permanent", "no such order")
        } else {
            ("undecodable", "amount: a number expected")
        };
        bury(
            &server,
            "{orders}:dead",
            now - minutes * MINUTES,
            reason,
            error,
        );
    }
    server
}

fn bury(server: &Server, key: &str, ms: u64, reason: &str, error: &str) -> String {
    let (id, entry) = (format!("{ms}-0"), format!("{ms}-1"));
    server.command(&[
        "XADD", key, &id, "amount", "1", "~id", &entry, "~group", "billing", "~reason", reason,
        "~error", error, "~time", "1",
    ])
}

fn left(server: &Server) -> u64 {
    server.command(&["XLEN", "{orders}:dead"])
}

/// A time of so many minutes ago.
fn ago(minutes: u64) -> String {
    stream_ops::words::rfc3339(now_ms() - minutes * MINUTES).unwrap()
}

#[test]
fn lists_and_counts_begin_at_a_time() {
    let server = with_letters(&[300, 200, 100, 50, 20, 10]);
    for since in ["110m", "1.8h", &ago(110)] {
        let json = run(&server, &format!("dlq ls orders --since {since} -o json"))
            .ended(0)
            .json();
        let letters = json["letters"].as_array().unwrap();
        assert_eq!((letters.len(), &json["dead"]), (4, &6.into()), "{since}");
        let ids: Vec<&str> = letters
            .iter()
            .map(|letter| letter["id"].as_str().unwrap())
            .collect();
        assert!(
            ids.is_sorted_by(|a, b| a > b),
            "not the newest first: {ids:?}"
        );
        assert!(json["since"].as_str().unwrap().ends_with('Z'), "{json}");
    }
    let all = run(&server, "dlq ls orders -o json").ended(0).json();
    assert_eq!(all["letters"].as_array().unwrap().len(), 6);
    assert!(all["since"].is_null());
    let few = run(
        &server,
        "dlq ls orders --since 1d --reason permanent -n 2 -o json",
    );
    let few = few.ended(0).json();
    assert_eq!(few["letters"][0]["id"], all["letters"][1]["id"]);
    assert_eq!(few["letters"].as_array().unwrap().len(), 2);

    let kinds = run(&server, "dlq ls orders --kinds --since 60m -o json");
    let kinds = kinds.ended(0).json();
    let counts: Vec<_> = kinds["kinds"].as_array().unwrap().iter().collect();
    let counts: Vec<u64> = counts.iter().filter_map(|k| k["count"].as_u64()).collect();
    assert_eq!(counts, [2, 1]);
    let exported = run(&server, "dlq export orders --since 30m").ended(0);
    assert_eq!(exported.out.lines().count(), 2);
    run(&server, "dlq ls orders --since 1m").ended(0);
}

#[test]
fn a_plan_since_a_time_acts_on_what_it_showed() {
    let server = with_letters(&[300, 200, 100, 50]);
    let before = digest(&server);
    let words = "dlq redrive orders --since 110m";
    let plan = run(&server, words).ended(0);
    assert!(
        plan.out.starts_with(
            "Would put back 2 of 4 dead letters into `orders`, for billing only (since "
        ),
        "{}",
        plan.out
    );
    assert_eq!(digest(&server), before, "asking has changed something");
    let json = run(&server, &format!("{words} -o json")).ended(0).json();
    assert_eq!((&json["count"], &json["of"]), (&2.into(), &4.into()));
    let since = json["since"].as_str().unwrap().to_owned();
    let act = json["act_with"].as_str().unwrap();
    assert!(
        act.starts_with(&format!("--since {since} --until ")) && act.ends_with(" --yes"),
        "{act}"
    );
    // Letters before and after those of the plan don't count.
    let now = now_ms();
    bury(&server, "{orders}:dead", now, "permanent", "no such order");
    let put = run(&server, &format!("{words} {act} -o json"))
        .ended(0)
        .json();
    assert_eq!((&put["done"], &put["since"]), (&2.into(), &since.into()));
    assert_eq!(left(&server), 3);
    let none = run(&server, "dlq redrive orders --since 100d --until 1-0 --yes").ended(0);
    assert!(
        none.out.contains("No dead letter of `orders` is meant"),
        "{}",
        none.out
    );
    assert_eq!(left(&server), 3);

    let words = "dlq rm orders --since 10m";
    let plan = run(&server, words).ended(0);
    assert!(
        plan.out.contains("Would remove 1 of 3 dead letters"),
        "{}",
        plan.out
    );
    assert_eq!(left(&server), 3);
    run(&server, &format!("{words} --yes")).ended(0);
    assert_eq!(left(&server), 2);
    let audit: Vec<(String, Vec<String>)> =
        server.command(&["XRANGE", "stream-ops:audit", "-", "+"]);
    let notes: Vec<String> = audit.into_iter().map(|(_, note)| note.join(" ")).collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("dlq rm orders --since 10m")),
        "{notes:?}"
    );
}

#[test]
fn each_partition_begins_at_the_same_time() {
    let server = Server::start().unwrap();
    send(&server, &["HSET", "{orders}:meta", "partitions", "4"]);
    let now = now_ms();
    for part in 0..4 {
        let key = format!("{{orders:{part}}}:dead");
        for minutes in [90, 60, 30] {
            let ms = now - minutes * MINUTES + part;
            bury(&server, &key, ms, "permanent", "no");
        }
    }
    let json = run(&server, "dlq ls orders --since 70m -o json")
        .ended(0)
        .json();
    let ids: Vec<&str> = json["letters"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|letter| letter["id"].as_str())
        .collect();
    let parts: Vec<&str> = ids.iter().filter_map(|id| id.split(':').next()).collect();
    assert_eq!(parts, ["3", "2", "1", "0", "3", "2", "1", "0"], "{ids:?}");
    let put = run(&server, "dlq redrive orders --since 45m --yes -o json");
    assert_eq!(put.ended(0).json()["done"], 4);
    let gone = run(
        &server,
        "dlq rm orders --since 70m --newest 3 --yes -o json",
    );
    assert_eq!(gone.ended(0).json()["done"], 3);
    let left: Vec<u64> = (0..4)
        .map(|part| server.command(&["XLEN", &format!("{{orders:{part}}}:dead")]))
        .collect();
    assert_eq!(left, [2, 1, 1, 1]);
}

#[test]
fn a_time_that_is_none_changes_nothing() {
    let server = with_letters(&[20, 10]);
    for wrong in [
        "30",
        "yesterday",
        "-5m",
        "25:00",
        "5 weeks",
        "1795660731408-0",
        "",
    ] {
        for command in ["ls", "redrive", "rm", "export"] {
            let ran = run_words(&server, &["dlq", command, "orders", "--since", wrong]).ended(2);
            assert!(
                ran.err
                    .contains("a duration such as 30m, 2h or 1d, a time of day such as 02:38"),
                "{wrong}: {}",
                ran.err
            );
        }
    }
    run(&server, "dlq rm orders 1-0 --since 1h --yes").ended(2);
    assert_eq!(left(&server), 2);
    for command in ["ls", "redrive", "rm", "export"] {
        let help = run(&server, &format!("dlq {command} --help")).ended(0).out;
        assert!(help.contains("--since <TIME>"), "{help}");
    }
    let completions = run(&server, "completions bash").ended(0).out;
    assert!(completions.contains("--since"), "no completion");
}
