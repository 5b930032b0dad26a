//! Removal of dead letters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use stream_lib::{DeadLetter, EntryId, HandlerResult, RawMessage};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Seen, Shop, quick};

/// Writes dead letters as a burial does, with their number as the only field.
fn bury_by_hand(shop: &Shop, count: usize) {
    let mut connection = shop.server.connect().unwrap();
    let mut pipe = redis::pipe();
    for number in 0..count {
        pipe.cmd("XADD").arg("{orders}:dead").arg("*");
        pipe.arg("n").arg(number).arg("~id").arg("1-1");
    }
    let _: Vec<String> = pipe.query(&mut connection).unwrap();
}

#[test]
fn dead_letters_are_removed_by_id_and_the_missing_are_counted() {
    let shop = Shop::open();
    let dead = shop.manager.dead_letters("orders").unwrap();
    assert_eq!(dead.remove_all().unwrap().removed, 0);
    bury_by_hand(&shop, 130);
    let letters = dead.list(usize::MAX).unwrap();
    let mut ids: Vec<_> = letters[20..].iter().map(DeadLetter::id).collect();
    ids.extend([EntryId::MAX, letters[50].id()]);
    let report = dead.remove(&ids).unwrap();
    assert_eq!((report.removed, report.missing), (110, 2));
    assert_eq!(report.to_string(), "110 removed, 2 missing");
    assert_eq!(dead.list(usize::MAX).unwrap(), &letters[..20]);
    assert_eq!(dead.remove(&[]).unwrap().removed, 0);
}

#[test]
fn oldest_are_removed_first_also_while_they_are_listed() {
    let shop = Shop::open();
    let dead = shop.manager.dead_letters("orders").unwrap();
    bury_by_hand(&shop, 250);
    let letters = dead.list(usize::MAX).unwrap();
    let page = dead.list(100).unwrap();
    assert_eq!(dead.remove_some(120).unwrap().removed, 120);
    let next = dead
        .list_after(page.last().map(DeadLetter::id), 100)
        .unwrap();
    assert_eq!(next, &letters[120..220], "the page after one that is gone");
    assert_eq!(dead.remove_some(1_000).unwrap().removed, 130);
    assert_eq!(dead.count().unwrap(), 0);
}

#[test]
fn those_that_come_in_during_a_removal_stay() {
    const BEFORE: usize = 10_000;
    let shop = Arc::new(Shop::open());
    let dead = shop.manager.dead_letters("orders").unwrap();
    bury_by_hand(&shop, BEFORE);
    let writer = {
        let shop = Arc::clone(&shop);
        let writer = thread::Builder::new().name("writer".to_owned());
        let written = writer.spawn(move || {
            let length = || shop.ask::<usize>("XLEN {orders}:dead");
            wait_until(DEADLINE, "the removal to begin", || length() < BEFORE);
            bury_by_hand(&shop, 100);
        });
        written.unwrap()
    };
    let report = dead.remove_all();
    writer.join().unwrap();
    assert_eq!(report.unwrap().removed, BEFORE);
    assert_eq!(dead.count().unwrap(), 100);
}

#[test]
fn bytes_of_a_message_survive_burial_and_redrive() {
    let shop = Shop::open();
    let (fail, seen) = (Arc::new(AtomicBool::new(true)), Seen::default());
    let message = RawMessage::new()
        .with("b", [0, 255, b'\r', b'\n', 128])
        .with("", "")
        .with("b", [1]);
    let (fails, noted) = (Arc::clone(&fail), seen.clone());
    let handler = move |delivery: &stream_lib::Delivery<RawMessage>| -> HandlerResult {
        if fails.load(Ordering::SeqCst) {
            return Err(stream_lib::HandlerError::permanent("no").into());
        }
        noted.push(delivery.message().clone());
        Ok(())
    };
    shop.manager.consume("c", quick("orders"), handler).unwrap();
    let config = stream_lib::StreamConfig::new("orders");
    shop.manager
        .create_simple_producer("orders", config)
        .unwrap();
    shop.manager.add_to("orders", &message).unwrap();
    let dead = shop.manager.dead_letters("orders").unwrap();
    wait_until(DEADLINE, "the dead letter", || dead.count().unwrap() == 1);
    assert_eq!(dead.list(1).unwrap()[0].message(), &message);
    fail.store(false, Ordering::SeqCst);
    let report = dead.redrive_all().unwrap();
    assert_eq!(report.to_string(), "1 put back");
    seen.wait_for(1);
    assert_eq!(seen.all(), [message]);
}
