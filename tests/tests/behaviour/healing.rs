//! Consumers that recover by themselves: lost connections, vanished groups, servers that
//! restart or freeze.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use stream_lib::{
    ConnectionConfig, Delivery, ErrorKind, HandlerResult, OnGroupLost, StreamManager,
};
use stream_tests::{Direction, Fsync, LogCapture, Proxy, Server, wait_for, wait_until};

use crate::support::{DEADLINE, Gate, HOUR, Order, Seen, Shop, noting, order, quick};

#[track_caller]
fn wait_for_blocked_reader(server: &Server) {
    wait_until(DEADLINE, "the reader to block", || {
        let clients: String = server.command(&["CLIENT", "LIST"]);
        let blocked =
            |client: &&str| client.contains("cmd=xreadgroup") && client.contains("flags=b");
        clients.lines().any(|client| blocked(&client))
    });
}

#[test]
fn killed_connections_lose_nothing_and_deliver_nothing_twice() {
    const ORDERS: usize = 4_000;
    let shop = Shop::open();
    shop.add_by_hand("orders", ORDERS);
    let seen = Seen::default();
    let config = quick("orders").read_count(20);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    let mut connection = shop.server.connect().unwrap();
    let mut killed = 0_u64;
    wait_until(DEADLINE, "all to be completed", || {
        let kill: u64 = redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
            .query(&mut connection)
            .unwrap();
        killed += kill;
        consumer.stats().completed >= ORDERS as u64
    });
    shop.wait_until_settled("orders");
    let ids: HashSet<_> = seen.all().into_iter().collect();
    assert_eq!(
        (seen.count(), ids.len()),
        (ORDERS, ORDERS),
        "{killed} killed"
    );
    assert!(ids.iter().all(|(_, attempt)| *attempt == 1));
    assert!(killed > 0);
}

#[test]
fn consumer_starts_though_its_checks_lose_their_connection() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    for bytes in (0..800).step_by(20) {
        let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
        proxy.cut_after(Direction::Replies, bytes);
        let consumer = manager.consume("c", quick("orders"), noting(&Seen::default()));
        assert!(consumer.is_ok(), "cut after {bytes} bytes: {consumer:?}");
        proxy.pass();
    }
}

#[test]
fn answers_cut_in_the_middle_are_fetched_again() {
    const ORDERS: usize = 600;
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let shop = Shop { manager, server };
    shop.add_by_hand("orders", ORDERS);
    let seen = Seen::default();
    let config = quick("orders").read_count(50);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    let mut cut = 0;
    wait_until(DEADLINE, "all to be completed", || {
        cut += 1;
        proxy.cut_after(Direction::Replies, 700 * cut);
        consumer.stats().completed >= ORDERS as u64
    });
    proxy.pass();
    shop.wait_until_settled("orders");
    let ids: HashSet<_> = seen.all().into_iter().collect();
    assert_eq!((seen.count(), ids.len()), (ORDERS, ORDERS));
    assert!(ids.iter().all(|(_, attempt)| *attempt == 1));
}

#[test]
fn deleted_stream_heals_under_a_blocked_reader_with_few_words() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let seen = Seen::default();
    let config = quick("heal-del").block_duration(HOUR / 60);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    for (round, command) in [(1, "DEL heal-del"), (2, "FLUSHALL"), (3, "FLUSHDB ASYNC")] {
        wait_for_blocked_reader(&shop.server);
        shop.ask::<redis::Value>(command);
        wait_until(DEADLINE, "the group to be back", || {
            let groups = shop
                .server
                .try_command::<Vec<redis::Value>>(&["XINFO", "GROUPS", "heal-del"]);
            groups.is_ok_and(|groups| !groups.is_empty())
        });
        shop.add_by_hand("heal-del", 3);
        seen.wait_for(3 * round);
    }
    shop.wait_until_settled("heal-del");
    assert_eq!(seen.count(), 9);
    let name = shop.manager.consumer("c").unwrap().name().unwrap();
    assert_eq!(shop.consumers("heal-del"), [name]);
    let lines =
        log.matching(|line| line.level <= log::Level::Warn && line.text.contains("heal-del"));
    assert!((3..=9).contains(&lines.len()), "{lines:#?}");
}

/// Runs `body` on a thread that ends with the sockets it reads.
fn in_background(body: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name("meddler".to_owned());
    thread.spawn(body).unwrap();
}

/// Passes requests on to the server; what `meddle` makes of each one happens
/// before it.
fn meddling(server: &Server, meddle: impl Fn(&str) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (target, meddle) = (server.address(), Arc::new(meddle));
    in_background(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(target).unwrap());
            let (mut back, mut answers) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            in_background(move || {
                let _ = io::copy(&mut answers, &mut back);
                let _ = back.shutdown(Shutdown::Both);
            });
            let meddle = Arc::clone(&meddle);
            in_background(move || {
                let mut bytes = vec![0; 65_536];
                while let Ok(count @ 1..) = client.read(&mut bytes) {
                    meddle(&String::from_utf8_lossy(&bytes[..count]));
                    if server.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                let _ = server.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

#[test]
fn group_that_is_back_before_the_next_read_loses_nothing() {
    const ORDERS: usize = 5_000;
    let server = Server::start().unwrap();
    let mut admin = server.connect().unwrap();
    let group = move |words: &[&str]| {
        let _: redis::RedisResult<redis::Value> = redis::cmd("XGROUP").arg(words).query(&mut admin);
    };
    // Of two reads on the wire, the first one finds no group.
    let (group, reads) = (Mutex::new(group), AtomicUsize::new(0));
    let port = meddling(&server, move |request| {
        if request.contains("XREADGROUP") && !request.contains("BLOCK") {
            match reads.fetch_add(1, Ordering::SeqCst) {
                20 => group.lock()(&["DESTROY", "orders", "orders_group"]),
                21 => group.lock()(&["CREATE", "orders", "orders_group", "0"]),
                _ => {}
            }
        }
    });
    let manager = StreamManager::connect(server.url_at(port)).unwrap();
    let shop = Shop { manager, server };
    shop.add_by_hand("orders", ORDERS);
    let seen = Seen::default();
    let config = quick("orders").read_count(60).lease(Duration::from_secs(1));
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    wait_until(DEADLINE, "all to be handled and settled", || {
        let stats = shop.manager.stream_stats("orders").unwrap();
        let [group] = &*stats.groups else {
            return false;
        };
        seen.count() > ORDERS && (group.unread, group.pending) == (Some(0), 0)
    });
    let ids: HashSet<_> = seen.all().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), ORDERS);
}

#[test]
fn vanished_group_makes_no_busy_loop() {
    let shop = Shop::open();
    let seen = Seen::default();
    shop.manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    // Gone as soon as it is made again.
    shop.ask::<()>("CONFIG RESETSTAT");
    let made = || shop.server.calls("xgroup|create");
    wait_until(DEADLINE, "the group to be made several times", || {
        let _ = shop.server.try_command::<redis::Value>(&[
            "XGROUP",
            "DESTROY",
            "orders",
            "orders_group",
        ]);
        made() >= 4
    });
    let reads = shop.server.calls("xreadgroup");
    assert!(reads <= 20 * made(), "{reads} reads");
    shop.add_by_hand("orders", 1);
    seen.wait_for(1);
}

#[test]
fn lost_group_stops_who_would_rather_not_replay() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").on_group_lost(OnGroupLost::Stop);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    assert_eq!(consumer.failure().map(|e| e.kind()), None);
    shop.ask::<()>("DEL orders");
    wait_until(DEADLINE, "it to stop", || !consumer.is_running());
    let error = consumer.failure().unwrap();
    assert_eq!(error.kind(), ErrorKind::NoGroup);
    let text = error.to_string();
    assert!(
        text.contains("`orders`") && text.contains("`orders_group`"),
        "{text}"
    );
    assert_eq!(shop.ask::<u64>("EXISTS orders"), 0, "not made again");

    shop.manager.start_consumer("c").unwrap();
    assert!(consumer.failure().is_none());
    shop.manager.add(&order("2")).unwrap();
    seen.wait_for(2);
}

#[test]
fn restarted_server_is_found_again_and_nothing_confirmed_is_lost() {
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let shop = Shop::with(server);
    let log = LogCapture::start();
    let seen = Seen::default();
    shop.manager
        .create_simple_producer("p", stream_lib::StreamConfig::new("restart"))
        .unwrap();
    let producer = shop.manager.producer::<Order>("p").unwrap();
    let consumer = shop
        .manager
        .consume("c", quick("restart"), noting(&seen))
        .unwrap();
    let mut confirmed = HashSet::new();
    for round in 0..3 {
        for n in 0..50 {
            let id = format!("{round}-{n}");
            producer.add(&order(&id)).unwrap();
            confirmed.insert(id);
        }
        shop.server.restart();
    }
    let done = || {
        seen.all()
            .into_iter()
            .map(|(id, _)| id)
            .collect::<HashSet<_>>()
    };
    wait_until(DEADLINE, "every confirmed order", || done() == confirmed);
    shop.wait_until_settled("restart");
    assert!(consumer.is_running());
    let lines =
        log.matching(|line| line.level <= log::Level::Warn && line.text.contains("restart"));
    assert!(lines.len() <= 12, "{lines:#?}");
}

#[test]
fn consumer_starts_while_redis_is_away() {
    let server = Server::start().unwrap();
    server.stop();
    let config = ConnectionConfig::new(server.url())
        .unwrap()
        .connect_timeout(Duration::from_millis(200));
    let shop = Shop {
        manager: StreamManager::connect_lazy(config).unwrap(),
        server,
    };
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    assert!(consumer.is_running());
    shop.server.restart();
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    shop.wait_until_settled("orders");
}

#[test]
fn consumer_starts_while_redis_stands_still() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url())
        .unwrap()
        .connect_timeout(Duration::from_millis(200))
        .response_timeout(Duration::from_millis(200));
    let shop = Shop {
        manager: StreamManager::connect_with(config).unwrap(),
        server,
    };
    // So that there is a connection already, which will not answer.
    shop.manager.add(&order("1")).unwrap();
    shop.server.freeze();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    assert!(consumer.is_running());
    shop.server.thaw();
    seen.wait_for(1);
    shop.wait_until_settled("orders");
}

#[test]
fn frozen_server_is_waited_for() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url())
        .unwrap()
        .connect_timeout(Duration::from_millis(200))
        .response_timeout(Duration::from_millis(200));
    let shop = Shop {
        manager: StreamManager::connect_with(config).unwrap(),
        server,
    };
    let log = LogCapture::start();
    let seen = Seen::default();
    let config = quick("frozen")
        .block_duration(Duration::from_millis(50))
        .lease(Duration::from_secs(30));
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.add_by_hand("frozen", 100);
    seen.wait_for(1);
    shop.server.freeze();
    // The keeper asks every second what is due, so it is the first to
    // notice.
    wait_for(DEADLINE, "somebody to notice", || {
        let held_up = |line: &stream_tests::LogLine| {
            line.text.contains("frozen") && line.text.contains("held up")
        };
        (!log.matching(held_up).is_empty()).then_some(())
    });
    shop.server.thaw();
    shop.add_by_hand("frozen", 100);
    seen.wait_for(200);
    shop.wait_until_settled("frozen");
    wait_until(DEADLINE, "all to be counted", || {
        let stats = consumer.stats();
        stats.completed + stats.lost == seen.count() as u64
    });
    assert_eq!(seen.count(), 200, "nothing twice: the leases held");
    let lines = log.matching(|line| line.level <= log::Level::Warn && line.text.contains("frozen"));
    assert!(lines.len() <= 6, "{lines:#?}");
}

#[test]
fn full_memory_holds_burials_up_and_loses_nothing() {
    let shop = Shop::open();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    shop.ask::<String>("XADD orders * amount nonsense");
    wait_until(DEADLINE, "the first dead letter", || {
        consumer.stats().dead == 1
    });
    shop.ask::<String>("XADD orders * amount nonsense");
    shop.ask::<String>("XADD orders * amount nonsense");
    shop.ask::<()>("CONFIG SET maxmemory 1");
    shop.ask::<()>("CONFIG SET maxmemory 0");
    wait_until(DEADLINE, "the dead letters", || consumer.stats().dead == 3);
    assert_eq!(shop.dead("orders").len(), 3);
    shop.wait_until_settled("orders");
}

#[test]
fn group_that_vanishes_while_nothing_is_read_makes_nobody_busy() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let config = quick("heal-busy")
        .workers(1)
        .lease(Duration::from_millis(300));
    let handler = move |_: &Delivery<Order>| -> HandlerResult {
        doorway.pass();
        Ok(())
    };
    shop.add_by_hand("heal-busy", 1);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    wait_until(DEADLINE, "a handler to run", || {
        consumer.stats().running == 1
    });
    // The worker is taken up, so that the reader finds nothing out.
    shop.ask::<()>("DEL heal-busy");
    let name = consumer.name().unwrap();
    let sign = || {
        shop.ask::<f64>(&format!(
            "ZSCORE {{heal-busy}}:members:heal-busy_group {name}"
        ))
    };
    let before = shop.server.calls("evalsha");
    for _ in 0..5 {
        let last = sign();
        wait_until(DEADLINE, "a sign of life", || sign() > last);
    }
    let calls = shop.server.calls("evalsha") - before;
    assert!(calls < 200, "{calls}");
    gate.open();
}
