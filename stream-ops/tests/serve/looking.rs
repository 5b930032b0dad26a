//! The pages of a server, and the cost of looking.

use std::thread;

use stream_lib::{ConsumerConfig, Delivery, StreamConfig, StreamManager, StreamMessage};
use stream_tests::{Server, wait_until};

use crate::support::{Fixture, LONG};

#[derive(StreamMessage)]
struct Order {
    order_id: String,
    amount: f64,
}

/// A server on which `billing` is behind, and `archive` has handled everything.
fn with_orders() -> Server {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    server.command::<String>(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    let config = ConsumerConfig::new("orders").group("archive");
    let archive = manager
        .consume_fn::<Order>("archive", config, |_: &Delivery<Order>| Ok(()))
        .unwrap();
    for number in 0..40 {
        let order = Order {
            order_id: format!("ORD-{number}"),
            amount: 12.5,
        };
        manager.add_to("orders", &order).unwrap();
    }
    wait_until(LONG, "all orders handled", || {
        archive.stats().completed == 40
    });
    manager.shutdown();
    server
}

#[test]
fn pages_and_their_json_tell_what_is_there() {
    let fixture = Fixture::on(with_orders(), None, |_| {});
    wait_until(LONG, "the stream", || {
        fixture.get("/").body.contains("orders")
    });
    let page = fixture.get("/").body;
    assert!(page.contains("billing") && page.contains("<main"), "{page}");
    for path in [
        "/overview.json",
        "/?format=json",
        "/streams/orders.json",
        "/streams/orders/groups/billing.json",
        "/streams/orders/dead.json",
        "/streams/orders/messages.json",
        "/streams/orders/schedules.json",
        "/dead.json",
        "/messages.json",
        "/schedules.json",
        "/system.json",
    ] {
        let answer = fixture.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{path}"
        );
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(json["v"], 1, "{path}");
        // It names its page.
        let html = fixture.get(
            path.trim_end_matches(".json")
                .replace("/overview", "/")
                .as_str(),
        );
        assert!(
            html.body.contains("<!DOCTYPE html>") || path.contains("format"),
            "{path}"
        );
    }
    let group: serde_json::Value =
        serde_json::from_str(&fixture.get("/streams/orders/groups/billing.json").body).unwrap();
    assert_eq!(group["facts"]["unread"], 40);
    let metrics = fixture.get("/metrics");
    assert!(metrics.body.contains("stream_length"), "{}", metrics.body);
}

#[test]
fn names_and_values_are_text_and_never_markup() {
    let server = Server::start().unwrap();
    let odd = "<script>alert(1)</script>\"'&";
    server.command::<String>(&["XADD", odd, "*", "<img src=x>", "<b>\u{202e}"]);
    server.command::<String>(&["XGROUP", "CREATE", odd, "<i>g</i>", "0"]);
    let fixture = Fixture::on(server, None, |_| {});
    wait_until(LONG, "the stream", || {
        fixture.get("/").body.contains("alert(1)")
    });
    let coded = odd
        .bytes()
        .fold(String::new(), |coded, byte| format!("{coded}%{byte:02X}"));
    for path in [
        "/".to_owned(),
        "/system".to_owned(),
        "/messages".to_owned(),
        format!("/streams/{coded}"),
        format!("/streams/{coded}/messages"),
        format!("/streams/{coded}/groups/%3Ci%3Eg%3C%2Fi%3E"),
        format!("/streams/{coded}/dead"),
    ] {
        let answer = fixture.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        for markup in [
            "<script>alert",
            "<img src",
            "<i>g",
            "<b>\u{202e}",
            "\u{202e}",
        ] {
            assert!(!answer.body.contains(markup), "{path} has {markup}");
        }
    }
}

#[test]
fn many_who_look_cost_redis_no_more_than_one() {
    let fixture = Fixture::on(with_orders(), None, |_| {});
    wait_until(LONG, "the stream", || {
        fixture.get("/").body.contains("billing")
    });
    let looks = |seconds: u64| {
        let before = fixture.server.calls("evalsha_ro");
        let until = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    while std::time::Instant::now() < until {
                        assert_eq!(fixture.get("/").status, 200);
                        assert_eq!(fixture.get("/streams/orders/groups/billing").status, 200);
                    }
                });
            }
        });
        fixture.server.calls("evalsha_ro") - before
    };
    // A look every 0.2 s, one script for the one stream: 20 pollers would take 20 times
    // that.
    let scripts = looks(3);
    assert!(scripts <= 40, "{scripts} scripts in three seconds");
}

#[test]
fn an_outage_is_said_on_every_page() {
    let fixture = Fixture::on(with_orders(), None, |_| {});
    wait_until(LONG, "the stream", || {
        fixture.get("/").body.contains("billing")
    });
    fixture.server.stop();
    wait_until(LONG, "the outage", || fixture.get("/readyz").status == 503);
    let page = fixture.get("/");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("Redis not reached since"),
        "{}",
        page.body
    );
    assert!(page.body.contains("billing"), "what was seen last is gone");
    assert_eq!(fixture.get("/healthz").status, 200);
    assert!(fixture.get("/metrics").body.contains("stream_ops_up 0"));
}
