//! Long changes: watched, limited in rate, stopped.

use serde_json::Value;
use std::fmt::Write;
use stream_lib::{StreamConfig, StreamManager};
use stream_ops::serve::Role;
use stream_tests::{Server, wait_until};

use crate::support::{Answer, Fixture, LONG, basic};

/// Adds dead letters of one kind to a stream.
fn with_dead_letters(count: u64) -> Server {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    server.command::<String>(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    for number in 0..count {
        let (id, order) = (format!("{}-0", number + 1), format!("ORD-{number}"));
        server.command::<String>(&[
            "XADD",
            "{orders}:dead",
            "*",
            "order_id",
            &order,
            "~id",
            &id,
            "~group",
            "billing",
            "~reason",
            "permanent",
            "~error",
            "no such customer",
            "~deliveries",
            "1",
        ]);
    }
    manager.shutdown();
    server
}

fn started(count: u64) -> Fixture {
    let fixture = Fixture::on(with_dead_letters(count), Some(Role::Retry), |_| {});
    let words = format!("{count} dead letters of orders");
    wait_until(LONG, "the dead letters", || {
        fixture.get("/streams/orders/dead").body.contains(&words)
    });
    fixture
}

fn dead(server: &Server) -> u64 {
    server.command(&["XLEN", "{orders}:dead"])
}

/// The form for all letters of the kind, as a browser would send it.
fn form(page: &Answer, what: &str, rate: &str) -> String {
    let kind = page.input("kind").unwrap();
    let until = page.input("until").unwrap();
    let mut shown = String::new();
    for rest in page.body.split("name=\"shown\" value=\"").skip(1) {
        let id = rest.split('"').next().unwrap();
        write!(shown, "&letter={id}&shown={id}").unwrap();
    }
    let more = if page.body.contains("name=\"more\"") {
        "&more=yes"
    } else {
        ""
    };
    format!("do={what}&stream=orders&kind={kind}&until={until}&rate={rate}{more}{shown}")
}

fn confirm(fixture: &Fixture, question: &Answer) -> String {
    let nonce = question.input("nonce").expect("a nonce");
    let done = fixture.post("/confirm", &format!("nonce={nonce}"));
    assert_eq!(done.status, 303, "{}", done.body);
    done.header("location").unwrap().to_owned()
}

fn json(fixture: &Fixture, path: &str) -> Value {
    let answer = fixture.get(&format!("{path}.json"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str::<Value>(&answer.body).unwrap()["facts"].clone()
}

fn audit(server: &Server) -> Vec<String> {
    let notes: Vec<(String, Vec<String>)> =
        server.command(&["XRANGE", "stream-ops:audit", "-", "+"]);
    notes
        .into_iter()
        .map(|(_, fields)| fields.join(" "))
        .collect()
}

#[test]
fn many_are_put_back_at_a_pace_watched_and_stopped() {
    let fixture = started(60);
    let page = fixture.get("/streams/orders/dead");
    assert!(
        page.body.contains("Put back 60…")
            && page.body.contains("Try 10 first…")
            && page.body.contains("name=\"rate\" value=\"50 /s\""),
        "{}",
        page.body
    );
    let question = fixture.post("/change", &form(&page, "redrive", "5+%2Fs"));
    for words in [
        "Put 60 dead letters back",
        "At most 5 a second: it takes about 12 s.",
    ] {
        assert!(question.body.contains(words), "{words}: {}", question.body);
    }
    assert_eq!(dead(&fixture.server), 60, "asking has changed something");
    let path = confirm(&fixture, &question);
    assert!(path.starts_with("/changes/"), "{path}");
    // Every page shows the change, and it has a page of its own.
    assert!(
        fixture
            .get("/")
            .body
            .contains("Putting 60 dead letters back into orders")
    );
    wait_until(LONG, "progress", || {
        json(&fixture, &path)["handled"].as_u64() > Some(1)
    });
    let here = fixture.get(&path);
    assert!(
        here.body.contains("<progress") && here.body.contains("Stop it"),
        "{}",
        here.body
    );
    // Only callers with the token can stop it.
    let id = here.input("work").unwrap().to_owned();
    let own = format!("Origin: http://{}", fixture.address());
    let stop = format!("work={id}");
    assert_eq!(fixture.ask("POST", "/stop", &[&own], &stop).status, 401);
    let bob = basic("bob", crate::support::TOKEN);
    assert_eq!(fixture.ask("POST", "/stop", &[&bob], &stop).status, 403);
    assert_eq!(
        json(&fixture, &path)["running"],
        true,
        "5 a second are too fast"
    );
    let stopped = fixture.ask("POST", "/stop", &[&bob, &own], &stop);
    assert_eq!(stopped.status, 303);
    wait_until(LONG, "the end", || {
        json(&fixture, &path)["running"] == false
    });

    let left = dead(&fixture.server);
    assert!((1..60).contains(&left), "{left} are left");
    let facts = json(&fixture, &path);
    assert_eq!(facts["stopped_by"], "bob");
    assert_eq!(facts["handled"], 60 - left);
    let told = fixture.get(&path).body;
    assert!(
        told.contains("The rest is as it was. It was stopped by bob."),
        "{told}"
    );
    let notes = audit(&fixture.server);
    let done = format!("done {} planned 60", 60 - left);
    assert!(
        notes.iter().any(|note| note.contains("who ada")
            && note.contains("action dlq redrive")
            && note.contains(&done)
            && note.contains("--rate 5")),
        "{notes:?}"
    );
    assert!(
        notes
            .iter()
            .any(|note| note.contains("who bob") && note.contains("action stop")),
        "{notes:?}"
    );
    let after = fixture.get("/streams/orders/dead").body;
    assert!(after.contains(&format!("{left} dead letter")), "{after}");
}

#[test]
fn a_few_go_first_and_then_the_rest() {
    let fixture = started(30);
    let page = fixture.get("/streams/orders/dead");
    // 25 letters are shown, and the five others are chosen, too.
    let question = fixture.post("/change", &form(&page, "redrive-few", ""));
    assert!(
        question.body.contains("Put 10 dead letters back"),
        "{}",
        question.body
    );
    let oldest: Vec<(String, Vec<String>)> =
        fixture
            .server
            .command(&["XRANGE", "{orders}:dead", "-", "+", "COUNT", "11"]);
    confirm(&fixture, &question);
    assert_eq!(dead(&fixture.server), 20);
    let rest: Vec<(String, Vec<String>)> =
        fixture
            .server
            .command(&["XRANGE", "{orders}:dead", "-", "+", "COUNT", "1"]);
    assert_eq!(rest[0].0, oldest[10].0, "not the oldest went first");
    wait_until(LONG, "the rest", || {
        let page = fixture.get("/streams/orders/dead");
        page.body.contains("Put back 20…")
    });
    let page = fixture.get("/streams/orders/dead");
    let question = fixture.post("/change", &form(&page, "redrive", ""));
    let path = confirm(&fixture, &question);
    wait_until(LONG, "all to be put back", || dead(&fixture.server) == 0);
    assert!(!path.is_empty());
}

#[test]
fn the_end_of_the_dashboard_ends_a_change_between_two_steps() {
    let fixture = started(40);
    let page = fixture.get("/streams/orders/dead");
    let question = fixture.post("/change", &form(&page, "redrive", "2"));
    let path = confirm(&fixture, &question);
    wait_until(LONG, "progress", || {
        json(&fixture, &path)["handled"].as_u64() > Some(0)
    });
    let Fixture { dashboard, server } = fixture;
    dashboard.stop();
    wait_until(LONG, "its note", || !audit(&server).is_empty());
    let left = dead(&server);
    let notes = audit(&server);
    assert!(left > 0, "two a second are too fast");
    assert!(
        notes[0].contains(&format!("done {} planned 40", 40 - left))
            && notes[0].contains("Interrupted."),
        "{notes:?}"
    );
}

#[test]
fn a_rate_that_is_none_changes_nothing() {
    let fixture = started(12);
    let page = fixture.get("/streams/orders/dead");
    for wrong in ["0", "fast", "-5", "1.5"] {
        let answer = fixture.post("/change", &form(&page, "redrive", wrong));
        assert_eq!(answer.status, 422, "{wrong}");
    }
    assert_eq!(fixture.post("/stop", "work=guess").status, 404);
    assert_eq!(fixture.get("/changes/guess").status, 404);
    assert_eq!(dead(&fixture.server), 12);
}
