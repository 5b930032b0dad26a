//! Dead letters that are removed for good.

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
fn those_that_come_in_during_a_removal_are_not_lost_in_the_count() {
    let shop = Arc::new(Shop::open());
    let dead = shop.manager.dead_letters("orders").unwrap();
    bury_by_hand(&shop, 2_000);
    let before = dead.list(usize::MAX).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let writer = {
        let (shop, ends) = (Arc::clone(&shop), Arc::clone(&ends));
        let writer = thread::Builder::new().name("writer".to_owned());
        let written = writer.spawn(move || {
            let mut written = 0;
            while written == 0 || !ends.load(Ordering::SeqCst) {
                bury_by_hand(&shop, 100);
                written += 100;
            }
            written
        });
        written.unwrap()
    };
    let report = dead.remove_all();
    ends.store(true, Ordering::SeqCst);
    let written = writer.join().unwrap();
    let report = report.unwrap();
    assert!(report.removed >= 2_000, "{report}");
    let left = dead.list(usize::MAX).unwrap();
    assert_eq!(left.len() + report.removed, 2_000 + written);
    let newest = before.last().unwrap().id();
    assert!(left.iter().all(|letter| letter.id() > newest));
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
