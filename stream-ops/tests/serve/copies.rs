//! Corrected copies, by form.

use stream_lib::{StreamConfig, StreamManager, StreamMessage};
use stream_ops::serve::Role;
use stream_tests::{Server, wait_until};

use crate::support::{Fixture, LONG, with_schema};

#[derive(StreamMessage)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields of the acceptance tests"
)]
struct Order {
    order_id: String,
    amount: f64,
    #[stream(sensitive)]
    email: String,
    note: Option<String>,
}

/// A stream with a message of another program, whose amount is no number.
fn with_a_wrong_amount() -> (Server, String) {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    let order = Order {
        order_id: "ORD-1".to_owned(),
        amount: 1.0,
        email: "ada@example.com".to_owned(),
        note: None,
    };
    manager.add_to("orders", &order).unwrap();
    let id = server.command(&[
        "XADD",
        "orders",
        "*",
        "order_id",
        "ORD-2",
        "amount",
        "12,50",
        "email",
        "bob@example.com",
        "~h:trace",
        "t-1",
    ]);
    with_schema(&server, "orders");
    manager.shutdown();
    (server, id)
}

fn length(fixture: &Fixture) -> u64 {
    fixture.server.command(&["XLEN", "orders"])
}

fn newest(fixture: &Fixture) -> String {
    let entries: Vec<(String, Vec<String>)> =
        fixture
            .server
            .command(&["XREVRANGE", "orders", "+", "-", "COUNT", "1"]);
    entries[0].1.join(" ")
}

#[test]
fn a_message_is_edited_tried_and_sent_as_a_new_one() {
    let (server, id) = with_a_wrong_amount();
    let fixture = Fixture::on(server, Some(Role::Admin), |_| {});
    let path = format!("/streams/orders/messages/{id}");
    wait_until(LONG, "the message", || fixture.get(&path).status == 200);
    let page = fixture.get(&path).body;
    assert!(page.contains("Edit a copy…"), "{page}");

    let edit = fixture.post("/change", &format!("do=edit-copy&stream=orders&id={id}"));
    let amount = "name=\"field:amount\" value=\"12,50\"";
    assert!(edit.body.contains(amount), "{}", edit.body);
    // An absent field can be given; a sensitive one stays as it is.
    assert!(edit.body.contains("name=\"field:note\" value=\"\""));
    assert!(!edit.body.contains("field:email") && !edit.body.contains("example.com"));
    assert!(
        edit.body
            .contains("<code>email</code> isn't shown, and stays as it is"),
        "{}",
        edit.body
    );

    let send = |fields: &str| {
        let form = format!("do=send-copy&stream=orders&id={id}&was%3Aamount=12%2C50&{fields}");
        fixture.post("/change", &form)
    };
    // The form appears again with the typed values if they don't fit.
    let again = send("field%3Aamount=12%2C5");
    assert!(
        again.body.contains("It doesn't fit the newest schema of")
            && again.body.contains("name=\"field:amount\" value=\"12,5\"")
            && again.body.contains("name=\"was:amount\" value=\"12,50\""),
        "{}",
        again.body
    );
    let same = send("field%3Aamount=12%2C50");
    assert!(same.body.contains("No field was changed"), "{}", same.body);
    let question = send("field%3Aamount=12.50");
    for words in [
        "Send a corrected copy of",
        "Changed fields: amount",
        "It fits the newest schema. All groups get it.",
        "streamctl stream send orders order_id=… amount=… email=… --yes",
    ] {
        assert!(question.body.contains(words), "{words}: {}", question.body);
    }
    assert!(!question.body.contains("example.com"));
    assert_eq!(length(&fixture), 2, "asking has sent something");

    let nonce = question.input("nonce").unwrap();
    let done = fixture.post("/confirm", &format!("nonce={nonce}"));
    assert_eq!(done.status, 303);
    assert_eq!(length(&fixture), 3);
    let copy = newest(&fixture);
    assert!(
        copy.contains("order_id ORD-2 amount 12.50 email bob@example.com")
            && copy.contains("~h:trace t-1"),
        "{copy}"
    );
    let audit: Vec<(String, Vec<String>)> =
        fixture
            .server
            .command(&["XRANGE", "stream-ops:audit", "-", "+"]);
    let note = audit[0].1.join(" ");
    assert!(
        note.contains("who ada") && note.contains("action stream send") && note.contains("done 1"),
        "{note}"
    );
    assert!(
        !note.contains("12.50") && !note.contains("example.com"),
        "{note}"
    );
}

#[test]
fn a_dead_letter_is_copied_as_well_as_put_back() {
    let (server, id) = with_a_wrong_amount();
    let letter: String = server.command(&[
        "XADD",
        "{orders}:dead",
        "*",
        "order_id",
        "ORD-2",
        "amount",
        "12,50",
        "email",
        "bob@example.com",
        "~id",
        &id,
        "~group",
        "billing",
        "~reason",
        "undecodable",
        "~error",
        "amount",
        "~deliveries",
        "1",
    ]);
    // The message itself is gone.
    server.command::<u64>(&["XDEL", "orders", &id]);
    let fixture = Fixture::on(server, Some(Role::Admin), |_| {});
    let path = format!("/streams/orders/messages/{id}?letter={letter}");
    wait_until(LONG, "the dead letter", || {
        fixture.get(&path).body.contains("Edit and put back…")
    });
    let page = fixture.get(&path).body;
    assert!(
        page.contains("Edit a copy…") && !page.contains("example.com"),
        "{page}"
    );
    let form = format!("do=edit-copy&stream=orders&id={id}&letter={letter}");
    let edit = fixture.post("/change", &form);
    assert_eq!(edit.input("letter"), Some(letter.as_str()));
    let form = format!(
        "do=send-copy&stream=orders&id={id}&letter={letter}&was%3Aamount=12%2C50&field%3Aamount=7"
    );
    let question = fixture.post("/change", &form);
    let nonce = question.input("nonce").unwrap();
    let done = fixture.post("/confirm", &format!("nonce={nonce}"));
    assert_eq!(done.status, 303);
    let copy = newest(&fixture);
    assert!(copy.contains("amount 7 email bob@example.com"), "{copy}");
    // The dead letter stays.
    let dead: u64 = fixture.server.command(&["XLEN", "{orders}:dead"]);
    assert_eq!(dead, 1);
}

#[test]
fn sending_needs_admin_and_leaves_the_fields_of_the_library_alone() {
    let (server, id) = with_a_wrong_amount();
    let fixture = Fixture::on(server, Some(Role::Retry), |_| {});
    let path = format!("/streams/orders/messages/{id}");
    wait_until(LONG, "the message", || fixture.get(&path).status == 200);
    let page = fixture.get(&path).body;
    assert!(
        !page.contains("Edit a copy…") && page.contains("--allow admin"),
        "{page}"
    );
    let form = format!("do=send-copy&stream=orders&id={id}&was%3Aamount=1&field%3Aamount=2");
    assert_eq!(fixture.post("/change", &form).status, 403);

    let (server, id) = with_a_wrong_amount();
    let fixture = Fixture::on(server, Some(Role::Admin), |_| {});
    for (form, status) in [
        (
            format!("do=send-copy&stream=orders&id={id}&field%3A~for=x"),
            422,
        ),
        (
            "do=send-copy&stream=orders&id=1-1&field%3Aa=1".to_owned(),
            422,
        ),
        (
            "do=send-copy&stream=orders&id=x&field%3Aa=1".to_owned(),
            422,
        ),
        (format!("do=edit-copy&stream=none&id={id}"), 422),
        (
            "do=edit-copy&stream=orders&id=1-1&letter=1-1".to_owned(),
            422,
        ),
    ] {
        let answer = fixture.post("/change", &form);
        assert_eq!(answer.status, status, "{form}: {}", answer.body);
    }
    assert_eq!(length(&fixture), 2);
}
