//! Producers: entries in Redis after an add, and the errors of failed adds.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use stream_lib::message::{EncodeError, FieldWriter, Schema};
use stream_lib::{EntryId, ErrorKind, RawMessage, StreamConfig, StreamManager, StreamMessage};
use stream_tests::{Direction, Proxy, Server, wait_for, wait_until};

use crate::support::{DEADLINE, HOUR, Order, Pairs, Shop, order, wait_for_type};

#[test]
fn typed_message_reads_naturally_in_redis() {
    let shop = Shop::open();
    let message = Order {
        order_id: "ORD-12345".to_owned(),
        amount: 99.99,
        note: Some("as agreed: 2 × ½".to_owned()),
    };
    let id = shop.manager.add(&message).unwrap().id().unwrap();
    shop.manager.add(&order("no note")).unwrap();
    let entries: Vec<(String, Vec<(String, String)>)> = shop.ask("XRANGE orders - +");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].0, id.to_string());
    assert_eq!(
        entries[0].1,
        [
            pair("order_id", "ORD-12345"),
            pair("amount", "99.99"),
            pair("note", "as agreed: 2 × ½"),
        ]
    );
    assert_eq!(
        entries[1].1,
        [pair("order_id", "no note"), pair("amount", "9.5")]
    );
}

#[test]
fn untyped_message_goes_through_a_named_producer() {
    let shop = Shop::open();
    shop.manager
        .create_simple_producer("p", StreamConfig::new("events"))
        .unwrap();
    let message = RawMessage::new()
        .with("b", "1")
        .with(b"\xff\x00", b"\r\n$3\r\n")
        .with("b", "");
    shop.manager.add_to("p", &message).unwrap();
    let entries: Vec<(String, Pairs)> = shop.ask("XRANGE events - +");
    let expected: Vec<_> = message
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    assert_eq!(entries[0].1, expected);
}

/// An order that can't be written if its id says so.
struct Fussy(&'static str);

impl StreamMessage for Fussy {
    const SCHEMA: &'static Schema = &Schema::new("Fussy");

    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.text("order_id", self.0)?;
        match self.0 {
            "bad" => out.text("~reserved", ""),
            _ => Ok(()),
        }
    }
}

#[test]
fn message_that_can_not_be_written_stops_no_other() {
    let shop = Shop::open();
    shop.manager
        .create_simple_producer("p", StreamConfig::new("orders").batch_size(3))
        .unwrap();
    let producer = shop.manager.producer::<Fussy>("p").unwrap();
    let messages = ["a", "bad", "b", "c", "bad", "bad", "bad", "d"].map(Fussy);
    let results = producer.add_all(&messages);
    assert_eq!(results.len(), messages.len());
    let mut ids = Vec::new();
    for (message, result) in messages.iter().zip(&results) {
        match result {
            Ok(added) => ids.push((added.id().unwrap().to_string(), message.0)),
            Err(e) => {
                assert_eq!((e.kind(), message.0), (ErrorKind::Encode, "bad"), "{e}");
                assert!(e.to_string().contains("`orders`"), "{e}");
            }
        }
    }
    let entries: Vec<(String, (String, String))> = shop.ask("XRANGE orders - +");
    let stored: Vec<_> = entries
        .iter()
        .map(|(id, (_, order))| (id.clone(), order.as_str()))
        .collect();
    assert_eq!(stored, ids);
    assert_eq!(ids.len(), 4);
}

#[test]
fn thousand_fields_are_taken_and_one_more_is_refused() {
    let shop = Shop::open();
    shop.manager
        .create_simple_producer("p", StreamConfig::new("wide"))
        .unwrap();
    let wide = |fields: usize| {
        (0..fields)
            .map(|n| (n.to_string(), "x"))
            .collect::<RawMessage>()
    };
    shop.manager.add_to("p", &wide(1_000)).unwrap();
    for refused in [wide(1_001), wide(0)] {
        let error = shop.manager.add_to("p", &refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert_eq!(shop.ask::<u64>("XLEN wide"), 1);
}

#[test]
fn key_of_another_type_is_named() {
    let shop = Shop::open();
    shop.ask::<()>("SET orders text");
    let error = shop.manager.add(&order("1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    assert!(error.to_string().contains("`orders`"), "{error}");
    assert!(!error.is_retryable());
    for result in shop.manager.add_all(&[order("1"), order("2")]).unwrap() {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongType);
    }
}

#[test]
fn full_memory_is_a_refusal_that_may_pass() {
    let shop = Shop::with(Server::options().start().unwrap());
    shop.manager.add(&order("1")).unwrap();
    shop.ask::<()>("CONFIG SET maxmemory 1");
    let error = shop.manager.add(&order("2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.is_retryable());
    assert!(error.to_string().contains("OOM"), "{error}");
    shop.ask::<()>("CONFIG SET maxmemory 0");
    shop.manager.add(&order("3")).unwrap();
    assert_eq!(shop.ask::<u64>("XLEN orders"), 2);
}

#[test]
fn user_without_the_right_to_add_is_told_so() {
    let server = Server::options()
        .user("clerk on >secret ~* +@all -xadd")
        .start()
        .unwrap();
    let url = format!("redis://clerk:secret@127.0.0.1:{}", server.port());
    let manager = StreamManager::connect(url).unwrap();
    let error = manager.add(&order("1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("xadd"), "{error}");
    assert!(!error.is_retryable());
}

#[test]
fn adds_fail_while_redis_is_away_and_work_again_by_themselves() {
    let shop = Shop::open();
    let timeout = Duration::from_millis(200);
    shop.manager
        .create_simple_producer("p", StreamConfig::new("orders").send_timeout(timeout))
        .unwrap();
    shop.manager.add(&order("1")).unwrap();
    shop.server.kill();
    let began = Instant::now();
    let error = shop.manager.add(&order("2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.is_retryable());
    assert!(
        began.elapsed() >= timeout,
        "it waits for Redis to come back"
    );
    for result in shop.manager.add_all(&[order("3"), order("4")]).unwrap() {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    shop.server.restart();
    shop.manager.add(&order("5")).unwrap();
    assert_eq!(shop.ask::<u64>("XLEN orders"), 1);
}

#[test]
fn add_waits_for_redis_to_come_back() {
    let shop = Shop::open();
    shop.manager
        .create_simple_producer("p", StreamConfig::new("orders").send_timeout(HOUR / 60))
        .unwrap();
    shop.server.stop();
    thread::scope(|scope| {
        let adding = scope.spawn(|| shop.manager.add(&order("1")));
        shop.server.restart();
        adding.join().unwrap().unwrap();
    });
}

#[test]
fn shutdown_ends_an_add_that_waits_for_redis() {
    let shop = Shop::open();
    shop.manager
        .create_simple_producer("p", StreamConfig::new("orders").send_timeout(HOUR))
        .unwrap();
    shop.server.stop();
    thread::scope(|scope| {
        let adding = scope.spawn(|| shop.manager.add(&order("1")));
        shop.manager.shutdown();
        let error = adding.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    });
}

#[test]
fn lost_answer_is_an_unknown_outcome() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    manager.add(&order("1")).unwrap();
    let mut adds = 1;
    // Another thread, which looks after the stream, may meet the cut first.
    let error = wait_for(DEADLINE, "a lost answer", || {
        proxy.cut_after(Direction::Replies, 0);
        adds += 1;
        manager.add(&order("2")).err()
    });
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert!(!error.is_retryable());
    manager.add(&order("3")).unwrap();
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), adds + 1);
}

#[test]
fn answers_that_came_before_the_cut_count() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    manager
        .create_simple_producer("p", StreamConfig::new("orders").batch_size(100))
        .unwrap();
    manager.add(&order("0")).unwrap();
    wait_for_type(&server, "orders");
    // About half of the answers: each is `$15\r\n`, an id and `\r\n`.
    proxy.cut_after(Direction::Replies, 50 * 22);
    let orders: Vec<_> = (0..100).map(|n| order(n.to_string())).collect();
    let results = manager.add_all(&orders).unwrap();
    let known = results.iter().take_while(|r| r.is_ok()).count();
    assert!((30..=50).contains(&known), "{known} answers came");
    for unknown in &results[known..] {
        let error = unknown.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    }
}

#[test]
fn pooled_add_is_one_round_trip() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    manager
        .create_simple_producer("p", StreamConfig::new("orders").batch_size(10))
        .unwrap();
    manager.add(&order("first")).unwrap();
    wait_for_type(&server, "orders");
    let pings = server.calls("ping");
    let mut added = 1;
    // The pool may still grow, since another thread has had a connection, too.
    wait_until(DEADLINE, "one round trip each", || {
        proxy.reset_traffic();
        for n in 0..20 {
            manager.add(&order(n.to_string())).unwrap();
            added += 1;
        }
        let traffic = proxy.traffic();
        (traffic.round_trips, traffic.connections) == (20, 0)
    });

    proxy.reset_traffic();
    let orders: Vec<_> = (0..30).map(|n| order(n.to_string())).collect();
    let results = manager.add_all(&orders).unwrap();
    assert!(results.iter().all(Result::is_ok));
    let traffic = proxy.traffic();
    // Three batches; two may be under way at a time.
    assert!((1..=3).contains(&traffic.round_trips), "{traffic:?}");
    assert_eq!(traffic.connections, 0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), added + 30);
    assert_eq!(server.calls("ping"), pings);
}

#[test]
fn many_threads_add_each_message_once() {
    const THREADS: usize = 24;
    const EACH: usize = 50;
    let shop = Shop::open();
    let ids: HashSet<EntryId> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let manager = &shop.manager;
                scope.spawn(move || {
                    (0..EACH)
                        .map(|n| order(format!("{thread}-{n}")))
                        .map(|order| manager.add(&order).unwrap().id().unwrap())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), THREADS * EACH);
    let stored: Vec<(String, Vec<(String, String)>)> = shop.ask("XRANGE orders - +");
    let orders: HashSet<_> = stored.iter().map(|(_, fields)| &fields[0].1).collect();
    assert_eq!((stored.len(), orders.len()), (ids.len(), ids.len()));
}

#[test]
fn silent_server_is_an_unknown_outcome_within_the_response_timeout() {
    let server = Server::start().unwrap();
    let config = stream_lib::ConnectionConfig::new(server.url())
        .unwrap()
        .response_timeout(Duration::from_millis(200))
        // One place, so that the next message takes this connection: a larger
        // pool adds places from its own thread, and may lend a new one first.
        .pool_size(1);
    let manager = StreamManager::connect_with(config).unwrap();
    let works = || manager.add(&order("1")).ok();
    let error = wait_for(DEADLINE, "an add that was under way", || {
        wait_for(DEADLINE, "an add to work", works);
        server.freeze();
        let error = manager.add(&order("2")).unwrap_err();
        server.thaw();
        // Nothing was written if another thread, which looks after the stream, had the
        // connection.
        (error.kind() != ErrorKind::Unavailable).then_some(error)
    });
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    wait_for(DEADLINE, "an add to work again", works);
}
