//! Sends: queued, in order, with receipts.

use std::thread;
use std::time::Duration;

use stream_lib::{
    Added, ConnectionConfig, EntryId, ErrorKind, Producer, Receipt, StreamConfig, StreamManager,
    WhenFull,
};
use stream_tests::{Direction, Proxy, Server, wait_for, wait_until};

use crate::support::{DEADLINE, Order, Shop, ask, numbers, order, wait_for_type};

fn producer(shop: &Shop, config: StreamConfig) -> Producer<Order> {
    shop.manager.create_simple_producer("p", config).unwrap();
    shop.manager.producer("p").unwrap()
}

fn send(producer: &Producer<Order>, number: usize) -> Receipt {
    producer.send(&order(number.to_string())).unwrap()
}

#[test]
fn receipts_tell_the_id_of_each_message_in_order() {
    let shop = Shop::open();
    let receipts: Vec<Receipt> = (0..2_000)
        .map(|n| shop.manager.send(&order(n.to_string())).unwrap())
        .collect();
    let told: Vec<u64> = receipts.iter().map(Receipt::number).collect();
    assert!(told.into_iter().eq(0..2_000));
    let ids: Vec<EntryId> = receipts
        .into_iter()
        .map(|receipt| receipt.wait().unwrap().id().unwrap())
        .collect();
    assert!(ids.is_sorted());
    let stored: Vec<(String, Vec<(String, String)>)> = shop.ask("XRANGE orders - +");
    let stored: Vec<_> = stored.into_iter().map(|(id, _)| id).collect();
    assert_eq!(
        stored,
        ids.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    assert!(numbers(&shop.server, "orders").into_iter().eq(0..2_000));
}

#[test]
fn adds_come_behind_what_was_sent_before_them() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let config = StreamConfig::new("orders").batch_size(7);
    manager.create_simple_producer("p", config).unwrap();
    let producer: Producer<Order> = manager.producer("p").unwrap();
    // What is sent takes longer than what is asked of the caller.
    proxy.delay(Direction::Requests, Duration::from_millis(5));
    for round in 0..5 {
        let first = round * 100;
        (first..first + 40).for_each(|n| drop(send(&producer, n)));
        producer.add(&order((first + 40).to_string())).unwrap();
        (first + 41..first + 60).for_each(|n| drop(send(&producer, n)));
        let rest: Vec<Order> = (first + 60..first + 100)
            .map(|n| order(n.to_string()))
            .collect();
        assert!(producer.add_all(&rest).iter().all(Result::is_ok));
    }
    assert!(numbers(&server, "orders").into_iter().eq(0..500));
}

#[test]
fn full_buffer_refuses_and_loses_nothing_it_took() {
    let shop = Shop::open();
    for (stream, patience) in [
        ("at-once", WhenFull::Fail),
        ("a-little-later", WhenFull::Wait(Duration::from_millis(2))),
    ] {
        let config = StreamConfig::new(stream)
            .send_buffer(4_096)
            .when_full(patience);
        shop.manager.create_simple_producer(stream, config).unwrap();
        let producer: Producer<Order> = shop.manager.producer(stream).unwrap();
        producer.send(&order("0")).unwrap().wait().unwrap();
        shop.server.freeze();
        let mut taken = 1;
        let error = loop {
            match producer.send(&order(taken.to_string())) {
                Ok(receipt) => drop(receipt),
                Err(error) => break error,
            }
            taken += 1;
            assert!(taken < 64, "64 bytes each are more than 4,096");
        };
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        assert!(error.to_string().contains("send_buffer"), "{error}");
        shop.server.thaw();
        let report = producer.flush(DEADLINE);
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(report.added, taken as u64);
        assert!(numbers(&shop.server, stream).into_iter().eq(0..taken));
    }
}

#[test]
fn full_buffer_makes_the_caller_wait() {
    let shop = Shop::open();
    let producer = producer(&shop, StreamConfig::new("orders").send_buffer(4_096));
    send(&producer, 0).wait().unwrap();
    shop.server.freeze();
    thread::scope(|scope| {
        let sending = scope.spawn(|| (1..500).for_each(|n| drop(send(&producer, n))));
        // It can't end before the server goes on.
        wait_until(DEADLINE, "a full buffer", || {
            let open = producer.flush(Duration::ZERO).unanswered;
            assert!(open < 64, "{open} messages of 64 bytes and more");
            open > 10
        });
        assert!(!sending.is_finished());
        shop.server.thaw();
        sending.join().unwrap();
    });
    assert!(producer.flush(DEADLINE).is_ok());
    assert!(numbers(&shop.server, "orders").into_iter().eq(0..500));
}

#[test]
fn message_larger_than_the_buffer_goes_by_itself() {
    let shop = Shop::open();
    let producer = producer(&shop, StreamConfig::new("orders").send_buffer(1_024));
    let large = order("x".repeat(100_000));
    let receipts = [0, 1, 2].map(|_| producer.send(&large).unwrap());
    for receipt in receipts {
        receipt.wait().unwrap();
    }
    assert_eq!(shop.ask::<u64>("XLEN orders"), 3);
}

#[test]
fn flush_reports_each_failure_once_under_its_number() {
    let shop = Shop::open();
    let producer = producer(&shop, StreamConfig::new("orders"));
    shop.ask::<()>("SET orders text");
    let kept = send(&producer, 0);
    (1..300).for_each(|n| drop(send(&producer, n)));
    let report = producer.flush(DEADLINE);
    assert_eq!(
        (report.added, report.failed, report.unanswered),
        (0, 300, 0)
    );
    let told = report.failures.iter().map(|failure| failure.number);
    assert!(told.eq(0..300));
    for failure in &report.failures {
        assert_eq!(failure.error.kind(), ErrorKind::WrongType);
        assert!(
            failure.error.to_string().contains("`orders`"),
            "{failure:?}"
        );
    }
    assert_eq!(kept.wait().unwrap_err().kind(), ErrorKind::WrongType);
    shop.ask::<()>("DEL orders");
    drop(send(&producer, 300));
    let report = shop.manager.flush(DEADLINE);
    assert_eq!((report.added, report.failed, report.unanswered), (1, 0, 0));
    assert!(producer.flush(DEADLINE).is_ok());
}

#[test]
fn flush_in_a_hurry_says_how_many_are_open() {
    let shop = Shop::open();
    let producer = producer(&shop, StreamConfig::new("orders"));
    shop.server.freeze();
    let receipts: Vec<Receipt> = (0..10).map(|n| send(&producer, n)).collect();
    let report = producer.flush(Duration::from_millis(1));
    assert_eq!((report.added, report.failed, report.unanswered), (0, 0, 10));
    assert!(receipts[9].get().is_none());
    assert!(receipts[9].wait_timeout(Duration::from_millis(1)).is_none());
    shop.server.thaw();
    assert_eq!(producer.flush(DEADLINE).added, 10);
    assert!(matches!(receipts[9].get(), Some(Ok(Added::Main(_)))));
}

#[test]
fn lingering_message_goes_when_its_time_has_come_or_at_the_end() {
    let shop = Shop::open();
    let config = StreamConfig::new("orders").linger(Duration::from_millis(20));
    let lingering = producer(&shop, config);
    send(&lingering, 0).wait().unwrap();

    let config = StreamConfig::new("orders").linger(Duration::from_secs(10));
    shop.manager.create_simple_producer("slow", config).unwrap();
    let slow: Producer<Order> = shop.manager.producer("slow").unwrap();
    let receipt = send(&slow, 1);
    assert!(receipt.get().is_none());
    shop.manager.remove_producer("slow").unwrap();
    assert!(matches!(receipt.get(), Some(Ok(_))));
}

#[test]
fn all_that_waits_for_a_server_that_is_away_fails_together() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = StreamConfig::new("orders").send_timeout(Duration::from_millis(300));
    manager.create_simple_producer("p", config).unwrap();
    let producer: Producer<Order> = manager.producer("p").unwrap();
    send(&producer, 0).wait().unwrap();
    server.kill();
    // Hundreds of chunks; one after the other they would take minutes.
    (1..50_000).for_each(|n| drop(send(&producer, n)));
    let report = producer.flush(DEADLINE);
    assert_eq!(report.added + report.failed, 50_000);
    assert_eq!(report.unanswered, 0);
    assert!(report.failed > 0 && report.failures.len() == 1_000);
    for failure in &report.failures {
        let kind = failure.error.kind();
        assert!(
            matches!(kind, ErrorKind::Unavailable | ErrorKind::OutcomeUnknown),
            "{failure:?}"
        );
    }
    server.restart();
    wait_until(DEADLINE, "the server to be found again", || {
        send(&producer, 0).wait().is_ok()
    });
}

#[test]
fn shutdown_sends_what_is_queued_and_then_takes_no_more() {
    let shop = Shop::open();
    let producer = producer(&shop, StreamConfig::new("orders"));
    let receipts: Vec<Receipt> = (0..5_000).map(|n| send(&producer, n)).collect();
    shop.manager.shutdown();
    assert!(receipts.iter().all(|r| matches!(r.get(), Some(Ok(_)))));
    assert!(numbers(&shop.server, "orders").into_iter().eq(0..5_000));
    let error = producer.send(&order("late")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

#[test]
fn first_send_after_the_shutdown_is_refused() {
    let shop = Shop::open();
    let producer = producer(&shop, StreamConfig::new("orders"));
    shop.manager.shutdown();
    let error = producer.send(&order("late")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert!(producer.flush(DEADLINE).is_ok());
}

#[test]
fn shutdown_with_the_server_away_fails_what_is_queued_and_ends() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = StreamConfig::new("orders").send_timeout(Duration::from_millis(100));
    manager.create_simple_producer("p", config).unwrap();
    let producer: Producer<Order> = manager.producer("p").unwrap();
    server.kill();
    let receipts: Vec<Receipt> = (0..1_000).map(|n| send(&producer, n)).collect();
    manager.shutdown();
    for receipt in receipts {
        let error = receipt.wait().unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed),
            "{error}"
        );
    }
}

#[test]
fn keyed_message_cut_off_on_its_way_is_sent_again_and_added_once() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    manager
        .create_simple_producer("p", StreamConfig::new("orders"))
        .unwrap();
    let producer: Producer<Order> = manager.producer("p").unwrap();
    let first = producer.send_with_key(&order("first"), "first");
    first.unwrap().wait().unwrap();
    wait_for_type(&server, "orders");
    // Answers are held back, and then lost with their connections.
    proxy.hold(Direction::Replies);
    let receipts: Vec<Receipt> = (0..500)
        .map(|n| {
            let key = format!("key-{n}");
            producer.send_with_key(&order(n.to_string()), &key).unwrap()
        })
        .collect();
    wait_until(DEADLINE, "the first to be written", || {
        server.command::<usize>(&["XLEN", "orders"]) > 1
    });
    proxy.cut();
    proxy.pass();
    for receipt in receipts {
        receipt.wait().unwrap();
    }
    server.command::<()>(&["XTRIM", "orders", "MAXLEN", "500"]);
    let mut stored = numbers(&server, "orders");
    stored.sort_unstable();
    assert!(stored.into_iter().eq(0..500));
}

#[test]
fn what_can_not_be_encoded_is_refused_at_once() {
    let shop = Shop::open();
    shop.manager
        .create_simple_producer("p", StreamConfig::new("orders"))
        .unwrap();
    let producer = shop.manager.producer("p").unwrap();
    let error = producer.send(&stream_lib::RawMessage::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    producer
        .send(&stream_lib::RawMessage::new().with("a", "1"))
        .unwrap()
        .wait()
        .unwrap();
    let error = producer
        .send_with_key(&stream_lib::RawMessage::new().with("a", "1"), "")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
}

#[test]
fn backup_producer_keeps_the_order_of_sends_across_both_streams() {
    let shop = Shop::open();
    let config = StreamConfig::new("orders").max_length(300);
    shop.manager.create_backup_producer("p", config).unwrap();
    let producer: Producer<Order> = shop.manager.producer("p").unwrap();
    let receipts: Vec<Receipt> = (0..1_000).map(|n| send(&producer, n)).collect();
    let added: Vec<Added> = receipts.into_iter().map(|r| r.wait().unwrap()).collect();
    let main = added
        .iter()
        .take_while(|a| matches!(a, Added::Main(_)))
        .count();
    assert_eq!(main, 300);
    assert!(added[main..].iter().all(|a| matches!(a, Added::Backup(_))));
    assert!(numbers(&shop.server, "orders").into_iter().eq(0..300));
    let backup = ask::<Vec<String>>(&shop.server, "KEYS *backup*");
    assert_eq!(backup.len(), 1, "{backup:?}");
    assert!(numbers(&shop.server, &backup[0]).into_iter().eq(300..1_000));
}

#[test]
fn bounds_of_the_send_settings_are_named() {
    let shop = Shop::open();
    for (config, field) in [
        (StreamConfig::new("o").send_buffer(1_023), "send_buffer"),
        (
            StreamConfig::new("o").linger(Duration::from_secs(11)),
            "linger",
        ),
        (
            StreamConfig::new("o").when_full(WhenFull::Wait(Duration::from_hours(2))),
            "when_full",
        ),
    ] {
        let error = shop
            .manager
            .create_simple_producer("p", config)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn silent_server_leaves_the_outcome_of_sends_unknown() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url())
        .unwrap()
        .response_timeout(Duration::from_millis(200))
        // One place, so that the next message takes this connection: a larger
        // pool adds places from its own thread, and may lend a new one first.
        .pool_size(1);
    let manager = StreamManager::connect_with(config).unwrap();
    let send = || manager.send(&order("1")).unwrap().wait();
    let works = || send().is_ok();
    let error = wait_for(DEADLINE, "a send that was under way", || {
        wait_until(DEADLINE, "a send to work", works);
        server.freeze();
        let error = send().unwrap_err();
        server.thaw();
        // Nothing was written if another thread, which looks after the stream, had the
        // connection.
        (error.kind() != ErrorKind::Unavailable).then_some(error)
    });
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    wait_until(DEADLINE, "a send to work again", works);
}
