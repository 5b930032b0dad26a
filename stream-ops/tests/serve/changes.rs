//! Changes: planned, confirmed once, noted.

use stream_lib::{
    ConsumerConfig, Delivery, HandlerError, OnUndecodable, StreamConfig, StreamManager,
    StreamMessage,
};
use stream_ops::serve::Role;
use stream_tests::{Server, wait_until};

use crate::support::{Answer, Fixture, LONG, basic, with_schema};

#[derive(StreamMessage)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of fields in the stream"
)]
struct Order {
    order_id: String,
    amount: f64,
    #[stream(sensitive)]
    email: String,
}

/// A server with dead letters of two kinds: three permanently failed orders, and two
/// whose amount is no number.
fn with_dead_letters() -> Server {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    let config = ConsumerConfig::new("orders")
        .group("billing")
        .on_undecodable(OnUndecodable::Bury);
    let billing = manager
        .consume_fn::<Order>("billing", config, |_: &Delivery<Order>| {
            Err(HandlerError::permanent("a negative amount").into())
        })
        .unwrap();
    for number in 0..3 {
        let order = Order {
            order_id: format!("ORD-{number}"),
            amount: -1.0,
            email: "ada@example.com".to_owned(),
        };
        manager.add_to("orders", &order).unwrap();
    }
    for number in 3..5 {
        let id = format!("ORD-{number}");
        server.command::<String>(&[
            "XADD",
            "orders",
            "*",
            "order_id",
            &id,
            "amount",
            "12,50",
            "email",
            "bob@example.com",
        ]);
    }
    wait_until(LONG, "five dead letters", || {
        server.command::<u64>(&["XLEN", "{orders}:dead"]) == 5
    });
    assert!(billing.stats().completed == 0);
    with_schema(&server, "orders");
    manager.shutdown();
    server
}

fn dead(fixture: &Fixture) -> u64 {
    fixture.server.command(&["XLEN", "{orders}:dead"])
}

fn letters(fixture: &Fixture) -> Vec<String> {
    let entries: Vec<(String, Vec<String>)> =
        fixture
            .server
            .command(&["XRANGE", "{orders}:dead", "-", "+"]);
    entries.into_iter().map(|(id, _)| id).collect()
}

fn confirm(fixture: &Fixture, question: &Answer) -> Answer {
    let nonce = question.input("nonce").expect("a nonce");
    fixture.post("/confirm", &format!("nonce={nonce}"))
}

#[test]
fn a_change_is_planned_confirmed_once_and_noted() {
    let fixture = Fixture::on(with_dead_letters(), Some(Role::Retry), |_| {});
    wait_until(LONG, "the stream", || {
        fixture.get("/streams/orders/dead").status == 200
    });
    let ids = letters(&fixture);
    let form = format!(
        "do=redrive&stream=orders&letter={}&letter={}",
        ids[0], ids[1]
    );
    let question = fixture.post("/change", &form);
    assert_eq!(question.status, 200);
    assert!(
        question.body.contains("Put 2 dead letters back"),
        "{}",
        question.body
    );
    assert!(
        question.body.contains("for billing only"),
        "{}",
        question.body
    );
    // A dry run.
    assert_eq!(
        (
            dead(&fixture),
            fixture.server.command::<u64>(&["XLEN", "orders"])
        ),
        (5, 5)
    );

    // Another caller can't answer the question, and no caller can answer twice.
    let nonce = question.input("nonce").unwrap().to_owned();
    let own = format!("Origin: http://{}", fixture.address());
    let eve = fixture.ask(
        "POST",
        "/confirm",
        &[&basic("eve", crate::support::TOKEN), &own],
        &format!("nonce={nonce}"),
    );
    assert_eq!(eve.status, 409);
    assert_eq!(
        fixture.post("/confirm", &format!("nonce={nonce}")).status,
        409
    );
    assert_eq!(dead(&fixture), 5);

    let done = confirm(&fixture, &fixture.post("/change", &form));
    assert_eq!(done.status, 303);
    assert_eq!(dead(&fixture), 3);
    assert_eq!(fixture.server.command::<u64>(&["XLEN", "orders"]), 7);
    let page = fixture.get(done.header("location").unwrap());
    assert!(
        page.body.contains("Put back 2 dead letters."),
        "{}",
        page.body
    );

    let audit: Vec<(String, Vec<String>)> =
        fixture
            .server
            .command(&["XRANGE", "stream-ops:audit", "-", "+"]);
    assert_eq!(audit.len(), 1);
    let note = audit[0].1.join(" ");
    assert!(
        note.contains("who ada") && note.contains("action dlq redrive stream orders"),
        "{note}"
    );
    assert!(fixture.get("/system").body.contains("dlq redrive"));
}

#[test]
fn a_kind_is_put_back_with_an_edited_field() {
    let fixture = Fixture::on(with_dead_letters(), Some(Role::Retry), |_| {});
    wait_until(LONG, "the kinds", || {
        fixture
            .get("/streams/orders/dead")
            .body
            .contains("undecodable")
    });
    let page = fixture.get("/streams/orders/dead").body;
    assert!(!page.contains("ada@example.com") && !page.contains("bob@example.com"));
    let ids = letters(&fixture);
    let (fourth, fifth) = (&ids[3], &ids[4]);
    let form = format!("do=edit&stream=orders&letter={fourth}&letter={fifth}");
    let edit = fixture.post("/change", &form);
    assert!(
        edit.body.contains("name=\"field:amount\" value=\"12,50\""),
        "{}",
        edit.body
    );
    // Sensitive fields can't be edited, and stay as they are.
    assert!(!edit.body.contains("field:email") && !edit.body.contains("example.com"));
    let form = format!(
        "do=redrive&stream=orders&letter={fourth}&letter={fifth}&was%3Aamount=12%2C50&field%3Aamount=12.50"
    );
    let question = fixture.post("/change", &form);
    assert!(
        question.body.contains("Changed fields: amount"),
        "{}",
        question.body
    );
    assert_eq!(confirm(&fixture, &question).status, 303);
    assert_eq!(dead(&fixture), 3);
    let entries: Vec<(String, Vec<String>)> =
        fixture
            .server
            .command(&["XREVRANGE", "orders", "+", "-", "COUNT", "2"]);
    for (_, fields) in entries {
        let fields = fields.join(" ");
        assert!(
            fields.contains("amount 12.50") && fields.contains("email bob@example.com"),
            "{fields}"
        );
    }
}

#[test]
fn removing_needs_admin_and_is_said_to_be_for_good() {
    let fixture = Fixture::on(with_dead_letters(), Some(Role::Admin), |_| {});
    let ids = letters(&fixture);
    let question = fixture.post(
        "/change",
        &format!("do=remove-dead&stream=orders&letter={}", ids[0]),
    );
    assert!(
        question.body.contains("undone: the fields are lost"),
        "{}",
        question.body
    );
    assert_eq!(dead(&fixture), 5);
    assert_eq!(confirm(&fixture, &question).status, 303);
    assert_eq!(dead(&fixture), 4);
    // The second time there is no such entry.
    let question = fixture.post(
        "/change",
        &format!("do=redrive&stream=orders&letter={}", ids[0]),
    );
    assert!(
        question.body.contains("1 is not there"),
        "{}",
        question.body
    );
    assert!(!question.body.contains("name=\"nonce\""));
}

#[test]
fn a_group_is_held_and_let_go() {
    let fixture = Fixture::on(with_dead_letters(), Some(Role::Retry), |_| {});
    wait_until(LONG, "the group", || {
        fixture.get("/streams/orders/groups/billing").status == 200
    });
    let question = fixture.post("/change", "do=hold&stream=orders&group=billing&for=30+min");
    assert!(
        question.body.contains("Hold billing back for 30 min"),
        "{}",
        question.body
    );
    assert_eq!(confirm(&fixture, &question).status, 303);
    let manager = StreamManager::connect(fixture.server.url()).unwrap();
    let held = manager.held("orders", "billing").unwrap().unwrap();
    assert!(held.why.contains("by ada"), "{held:?}");
    let page = || fixture.get("/streams/orders/groups/billing").body;
    wait_until(LONG, "the hold on the page", || {
        page().contains("Let billing read again")
    });
    let question = fixture.post("/change", "do=unhold&stream=orders&group=billing");
    assert_eq!(confirm(&fixture, &question).status, 303);
    assert!(manager.held("orders", "billing").unwrap().is_none());
}

#[test]
fn nonsense_changes_nothing() {
    let fixture = Fixture::on(with_dead_letters(), Some(Role::Admin), |_| {});
    for form in [
        "",
        "do=drop&stream=orders",
        "do=redrive",
        "do=redrive&stream=orders",
        "do=redrive&stream=orders&letter=x",
        "do=redrive&stream=orders&more=yes&until=x",
        "do=set-aside&stream=orders&group=billing&id=y",
        "do=hold&stream=orders&group=billing&for=forever",
        "do=run-scheduled&stream=orders&scheduled=z",
        "%ff=%00&&&==",
    ] {
        let answer = fixture.post("/change", form);
        assert_eq!(answer.status, 422, "{form}: {}", answer.body);
    }
    assert_eq!(fixture.post("/confirm", "nonce=guess").status, 409);
    assert_eq!(dead(&fixture), 5);
    let audit: u64 = fixture.server.command(&["EXISTS", "stream-ops:audit"]);
    assert_eq!(audit, 0);
}
