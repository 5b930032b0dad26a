//! The page of dead letters since a time.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use stream_lib::{StreamConfig, StreamManager};
use stream_ops::serve::Role;
use stream_tests::{Server, wait_until};

use crate::support::{Answer, Fixture, LONG};

const PAGE: &str = "/streams/orders/dead";

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// 30 dead letters of one kind from two hours ago, and 30 from a minute ago.
fn started(role: Role) -> Fixture {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    manager.shutdown();
    server.command::<String>(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    let now = now_ms();
    for (begin, name) in [(now - 7_200_000, "OLD"), (now - 60_000, "NEW")] {
        for number in 0..30 {
            let (id, order) = (format!("{}-0", begin + number), format!("{name}-{number}"));
            server.command::<String>(&[
                "XADD",
                "{orders}:dead",
                &id,
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
    }
    let fixture = Fixture::on(server, Some(role), |_| {});
    wait_until(LONG, "the dead letters", || {
        fixture.get(PAGE).body.contains("60 dead letters of orders")
    });
    fixture
}

/// The form of a page with all letters ticked, as a browser would send it.
fn form(page: &Answer, what: &str) -> String {
    let mut form = format!("do={what}&stream=orders&rate=");
    for name in ["kind", "until", "since"] {
        if let Some(value) = page.input(name) {
            write!(form, "&{name}={value}").unwrap();
        }
    }
    for rest in page.body.split("name=\"shown\" value=\"").skip(1) {
        let id = rest.split('"').next().unwrap();
        write!(form, "&letter={id}&shown={id}").unwrap();
    }
    if page.body.contains("name=\"more\"") {
        form.push_str("&more=yes");
    }
    form
}

fn confirm(fixture: &Fixture, question: &Answer) {
    let nonce = question.input("nonce").expect("a nonce");
    let done = fixture.post("/confirm", &format!("nonce={nonce}"));
    assert_eq!(done.status, 303, "{}", done.body);
}

/// The orders of the dead letters, in order.
fn orders(server: &Server) -> Vec<String> {
    let letters: Vec<(String, Vec<String>)> =
        server.command(&["XRANGE", "{orders}:dead", "-", "+"]);
    letters
        .into_iter()
        .map(|(_, fields)| fields[1].clone())
        .collect()
}

#[test]
fn a_page_since_a_time_shows_and_puts_back_those() {
    let fixture = started(Role::Retry);
    let all = fixture.get(PAGE);
    assert!(
        all.body.contains("60 dead letters: permanent")
            && all.body.contains("Put back 60…")
            && all.body.contains("<option value=\"\" selected>all since ")
            && all.input("since").is_none(),
        "{}",
        all.body
    );
    let page = fixture.get(&format!("{PAGE}?since=1h"));
    for words in [
        "60 dead letters of orders",
        "30 dead letters: permanent",
        "Put back 30…",
        "… and 5 more of this kind",
        "<option value=\"1h\" selected>last hour</option>",
        "--since 1h --rate 50",
        "&amp;since=1h",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let json = fixture.get(&format!("{PAGE}.json?since=1h"));
    let json: Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(json["page"]["letters"].as_array().unwrap().len(), 25);
    assert_eq!(json["page"]["more"], 5);
    assert_eq!(json["page"]["since"][2]["is_chosen"], true);
    assert!(
        page.body.contains(&format!("{PAGE}.json?since=1h")),
        "the link to the JSON has lost the time"
    );
    // A search looks at these only.
    let found = fixture.get(&format!("{PAGE}?since=1h&q=order_id+%3D+OLD"));
    assert!(
        found.body.contains("30 looked at, 0 shown"),
        "{}",
        found.body
    );

    let question = fixture.post("/change", &form(&page, "redrive"));
    assert!(
        question.body.contains("Put 30 dead letters back"),
        "{}",
        question.body
    );
    assert_eq!(
        orders(&fixture.server).len(),
        60,
        "asking has changed something"
    );
    confirm(&fixture, &question);
    wait_until(LONG, "the letters to be put back", || {
        orders(&fixture.server).len() == 30
    });
    let left = orders(&fixture.server);
    assert!(
        left.iter().all(|order| order.starts_with("OLD")),
        "{left:?}"
    );
    wait_until(LONG, "the page to have none since then", || {
        let page = fixture.get(&format!("{PAGE}?since=1h")).body;
        page.contains("0 dead letters: permanent") && !page.contains("Put back")
    });
}

#[test]
fn a_page_since_a_time_removes_those() {
    let fixture = started(Role::Admin);
    let page = fixture.get(&format!("{PAGE}?since=15m"));
    assert!(page.body.contains("Remove 30…"), "{}", page.body);
    let question = fixture.post("/change", &form(&page, "remove-dead"));
    assert!(
        question
            .body
            .contains("Remove 30 dead letters of orders for good?"),
        "{}",
        question.body
    );
    confirm(&fixture, &question);
    wait_until(LONG, "the letters to be removed", || {
        orders(&fixture.server).len() == 30
    });
    let left = orders(&fixture.server);
    assert!(
        left.iter().all(|order| order.starts_with("OLD")),
        "{left:?}"
    );
}

#[test]
fn a_time_by_hand_is_shown_too_and_nonsense_is_refused() {
    let fixture = started(Role::Retry);
    let time = stream_ops::words::rfc3339(now_ms() - 3_600_000).unwrap();
    let page = fixture.get(&format!("{PAGE}?since={time}"));
    assert!(
        page.body
            .contains(&format!("selected>since {time}</option>"))
            && page.body.contains("Put back 30…"),
        "{}",
        page.body
    );
    let wrong = fixture.get(&format!("{PAGE}?since=%3Cb%3Esoon"));
    assert_eq!(wrong.status, 404);
    assert!(
        wrong.body.contains("&lt;b&gt;soon")
            && wrong.body.contains("is no time: a duration such as 30m"),
        "{}",
        wrong.body
    );
    let form = form(&page, "redrive");
    let since = page.input("since").unwrap();
    let odd = form.replace(&format!("&since={since}"), "&since=soon");
    assert_eq!(fixture.post("/change", &odd).status, 422);
    assert_eq!(orders(&fixture.server).len(), 60);
}
