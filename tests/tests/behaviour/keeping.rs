//! The keeper's takeovers: their cost, without memory, and of entries under its own name.

use std::time::Duration;

use stream_lib::{ConnectionConfig, RetryPolicy, StreamManager};
use stream_tests::{LogCapture, Server, wait_until};

use crate::support::{DEADLINE, Gate, HOUR, Order, Seen, Shop, noting, order, quick, read_and_die};

const LEASE: Duration = Duration::from_millis(300);

/// Waits until the consumers have given so many signs of life, or looked for due
/// entries.
fn wait_for_looks(shop: &Shop, looks: u64) {
    let calls = shop.server.calls("TIME");
    wait_until(DEADLINE, "looks", || {
        shop.server.calls("TIME") >= calls + looks
    });
}

/// Parks so many entries, all due in a day.
fn park(shop: &Shop, count: usize) {
    let script = "for i = 1, ARGV[1] do
        local id = redis.call('XADD', KEYS[1], '*', 'order_id', i, 'amount', 1)
        redis.call('XREADGROUP', 'GROUP', 'orders_group', '~waiting', 'STREAMS', KEYS[1], '>')
        redis.call('XCLAIM', KEYS[1], 'orders_group', '~waiting', 0, id, 'TIME', 1, 'JUSTID')
        redis.call('ZADD', KEYS[2], 9999999999999, id)
    end";
    let (count, keys) = (
        count.to_string(),
        ["2", "orders", "{orders}:waiting:orders_group"],
    );
    let words = [&["EVAL", script][..], &keys, &[&count]].concat();
    shop.server.command::<redis::Value>(&words);
}

#[test]
fn looking_for_the_dead_costs_the_same_whatever_waits() {
    const PARKED: usize = 3_000;
    let shop = Shop::open();
    shop.ask::<()>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    park(&shop, PARKED);
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    wait_for_looks(&shop, 10);
    shop.ask::<()>("CONFIG RESETSTAT");
    wait_for_looks(&shop, 40);
    for command in ["ZSCORE", "XPENDING", "XCLAIM"] {
        let calls = shop.server.calls(command);
        assert!(calls < 100, "{calls} {command} for {PARKED} parked");
    }
    assert_eq!(seen.count(), 0);
}

#[test]
fn entries_of_several_dead_are_taken_over_oldest_first_and_parked_ones_stay() {
    let shop = Shop::open();
    shop.ask::<()>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    park(&shop, 50);
    // More than one step looks at, of one more than of the others.
    shop.add_by_hand("orders", 90);
    for turn in 0..30 {
        for name in ["a", "b", "c"] {
            let count = if name == "a" && turn % 2 == 0 { 2 } else { 1 };
            read_and_die(&shop.server, name, count);
        }
    }
    let held = shop.pending("orders").len() - 50;
    let seen = Seen::default();
    let config = quick("orders").workers(1).lease(LEASE);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(90);
    wait_until(DEADLINE, "all but the parked", || {
        shop.pending("orders").len() == 50
    });
    let taken: Vec<_> = seen.all().into_iter().filter(|(_, n)| *n == 2).collect();
    let oldest_first: Vec<_> = (0..held).map(|n| (n.to_string(), 2)).collect();
    assert_eq!(taken, oldest_first);
    assert_eq!(consumer.stats().taken_over, held as u64);
}

#[test]
fn entries_of_a_member_with_a_longer_lease_are_left_alone() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 2);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "patient", 1);
    let (now, _): (u64, u64) = shop.ask("TIME");
    let till = (now + 3_600) * 1_000;
    shop.ask::<u8>(&format!(
        "ZADD {{orders}}:members:orders_group {till} patient"
    ));
    let id = shop.pending("orders")[0].id.clone();
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group patient 0 {id} IDLE 60000 JUSTID"
    ));
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    wait_for_looks(&shop, 20);
    assert_eq!(seen.all(), [("1".to_owned(), 1)]);
    shop.ask::<u8>("ZADD {orders}:members:orders_group 1 patient");
    seen.wait_for(2);
    assert_eq!(seen.all()[1], ("0".to_owned(), 2));
}

#[test]
fn a_dead_members_entries_are_taken_over_while_memory_is_full() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 10);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 4);
    let id = shop.pending("orders")[3].id.clone();
    // One of them is on its last delivery, which takes a lock.
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group dead 0 {id} IDLE 60000 RETRYCOUNT 2 JUSTID"
    ));
    shop.ask::<()>("CONFIG SET maxmemory-policy noeviction");
    shop.ask::<()>("CONFIG SET maxmemory 1");
    let refused = shop.manager.add(&order("x")).unwrap_err();
    assert!(refused.to_string().contains("OOM"), "{refused}");
    let log = LogCapture::start();
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders")
        .lease(LEASE)
        .retry(RetryPolicy::exponential(Duration::from_millis(20)).max_deliveries(3));
    let consumer = shop
        .manager
        .consume_fn::<Order>("memory", config, move |order| {
            noted.push(order.attempt());
            match (order.order_id.as_str(), order.attempt()) {
                // It is parked, too.
                ("7", 1) => Err("later".into()),
                _ => Ok(()),
            }
        })
        .unwrap();
    seen.wait_for(11);
    shop.wait_until_settled("orders");
    wait_until(DEADLINE, "all to count", || {
        consumer.stats().completed == 10
    });
    assert_eq!(consumer.stats().taken_over, 4);
    let name = consumer.name().unwrap();
    shop.manager.shutdown();
    assert_eq!(shop.consumers("orders"), ["dead"]);
    let held_up = log.matching(|l| l.text.contains("held up") && l.text.contains(&name));
    assert!(held_up.is_empty(), "{held_up:#?}");
}

#[test]
fn entry_that_redis_counts_as_ours_and_nobody_here_knows_is_fetched() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    shop.wait_until_settled("orders");
    let me = consumer.name().unwrap();
    let id = shop.manager.add(&order("2")).unwrap().id().unwrap();
    seen.wait_for(2);
    shop.wait_until_settled("orders");
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group {me} 0 {id} FORCE JUSTID RETRYCOUNT 1"
    ));
    seen.wait_for(3);
    assert_eq!(seen.all()[2], ("2".to_owned(), 1));
    shop.wait_until_settled("orders");
}

#[test]
fn handler_past_the_cap_is_not_started_again_beside_itself() {
    let shop = Shop::open();
    let gate = Gate::default();
    let (doorway, seen) = (gate.doorway(), Seen::default());
    let noted = seen.clone();
    let config = quick("orders").lease(LEASE).lease_cap(LEASE);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push((order.order_id.clone(), order.attempt()));
            if order.order_id == "stuck" && order.attempt() == 1 {
                doorway.pass();
            }
            Ok(())
        })
        .unwrap();
    shop.manager.add(&order("stuck")).unwrap();
    let waiting = || shop.ask::<u64>("ZCARD {orders}:waiting:orders_group");
    wait_until(DEADLINE, "it to be parked", || waiting() == 1);
    // Others are handled meanwhile.
    shop.manager.add(&order("next")).unwrap();
    seen.wait_for(2);
    wait_for_looks(&shop, 20);
    assert_eq!((waiting(), seen.count()), (1, 2));
    gate.open();
    seen.wait_for(3);
    assert_eq!(seen.all()[2], ("stuck".to_owned(), 2));
    shop.wait_until_settled("orders");
    let stats = consumer.stats();
    assert_eq!((stats.lost, stats.completed), (1, 2));
}

#[test]
fn signs_of_life_stand_in_a_set_of_their_own_and_lapse() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").lease(HOUR).consumer("till");
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    let (now, _): (f64, u64) = shop.ask("TIME");
    let signs: Vec<(String, f64)> =
        shop.ask("ZRANGE {orders}:members:orders_group 0 -1 WITHSCORES");
    let [(name, till)] = &signs[..] else {
        panic!("{signs:?}")
    };
    assert_eq!(Some(name), consumer.name().as_ref());
    assert!((till / 1_000.0 - now - 3_600.0).abs() < 60.0, "{till}");
    assert_eq!(shop.ask::<u8>("EXISTS {orders}:meta"), 0);
    shop.manager.shutdown();
    assert_eq!(shop.ask::<u8>("EXISTS {orders}:members:orders_group"), 0);
}

#[test]
fn after_an_outage_nothing_is_taken_from_those_who_come_back_later() {
    const LONG: Duration = Duration::from_secs(6);
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").lease(LONG);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    shop.wait_until_settled("orders");
    let id = &shop.ask::<Vec<(String, redis::Value)>>("XRANGE orders - +")[0].0;
    let now = || shop.ask::<(u64, u64)>("TIME").0 * 1_000;
    // Another member holds an entry, and is as much cut off as we are. Its sign
    // lapses during the outage, after our next looks are due.
    let till = now() + 5_000;
    shop.ask::<u8>(&format!("ZADD {{orders}}:members:orders_group {till} late"));
    shop.ask::<redis::Value>(&format!(
        "XCLAIM orders orders_group late 0 {id} IDLE 60000 FORCE JUSTID RETRYCOUNT 1"
    ));
    shop.ask::<()>("CONFIG SET min-replicas-to-write 1");
    wait_until(DEADLINE, "its sign to lapse", || now() > till);
    shop.ask::<()>("CONFIG SET min-replicas-to-write 0");
    wait_for_looks(&shop, 2);
    assert_eq!(shop.pending("orders")[0].consumer, "late");
    assert_eq!(seen.count(), 1);
}

#[test]
fn tries_during_an_outage_are_closer_than_leases() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.ask::<()>("CONFIG SET min-replicas-to-write 1");
    let tries = || shop.server.calls("CLIENT|ID");
    let before = tries();
    // Pauses that grow to 5 s allow for far fewer.
    wait_until(DEADLINE, "many tries", || tries() > before + 600);
    shop.ask::<()>("CONFIG SET min-replicas-to-write 0");
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
}

#[test]
fn read_that_is_answered_late_is_no_outage_while_the_server_lives() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let config = ConnectionConfig::new(server.url())
        .unwrap()
        .response_timeout(DEADLINE);
    let manager = StreamManager::connect_with(config).unwrap();
    let seen = Seen::default();
    let config = quick("orders")
        .block_duration(Duration::from_millis(20))
        .consumer("late");
    manager.consume("c", config, noting(&seen)).unwrap();
    manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    // Longer than a read is waited for.
    server.command::<()>(&["CLIENT", "PAUSE", "7000", "WRITE"]);
    server.command::<String>(&["XADD", "orders", "*", "order_id", "2", "amount", "1"]);
    seen.wait_for(2);
    let lines = log.matching(|l| l.text.contains("late-") && l.text.contains("held up"));
    assert!(lines.is_empty(), "{lines:#?}");
}

#[test]
fn stop_while_the_server_pauses_writes_leaves_it_alive() {
    let shop = Shop::open();
    for round in 0..3 {
        let manager = StreamManager::connect(shop.server.url()).unwrap();
        let seen = Seen::default();
        let config = quick("orders").block_duration(Duration::from_millis(20));
        manager.consume("c", config, noting(&seen)).unwrap();
        shop.manager.add(&order("1")).unwrap();
        seen.wait_for(1);
        shop.ask::<()>("CLIENT PAUSE 2000 WRITE");
        // A read that goes on no more is kept back.
        let (mut known, mut same) = (0, 0);
        wait_until(DEADLINE, "the read to be kept back", || {
            let reads = shop.server.calls("XREADGROUP");
            same = if reads == known { same + 1 } else { 0 };
            known = reads;
            same == 10
        });
        manager.shutdown();
        shop.ask::<()>("CLIENT UNPAUSE");
        assert_eq!(shop.ask::<u64>("XLEN orders"), round + 1);
    }
}
