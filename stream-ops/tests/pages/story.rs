//! A poison entry, by clicks: find it, set it aside, put it back after a fix.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stream_lib::{
    ConnectionConfig, Consumer, ConsumerConfig, Delivery, HandlerError, OnUndecodable,
    StreamConfig, StreamManager, StreamMessage,
};
use stream_ops::serve::{Dashboard, Role, Settings, Token};
use stream_ops::server::Redis;
use stream_tests::{Server, wait_until};

use crate::browser::{Browser, LONG, Look};

const TOKEN: &str = "0123456789abcdef";

/// `ada` and the token.
pub(crate) const ADA: &str = "Basic YWRhOjAxMjM0NTY3ODlhYmNkZWY=";

#[derive(StreamMessage)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of fields in the stream"
)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) amount: f64,
    #[stream(sensitive)]
    pub(crate) email: String,
}

impl Order {
    pub(crate) fn named(id: &str) -> Self {
        Self {
            order_id: id.to_owned(),
            amount: 12.5,
            email: "ada@example.com".to_owned(),
        }
    }
}

/// A dashboard on a server of its own.
pub(crate) struct Dash {
    dashboard: Dashboard,
    pub(crate) server: Server,
}

impl Dash {
    pub(crate) fn start() -> Self {
        let server = Server::start().unwrap();
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            token: Some(Token::new(TOKEN).unwrap()),
            allow: Role::Retry,
            every: Duration::from_millis(300),
            ..Settings::default()
        };
        let redis = Redis::connect(ConnectionConfig::new(server.url()).unwrap()).unwrap();
        let dashboard = Dashboard::start(redis, settings).unwrap();
        Self { dashboard, server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.dashboard.address())
    }

    /// A page, without a browser.
    pub(crate) fn get(&self, path: &str) -> String {
        let address = self.dashboard.address();
        let mut stream = TcpStream::connect(address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut page = Vec::new();
        stream.read_to_end(&mut page).unwrap();
        String::from_utf8_lossy(&page).into_owned()
    }

    /// `billing` handles orders, of which one can't be read.
    pub(crate) fn with_poison(&self, manager: &StreamManager) -> Consumer {
        manager
            .create_simple_producer("orders", StreamConfig::new("orders"))
            .unwrap();
        let config = ConsumerConfig::new("orders")
            .group("billing")
            .on_undecodable(OnUndecodable::Bury);
        let consumer = manager
            .consume_fn::<Order>("billing", config, |_: &Delivery<Order>| Ok(()))
            .unwrap();
        manager.add_to("orders", &Order::named("ORD-1")).unwrap();
        self.add_poison();
        wait_until(LONG, "a dead letter and the schema", || {
            let schemas: u64 = self.server.command(&["HLEN", "{orders}:schema"]);
            self.dead() == 1 && schemas > 0
        });
        consumer
    }

    /// As another program would write it.
    pub(crate) fn add_poison(&self) {
        self.server.command::<String>(&[
            "XADD",
            "orders",
            "*",
            "order_id",
            "ORD-2",
            "amount",
            "12,50",
            "email",
            "ada@example.com",
        ]);
    }

    pub(crate) fn dead(&self) -> u64 {
        self.server.command(&["XLEN", "{orders}:dead"])
    }

    pub(crate) fn first_message(&self) -> String {
        let entries: Vec<(String, Vec<String>)> = self
            .server
            .command(&["XRANGE", "orders", "-", "+", "COUNT", "1"]);
        entries[0].0.clone()
    }
}

#[test]
fn an_entry_that_kills_is_seen_set_aside_and_put_back_after_a_fix() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let dash = Dash::start();
    // The traces in Redis of two consumers that died with the same entry in hand.
    let manager = StreamManager::connect(dash.server.url()).unwrap();
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    dash.server
        .command::<String>(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    manager.add_to("orders", &Order::named("ORD-1")).unwrap();
    let killer = dash.first_message();
    let long_ago = "600000";
    dash.server
        .command::<Vec<(String, Vec<(String, Vec<String>)>)>>(&[
            "XREADGROUP",
            "GROUP",
            "billing",
            "node-1",
            "STREAMS",
            "orders",
            ">",
        ]);
    dash.server.command::<Vec<String>>(&[
        "XCLAIM",
        "orders",
        "billing",
        "node-2",
        "0",
        &killer,
        "IDLE",
        long_ago,
        "RETRYCOUNT",
        "3",
        "JUSTID",
    ]);
    // The signs of life of both have lapsed.
    let lapsed = "1000000000000";
    dash.server.command::<u64>(&[
        "ZADD",
        "{orders}:members:billing",
        lapsed,
        "node-1",
        lapsed,
        "node-2",
    ]);
    for number in 2..5 {
        manager
            .add_to("orders", &Order::named(&format!("ORD-{number}")))
            .unwrap();
    }
    wait_until(LONG, "the trouble", || dash.get("/").contains("billing"));

    // See it.
    browser.look(Look::LIGHT);
    browser.authorize(ADA);
    browser.open(&dash.url("/"));
    browser.wait_for("billing");
    browser.click("Look at billing");
    browser.wait_for(&killer);
    browser.wait_for("3 deliveries");
    browser.wait_for("node-2");

    // Set it aside.
    browser.click("Set aside…");
    browser.wait_for("for billing only?");
    browser.wait_for("third delivery");
    assert_eq!(dash.dead(), 0, "asking has changed something");
    browser.click("Set it aside");
    browser.wait_for("aside for billing.");
    assert_eq!(dash.dead(), 1);

    // A process runs again, with the fix, and handles the rest.
    let config = ConsumerConfig::new("orders").group("billing");
    let fixed = manager
        .consume_fn::<Order>("fixed", config, |delivery: &Delivery<Order>| {
            if delivery.message().order_id.is_empty() {
                return Err(HandlerError::permanent("an order without an id").into());
            }
            Ok(())
        })
        .unwrap();
    wait_until(LONG, "the rest handled", || fixed.stats().completed == 3);

    // Put it back.
    browser.open(&dash.url("/"));
    browser.wait_for("Dead letters");
    browser.click_css("nav a[href='/dead']");
    browser.wait_for("1 dead letter");
    browser.click("orders");
    browser.wait_for("set aside by hand");
    browser.wait_for(&killer);
    assert!(
        !browser.text().contains("ada@example.com"),
        "what is sensitive is shown"
    );
    browser.click("Put back 1…");
    browser.wait_for("for billing only");
    browser.click("Put back");
    browser.wait_for("Put back 1 dead letter.");
    wait_until(LONG, "the one that was put back handled", || {
        fixed.stats().completed == 4
    });
    assert_eq!(dash.dead(), 0);

    // It stands in the audit, with the name.
    browser.open(&dash.url("/system"));
    browser.wait_for("pending bury");
    browser.wait_for("dlq redrive");
    browser.wait_for("ada");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    manager.shutdown();
}
