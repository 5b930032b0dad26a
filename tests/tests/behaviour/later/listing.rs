//! Listing, rescheduling and cancelling scheduled messages.

use std::time::Duration;

use stream_lib::{ErrorKind, ScheduleId, ScheduledMessage, StreamManager};
use stream_tests::{LogCapture, wait_until};

use super::{id_of, keys_of_later, server_time};
use crate::support::{DEADLINE, HOUR, Order, Shop, numbers, order};

/// Schedules orders `0 … count-1`, the last of them first.
fn schedule(shop: &Shop, count: u32) -> Vec<ScheduleId> {
    let begin = server_time(shop) + HOUR;
    let add = |number: u32| {
        let message = order(number.to_string());
        id_of(
            shop.manager
                .with(&message)
                .at(begin + number * HOUR)
                .add()
                .unwrap(),
        )
    };
    let mut ids: Vec<_> = (0..count).rev().map(add).collect();
    ids.reverse();
    ids
}

#[test]
fn list_goes_by_due_time_and_page_by_page() {
    let shop = Shop::open();
    let ids = schedule(&shop, 25);
    let scheduled = shop.manager.scheduled("orders").unwrap();
    assert_eq!(scheduled.count().unwrap(), 25);
    let all = scheduled.list(100).unwrap();
    assert_eq!(
        all.iter().map(ScheduledMessage::id).collect::<Vec<_>>(),
        ids
    );
    assert!(all.is_sorted_by_key(ScheduledMessage::due));
    assert_eq!(all[3].decode::<Order>().unwrap(), order("3"));

    let mut pages: Vec<ScheduledMessage> = Vec::new();
    loop {
        let page = scheduled.list_after(pages.last(), 7).unwrap();
        if page.is_empty() {
            break;
        }
        // One that is gone is no hindrance.
        scheduled.cancel(page[page.len() - 1].id()).unwrap();
        pages.extend(page);
    }
    assert_eq!(pages, all);
    assert_eq!(scheduled.count().unwrap(), 25 - 4);
    assert!(
        shop.manager
            .scheduled("others")
            .unwrap()
            .list(10)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn cancelled_messages_never_come() {
    let shop = Shop::open();
    let ids = schedule(&shop, 130);
    let scheduled = shop.manager.scheduled("orders").unwrap();
    assert!(scheduled.cancel(ids[5]).unwrap());
    assert!(!scheduled.cancel(ids[5]).unwrap(), "it was before");
    assert_eq!(scheduled.cancel_all_of(&ids[4..7]).unwrap(), 2);
    assert_eq!(scheduled.cancel_some(100).unwrap(), 100);
    let first = scheduled.list(1).unwrap().remove(0);
    assert_eq!(first.id(), ids[103], "those that are due first are gone");
    assert_eq!(scheduled.cancel_some(usize::MAX).unwrap(), 27);
    assert_eq!(keys_of_later(&shop), [""; 0]);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 0);
}

#[test]
fn rescheduled_message_comes_at_its_new_time() {
    let shop = Shop::open();
    let ids = schedule(&shop, 3);
    let scheduled = shop.manager.scheduled("orders").unwrap();
    let soon = Duration::from_millis(200);
    let begin = server_time(&shop);
    assert!(scheduled.reschedule(ids[2], soon).unwrap());
    wait_until(DEADLINE, "the entry", || {
        numbers(&shop.server, "orders") == [2]
    });
    assert!(server_time(&shop) >= begin + soon);
    assert!(!scheduled.reschedule(ids[2], soon).unwrap(), "it has come");
    assert!(scheduled.reschedule(ids[0], begin + 9 * HOUR).unwrap());
    let order: Vec<_> = scheduled
        .list(9)
        .unwrap()
        .iter()
        .map(ScheduledMessage::id)
        .collect();
    assert_eq!(order, [ids[1], ids[0]]);
    let error = scheduled
        .reschedule(ids[1], HOUR * 24 * 366 * 101)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn run_now_needs_no_process_that_lives_on() {
    let shop = Shop::open();
    let ids = schedule(&shop, 2);
    // As a tool does it, which ends at once.
    let tool = StreamManager::connect(shop.server.url()).unwrap();
    let scheduled = tool.scheduled("orders").unwrap();
    assert!(scheduled.run_now(ids[1]).unwrap());
    assert_eq!(numbers(&shop.server, "orders"), [1]);
    assert!(!scheduled.run_now(ids[1]).unwrap());
}

#[test]
fn broken_body_is_set_aside_and_a_missing_one_dropped() {
    let log = LogCapture::start();
    let shop = Shop::open();
    let ids = schedule(&shop, 3);
    shop.ask::<u64>(&format!("HSET {{orders}}:later {} garbage", ids[0]));
    shop.ask::<u64>(&format!("HDEL {{orders}}:later {}", ids[1]));
    let scheduled = shop.manager.scheduled("orders").unwrap();
    for id in &ids {
        assert!(scheduled.reschedule(*id, Duration::ZERO).unwrap());
    }
    wait_until(DEADLINE, "the good one", || {
        numbers(&shop.server, "orders") == [2]
    });
    wait_until(DEADLINE, "the others to be told", || {
        let lines = log.lines();
        let told = |words: &str, id: ScheduleId| {
            let id = id.to_string();
            lines
                .iter()
                .any(|line| line.text.contains(words) && line.text.contains(&id))
        };
        told("was set aside", ids[0]) && told("is gone", ids[1])
    });
    let left = scheduled.list(10).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].id(), left[0].due()), (ids[0], None));
    assert!(left[0].message().is_empty());
    assert!(scheduled.cancel(ids[0]).unwrap());
    assert_eq!(keys_of_later(&shop), [""; 0]);
}

#[test]
fn deleted_stream_takes_what_is_scheduled_with_it() {
    let shop = Shop::open();
    let message = order("1");
    let draft = shop.manager.with(&message).after(HOUR);
    draft
        .unique("u", stream_lib::WhenTaken::Keep)
        .add()
        .unwrap();
    let daily = stream_lib::Cron::parse("@daily").unwrap();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    other.cron("job", daily, || order("2")).unwrap();
    drop(other);
    assert_eq!(keys_of_later(&shop).len(), 4);
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert_eq!(keys_of_later(&shop), [""; 0]);
}
