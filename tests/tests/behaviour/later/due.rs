//! The time at which scheduled messages are added, and the process that adds them.

use std::time::{Duration, SystemTime};

use stream_lib::{BackupStreamConfig, Delivery, StreamConfig, StreamManager};
use stream_tests::wait_until;

use super::{fields, id_of, keys_of_later, server_time};
use crate::dropping::alone;
use crate::support::{
    DEADLINE, HOUR, Order, Seen, Shop, numbers, order, quick, read_and_die, threads,
    wait_until_threads_ended,
};

const MS: Duration = Duration::from_millis(1);

#[test]
fn message_is_handled_when_it_is_due_and_not_before() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders"), move |order| {
            let scheduled = order.header("~scheduled").map(<[u8]>::to_vec);
            noted.push((order.order_id.clone(), scheduled, order.age()));
            Ok(())
        })
        .unwrap();
    let begin = server_time(&shop);
    let (message, wait) = (order("A-1"), 300 * MS);
    let added = shop.manager.with(&message).after(wait).add().unwrap();
    assert_eq!(added.id(), None);
    let id = id_of(added);
    seen.wait_for(1);
    assert!(server_time(&shop) >= begin + wait);
    let (name, scheduled, age) = seen.all().remove(0);
    assert_eq!(name, "A-1");
    assert_eq!(scheduled, Some(id.to_string().into_bytes()));
    assert!(age < DEADLINE, "it is how late the message came: {age:?}");
    shop.wait_until_settled("orders");
    assert_eq!(keys_of_later(&shop), [""; 0], "nothing is left behind");
    let entry = shop.ask::<Vec<(String, redis::Value)>>("XRANGE orders - +")[0]
        .0
        .clone();
    let origin: u64 = fields(&shop, "orders", "~origin")[0]
        .strip_suffix("-0")
        .unwrap()
        .parse()
        .unwrap();
    let came: u64 = entry.split('-').next().unwrap().parse().unwrap();
    assert!(came >= origin, "{came} {origin}");
}

#[test]
fn times_that_have_passed_are_due_at_once_and_in_their_order() {
    let shop = Shop::open();
    let now = SystemTime::now();
    // The newest first.
    for age in [1, 5, 3] {
        let message = order(age.to_string());
        let time = now - age * HOUR;
        // None is due before all of them are there.
        let ahead = shop.manager.with(&message).at(now + 24 * HOUR).add();
        let id = id_of(ahead.unwrap());
        assert!(
            shop.manager
                .scheduled("orders")
                .unwrap()
                .reschedule(id, time)
                .unwrap()
        );
    }
    let mut came = Vec::new();
    wait_until(DEADLINE, "three entries", || {
        came = numbers(&shop.server, "orders");
        came.len() == 3
    });
    came.sort_unstable();
    assert_eq!(came, [1, 3, 5]);
    let message = order("0");
    let before = std::time::UNIX_EPOCH - HOUR;
    id_of(shop.manager.with(&message).at(before).add().unwrap());
    wait_until(DEADLINE, "one from before 1970", || {
        numbers(&shop.server, "orders").len() == 4
    });
}

#[test]
fn equal_due_times_keep_the_order_of_adding() {
    let shop = Shop::open();
    let due = server_time(&shop) + 400 * MS;
    for number in 0..250 {
        let message = order(number.to_string());
        shop.manager.with(&message).at(due).add().unwrap();
    }
    wait_until(DEADLINE, "all entries", || {
        numbers(&shop.server, "orders").len() == 250
    });
    let expected: Vec<_> = (0..250).collect();
    assert_eq!(numbers(&shop.server, "orders"), expected);
    let mut origins = fields(&shop, "orders", "~origin");
    origins.dedup();
    assert_eq!(origins.len(), 1, "one due time: {origins:?}");
}

#[test]
fn messages_due_at_the_same_time_have_original_ids_of_their_own() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders"), move |order| {
            noted.push(order.original_id());
            Ok(())
        })
        .unwrap();
    let due = server_time(&shop) + 100 * MS;
    for number in 0..3 {
        let message = order(number.to_string());
        shop.manager.with(&message).at(due).add().unwrap();
    }
    seen.wait_for(3);
    let mut ids = seen.all();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    let ms: Vec<_> = ids.iter().map(|id| id.ms()).collect();
    assert_eq!(ms, [ms[0]; 3]);
}

/// A process that schedules a message, and is gone before it is due.
fn schedule_and_go(shop: &Shop, wait: Duration) {
    let gone = StreamManager::connect(shop.server.url()).unwrap();
    let message = order("7");
    gone.with(&message).after(wait).add().unwrap();
}

#[test]
fn consumer_learns_from_its_sign_of_life_that_something_is_scheduled() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    let handler = move |order: &Delivery<Order>| {
        noted.push(order.order_id.clone());
        Ok(())
    };
    let config = quick("orders").lease(300 * MS);
    shop.manager.consume("c", config, handler).unwrap();
    schedule_and_go(&shop, 500 * MS);
    seen.wait_for(1);
    assert_eq!(seen.all(), ["7"]);
}

#[test]
fn process_that_schedules_itself_finds_what_others_have_left() {
    let shop = Shop::open();
    schedule_and_go(&shop, Duration::ZERO);
    let message = order("8");
    shop.manager.with(&message).after(HOUR).add().unwrap();
    wait_until(DEADLINE, "the entry of the other", || {
        numbers(&shop.server, "orders") == [7]
    });
}

#[test]
fn nothing_is_looked_for_where_nothing_is_scheduled() {
    // Other tests have such threads in this process.
    let name = "later::due::nothing_is_looked_for_where_nothing_is_scheduled";
    alone(name, || {
        let shop = Shop::open();
        let config = StreamConfig::new("orders");
        shop.manager.create_simple_producer("p", config).unwrap();
        let seen = Seen::default();
        let noted = seen.clone();
        let config = quick("orders").lease(300 * MS);
        shop.manager
            .consume_fn::<Order>("c", config, move |order| {
                noted.push(order.order_id.clone());
                Ok(())
            })
            .unwrap();
        let counted = shop.server.calls("zcard");
        wait_until(DEADLINE, "some signs of life", || {
            shop.server.calls("zcard") > counted + 6
        });
        assert_eq!(threads("stream-schedule"), [""; 0]);
        let message = order("1");
        shop.manager.with(&message).after(50 * MS).add().unwrap();
        seen.wait_for(1);
        assert_eq!(threads("stream-schedule").len(), 1);
        drop(shop);
        wait_until_threads_ended("stream-schedule");
    });
}

#[test]
fn full_stream_sends_what_is_due_to_its_backup_stream() {
    let shop = Shop::open();
    let config = BackupStreamConfig::new("orders").capacity(2);
    let backup = shop.manager.create_backup_producer("p", config).unwrap();
    shop.ask::<String>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    let due = server_time(&shop) + 200 * MS;
    let producer = backup.typed::<Order>();
    for number in 0..5 {
        let message = order(number.to_string());
        producer.with(&message).at(due).add().unwrap();
    }
    wait_until(DEADLINE, "all to have come", || {
        numbers(&shop.server, "orders").len() + numbers(&shop.server, "{orders}:backup").len() == 5
    });
    assert_eq!(numbers(&shop.server, "orders"), [0, 1]);
    assert_eq!(numbers(&shop.server, "{orders}:backup"), [2, 3, 4]);
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders").workers(1), move |order| {
            noted.push(order.order_id.clone());
            Ok(())
        })
        .unwrap();
    seen.wait_for(5);
    assert_eq!(
        seen.all(),
        ["0", "1", "2", "3", "4"],
        "the drain keeps the order"
    );
    assert_eq!(keys_of_later(&shop), [""; 0]);
}

#[test]
fn full_backup_stream_holds_what_is_due_until_there_is_room() {
    let shop = Shop::open();
    let config = BackupStreamConfig::new("orders")
        .capacity(1)
        .max_backup_length(1);
    let backup = shop.manager.create_backup_producer("p", config).unwrap();
    shop.ask::<String>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    let producer = backup.typed::<Order>();
    for number in 0..3 {
        let message = order(number.to_string());
        producer.with(&message).after(Duration::ZERO).add().unwrap();
    }
    wait_until(DEADLINE, "two to have come", || {
        numbers(&shop.server, "{orders}:backup") == [1]
    });
    assert_eq!(
        shop.manager.scheduled("orders").unwrap().count().unwrap(),
        1
    );
    // A reader makes room.
    read_and_die(&shop.server, "c", 1);
    let first: Vec<(String, redis::Value)> = shop.ask("XRANGE orders - + COUNT 1");
    shop.ask::<u64>(&format!("XACK orders orders_group {}", first[0].0));
    wait_until(DEADLINE, "the last one to have come", || {
        shop.manager.scheduled("orders").unwrap().count().unwrap() == 0
    });
}
