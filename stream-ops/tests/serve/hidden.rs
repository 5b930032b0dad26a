//! Sensitive values are never shown, even if the schemas can't be read.

use std::time::Duration;

use stream_lib::{ConnectionConfig, StreamConfig, StreamManager, StreamMessage};
use stream_ops::serve::{Dashboard, Role, Settings};
use stream_ops::server::Redis;
use stream_tests::{Server, wait_until};

use crate::support::{Fixture, LONG, with_schema};

#[derive(StreamMessage)]
struct Card {
    holder: String,
    /// In messages of another program this is no number.
    #[stream(sensitive)]
    pin: u32,
}

const SECRET: &str = "98-secret-76";

/// Messages and a dead letter whose sensitive field doesn't fit.
fn with_cards() -> (Server, String, String) {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("cards", StreamConfig::new("cards"))
        .unwrap();
    let card = Card {
        holder: "Ada".to_owned(),
        pin: 1_234_321,
    };
    manager.add_to("cards", &card).unwrap();
    server.command::<String>(&["XGROUP", "CREATE", "cards", "desk", "0"]);
    let fields = ["holder", "Bob", "pin", SECRET];
    let mut words = vec!["XADD", "cards", "*"];
    words.extend(fields);
    let id: String = server.command(&words);
    let mut words = vec!["XADD", "{cards}:dead", "*"];
    words.extend(fields);
    words.extend(["~id", &id, "~group", "desk", "~reason", "undecodable"]);
    words.extend(["~error", "pin", "~deliveries", "1"]);
    let letter: String = server.command(&words);
    with_schema(&server, "cards");
    manager.shutdown();
    (server, id, letter)
}

fn holds_none(body: &str, of: &str) {
    assert!(
        !body.contains(SECRET) && !body.contains("1234321") && !body.contains("1,234,321"),
        "{of}: {body}"
    );
}

#[test]
fn no_page_no_form_and_no_json_has_a_sensitive_value() {
    let (server, id, letter) = with_cards();
    let fixture = Fixture::on(server, Some(Role::Admin), |_| {});
    wait_until(LONG, "the dead letter", || {
        fixture.get("/streams/cards/dead").body.contains("Bob")
            || fixture
                .get("/streams/cards/dead")
                .body
                .contains("undecodable")
    });
    let mut seen = 0;
    for path in [
        "/".to_owned(),
        "/system".to_owned(),
        "/messages".to_owned(),
        "/schedules".to_owned(),
        "/streams/cards".to_owned(),
        "/streams/cards/groups/desk".to_owned(),
        "/streams/cards/messages".to_owned(),
        "/streams/cards/dead".to_owned(),
        format!("/streams/cards/dead?q={SECRET}"),
        format!("/streams/cards/messages/{id}"),
        format!("/streams/cards/messages/{id}?letter={letter}"),
    ] {
        for path in [path.clone(), with_json(&path)] {
            let answer = fixture.get(&path);
            assert_eq!(answer.status, 200, "{path}");
            // The page repeats the searched text.
            if !path.contains("?q=") {
                holds_none(&answer.body, &path);
            }
            assert!(!answer.body.contains("“98"), "{path}: {}", answer.body);
            seen += usize::from(answer.body.contains("••••"));
        }
    }
    assert!(seen >= 6, "{seen} pages show that something is hidden");
    let found = fixture.get(&format!("/streams/cards/dead?q={SECRET}"));
    assert!(
        found.body.contains("None of them has this in it"),
        "{}",
        found.body
    );
    for form in [
        format!("do=edit&stream=cards&letter={letter}"),
        format!("do=redrive&stream=cards&letter={letter}"),
        format!("do=redrive&stream=cards&letter={letter}&was%3Aholder=Bob&field%3Aholder=Eve"),
        format!("do=remove-dead&stream=cards&letter={letter}"),
        format!("do=edit-copy&stream=cards&id={id}"),
        format!("do=edit-copy&stream=cards&id={id}&letter={letter}"),
        format!("do=send-copy&stream=cards&id={id}&was%3Aholder=Bob&field%3Aholder=Eve"),
    ] {
        let answer = fixture.post("/change", &form);
        assert_eq!(answer.status, 200, "{form}");
        holds_none(&answer.body, &form);
    }
}

fn with_json(path: &str) -> String {
    match (path, path.split_once('?')) {
        ("/", _) => "/overview.json".to_owned(),
        (_, Some((path, query))) => format!("{path}.json?{query}"),
        (path, None) => format!("{path}.json"),
    }
}

#[test]
fn no_value_is_shown_where_the_schemas_cannot_be_read() {
    let (server, id, letter) = with_cards();
    // The schemas are the only thing that this user may not read.
    server.command::<String>(&[
        "ACL",
        "SETUSER",
        "eyes",
        "on",
        ">see",
        "+@all",
        "~cards",
        "~{cards}:dead",
        "~{cards}:meta",
        "~{cards}:due",
        "~{cards}:cron",
        "~{cards}:backup",
        "~{cards}:members:*",
        "~{cards}:facts:*",
        "~{cards}:hold:*",
        "~{cards}:waiting*",
        "~{cards}:events",
        "~stream-ops:audit",
    ]);
    let url = server.url().replace("redis://", "redis://eyes:see@");
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        streams: vec!["cards".to_owned()],
        every: Duration::from_millis(200),
        ..Settings::default()
    };
    let redis = Redis::connect(ConnectionConfig::new(url).unwrap()).unwrap();
    let dashboard = Dashboard::start(redis, settings).unwrap();
    let fixture = Fixture { dashboard, server };
    wait_until(LONG, "the stream", || {
        fixture.get("/").body.contains("/streams/cards")
    });
    let messages = fixture.get("/streams/cards/messages");
    assert_eq!(messages.status, 503, "{}", messages.body);
    assert!(
        messages
            .body
            .contains("it isn't known which values are sensitive"),
        "{}",
        messages.body
    );
    for path in [
        "/streams/cards/dead".to_owned(),
        format!("/streams/cards/messages/{id}"),
        format!("/streams/cards/messages/{id}?letter={letter}"),
        "/streams/cards/groups/desk".to_owned(),
        "/".to_owned(),
    ] {
        let answer = fixture.get(&path);
        holds_none(&answer.body, &path);
        assert!(!answer.body.contains("Bob"), "{path}: {}", answer.body);
    }
}
