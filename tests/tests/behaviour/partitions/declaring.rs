//! The number of partitions of a stream: declared by a producer, stored in Redis.

use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, ConnectionConfig, Error, ErrorKind, RawMessage, StreamConfig,
    StreamManager,
};
use stream_tests::{LogCapture, Server, wait_until};

use super::{add, in_partition, lengths, message, producer, producer_of};
use crate::support::{DEADLINE, HOUR, Shop, order};

#[track_caller]
fn refused(result: stream_lib::Result<Added>, words: &[&str]) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{error}");
    }
    error
}

#[test]
fn the_first_add_notes_the_number_and_others_find_it() {
    let shop = Shop::open();
    let producer = producer(&shop, 4);
    assert!(!shop.ask::<bool>("EXISTS {orders}:meta"));
    add(&producer, 1, "customer-2").unwrap();
    assert_eq!(shop.ask::<String>("HGET {orders}:meta partitions"), "4");

    // None of them says a number; the last is the default one.
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let silent = producer_of(&other, StreamConfig::new("orders"));
    add(&silent, 2, "customer-2").unwrap();
    let backup = BackupStreamConfig::new("orders");
    let backup = other.create_backup_producer("b", backup).unwrap();
    add(&backup.typed::<RawMessage>(), 3, "customer-2").unwrap();
    let third = StreamManager::connect(shop.server.url()).unwrap();
    third.with(&order("4")).key("customer-2").add().unwrap();
    assert_eq!(in_partition(&shop.server, 3), [1, 2, 3, 4]);
    assert!(!shop.ask::<bool>("EXISTS orders"));
}

#[test]
fn another_number_is_refused_with_both_named() {
    let shop = Shop::open();
    add(&producer(&shop, 8), 1, "A-1").unwrap();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let config = StreamConfig::new("orders").partitions(16);
    let producer = producer_of(&other, config);
    for _ in 0..2 {
        let error = refused(add(&producer, 2, "A-1"), &["`partitions` is 16", "has 8"]);
        assert!(error.to_string().contains("`orders`"), "{error}");
    }
    let all = producer.add_all(&[message(3), message(4)]);
    for result in all {
        refused(result, &["is 16", "has 8"]);
    }
    let sent = producer.send(&message(5)).unwrap().wait();
    refused(sent, &["is 16", "has 8"]);
    assert_eq!(lengths(&shop.server, 16).iter().sum::<usize>(), 1);
    assert_eq!(shop.ask::<String>("HGET {orders}:meta partitions"), "8");
}

#[test]
fn numbers_that_are_none_are_refused_when_the_producer_is_made() {
    let shop = Shop::open();
    for number in [0, 3, 257, 512] {
        let config = StreamConfig::new("orders").partitions(number);
        let error = shop.manager.create_simple_producer("p", config.clone());
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let words = format!("`partitions` is {number}, and must be a power of two, 1 to 256");
        assert!(error.to_string().contains(&words), "{error}");
        let error = shop
            .manager
            .create_backup_producer("p", config)
            .unwrap_err();
        assert!(error.to_string().contains(&words), "{error}");
    }
    let config = BackupStreamConfig::new("orders").partitions(4);
    let config = config.backup_stream("{orders}:spare");
    let error = shop
        .manager
        .create_backup_producer("p", config)
        .unwrap_err();
    assert!(error.to_string().contains("`{orders}:spare`"), "{error}");
    let error = shop
        .manager
        .create_simple_producer("p", StreamConfig::new("{orders:3}"))
        .unwrap_err();
    assert!(
        error.to_string().contains("a partition of `orders`"),
        "{error}"
    );
}

#[test]
fn a_backup_stream_of_its_own_name_is_refused_once_the_partitions_are_known() {
    let shop = Shop::open();
    add(&producer(&shop, 4), 1, "A-1").unwrap();
    let config = BackupStreamConfig::new("orders").backup_stream("{orders}:spare");
    let named = shop.manager.create_backup_producer("b", config).unwrap();
    let named = named.typed::<RawMessage>();
    refused(
        add(&named, 2, "A-1"),
        &["`{orders}:spare`", "leave `backup_stream` out"],
    );
}

#[test]
fn a_stream_in_use_without_partitions_is_drained_and_then_switched() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 3);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    shop.ask::<redis::Value>("XADD {orders}:dead * a b");
    let producer = producer(&shop, 4);
    let words = ["3 entries", "1 dead letters", "1 groups", "`delete_stream`"];
    for _ in 0..2 {
        refused(add(&producer, 0, "A-1"), &words);
    }
    assert_eq!(shop.ask::<usize>("XLEN orders"), 3);
    assert!(!shop.ask::<bool>("HEXISTS {orders}:meta partitions"));
    // One without a number goes on as before.
    shop.manager.remove_producer("p").unwrap();
    let plain = producer_of(&shop.manager, StreamConfig::new("orders"));
    add(&plain, 3, "A-1").unwrap();
    assert_eq!(shop.ask::<usize>("XLEN orders"), 4);

    // As the README says.
    shop.manager.remove_producer("p").unwrap();
    assert!(shop.manager.delete_stream("orders").unwrap());
    let producer = super::producer(&shop, 4);
    add(&producer, 0, "A-1").unwrap();
    assert_eq!(lengths(&shop.server, 4), [1, 0, 0, 0]);
}

#[test]
fn a_group_that_holds_entries_is_use_and_one_that_waits_for_them_is_none() {
    let shop = Shop::open();
    shop.ask::<()>("XGROUP CREATE orders orders_group $ MKSTREAM");
    let id: String = shop.ask("XADD orders * a b");
    shop.ask::<redis::Value>("XREADGROUP GROUP orders_group c STREAMS orders >");
    shop.ask::<u8>(&format!("XDEL orders {id}"));
    refused(
        add(&producer(&shop, 4), 0, "A-1"),
        &["0 entries", "1 groups"],
    );
    shop.ask::<u8>(&format!("XACK orders orders_group {id}"));
    let again = shop.manager.producer("p").unwrap();
    add(&again, 0, "A-1").unwrap();
    assert_eq!(lengths(&shop.server, 4), [1, 0, 0, 0]);
}

#[test]
fn what_is_scheduled_jobs_and_a_backup_stream_of_another_name_are_use() {
    let shop = Shop::open();
    let producer = producer(&shop, 4);
    shop.ask::<u8>("ZADD {orders}:due 9999999999999 0000000000000001-k3v9x2m4p7q8");
    refused(add(&producer, 0, "A-1"), &["1 scheduled messages"]);

    shop.ask::<u8>("HSET {orders}:cron job 1|0|paused||x");
    shop.ask::<u8>("HSET {orders}:cron old 1|0|off||x");
    shop.ask::<u8>("DEL {orders}:due");
    refused(add(&producer, 0, "A-1"), &["1 jobs"]);

    shop.ask::<u8>("HSET {orders}:meta backup:name {orders}:spare");
    shop.ask::<redis::Value>("XADD {orders}:spare * a b");
    shop.ask::<u8>("HDEL {orders}:cron job");
    refused(add(&producer, 0, "A-1"), &["1 in its backup stream"]);
    shop.ask::<u64>("XTRIM {orders}:spare MAXLEN 0");
    add(&producer, 0, "A-1").unwrap();
    assert_eq!(lengths(&shop.server, 4), [1, 0, 0, 0]);
}

#[test]
fn members_of_an_older_version_hold_the_partitions_up() {
    let shop = Shop::open();
    let now: (u64, u64) = shop.ask("TIME");
    let now = now.0 * 1_000;
    let set = |sign: String| {
        let command = [
            "HSET",
            "{orders}:meta",
            "beat:orders_group:old-1",
            sign.as_str(),
        ];
        shop.server.command::<()>(&command);
    };
    set(format!("{now} 600000"));
    let producer = producer(&shop, 4);
    let error = add(&producer, 0, "A-1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains("orders_group:old-1"), "{error}");
    // Once it has lapsed, they begin.
    set(format!("{} 1000", now - 600_000));
    add(&producer, 0, "A-1").unwrap();
    assert_eq!(lengths(&shop.server, 4), [1, 0, 0, 0]);
}

#[test]
fn an_open_producer_learns_of_partitions_and_strays_are_told() {
    let log = LogCapture::start();
    let shop = Shop::open();
    let config = || StreamConfig::new("strayed");
    let open = producer_of(&shop.manager, config().cleanup_interval(HOUR));
    add(&open, 1, "A-1").unwrap();
    // It has seen the stream whole, and now it is empty.
    shop.ask::<()>("XTRIM strayed MAXLEN 0");
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let split = producer_of(&other, config().partitions(4));
    add(&split, 2, "A-1").unwrap();
    assert_eq!(shop.ask::<usize>("XLEN {strayed:0}"), 1);
    let mut number = 3;
    wait_until(DEADLINE, "the open producer to learn of it", || {
        add(&open, number, "A-1").unwrap();
        number += 1;
        std::thread::yield_now();
        shop.ask::<usize>("XLEN {strayed:0}") > 1
    });
    let stats = shop.manager.stream_stats("strayed").unwrap();
    assert_eq!(stats.partitions, Some(4));
    assert_eq!(stats.outside, (number - 4) as u64);
    assert!(stats.to_string().contains("outside of them"), "{stats}");
    wait_until(DEADLINE, "the log to tell of the strays", || {
        let lines = log.containing("are in `strayed` itself");
        lines.iter().any(|line| line.level == log::Level::Warn)
    });
}

#[test]
fn a_producer_waits_for_the_number_while_redis_is_away_and_no_longer_than_it_may() {
    let server = Server::start().unwrap();
    let manager = {
        let config = ConnectionConfig::new(server.url()).unwrap();
        StreamManager::connect_lazy(config).unwrap()
    };
    server.kill();
    let timeout = Duration::from_millis(300);
    let config = StreamConfig::new("orders")
        .partitions(4)
        .send_timeout(timeout);
    let producer = producer_of(&manager, config);
    let error = add(&producer, 0, "A-1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let all = producer.add_all(&[message(1)]);
    assert_eq!(all[0].as_ref().unwrap_err().kind(), ErrorKind::Unavailable);
    let waiting = std::thread::scope(|scope| {
        let patient = StreamConfig::new("orders").send_timeout(DEADLINE);
        let patient = manager.create_simple_producer("patient", patient).unwrap();
        let patient = patient.typed::<RawMessage>();
        let waiting = scope.spawn(move || add(&patient, 2, "A-1"));
        server.restart();
        waiting.join().unwrap()
    });
    waiting.unwrap();
}
