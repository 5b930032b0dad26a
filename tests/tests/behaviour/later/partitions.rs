//! Schedules and jobs of a stream with partitions.

use std::collections::BTreeSet;
use std::time::Duration;

use stream_lib::{
    Cron, ErrorKind, ScheduleId, ScheduledMessage, StreamConfig, StreamManager, WhenTaken,
};
use stream_tests::wait_until;

use super::{id_of, server_time};
use crate::support::{DEADLINE, HOUR, Order, Seen, Shop, noting, order, quick};

const PARTITIONS: u16 = 4;

#[track_caller]
fn shop() -> Shop {
    let shop = Shop::open();
    let config = StreamConfig::new("orders").partitions(PARTITIONS);
    shop.manager.create_simple_producer("p", config).unwrap();
    // The first message of a producer notes the partitions with the stream.
    let message = order("0");
    let id = id_of(shop.manager.with(&message).after(HOUR).add().unwrap());
    assert!(
        shop.manager
            .scheduled("orders")
            .unwrap()
            .cancel(id)
            .unwrap()
    );
    shop
}

/// How many keys of all partitions, and of the stream itself, have this end.
#[track_caller]
fn keys_with(shop: &Shop, end: &str) -> usize {
    let keys: Vec<String> = shop.ask("KEYS *");
    keys.iter().filter(|key| key.ends_with(end)).count()
}

#[test]
fn messages_come_to_the_partition_of_their_key_when_they_are_due() {
    let shop = shop();
    let seen = Seen::default();
    let config = quick("orders").lease(Duration::from_millis(500));
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    let due = server_time(&shop) + Duration::from_millis(500);
    let mut ids = Vec::new();
    for number in 0..40 {
        let message = order(number.to_string());
        let draft = shop.manager.with(&message).key((number % 8).to_string());
        ids.push(id_of(draft.at(due).add().unwrap()));
    }
    let partitions: BTreeSet<_> = ids.iter().map(|id| id.partition()).collect();
    assert!(
        partitions.len() > 1 && !partitions.contains(&None),
        "{partitions:?}"
    );
    // One key, one partition.
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(id.partition(), ids[number % 8].partition());
        assert_eq!(id.to_string().parse::<ScheduleId>().unwrap(), *id);
    }
    seen.wait_for(40);
    let names: BTreeSet<_> = seen.all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 40);
    wait_until(DEADLINE, "nothing to be left", || {
        keys_with(&shop, ":later") == 0
    });
    assert_eq!(
        shop.ask::<u64>("EXISTS orders"),
        0,
        "none is outside of them"
    );
}

#[test]
fn others_than_the_process_that_scheduled_find_all_partitions() {
    let shop = shop();
    let gone = StreamManager::connect(shop.server.url()).unwrap();
    for number in 0..12 {
        let message = order(number.to_string());
        let draft = gone.with(&message).key(number.to_string());
        draft.after(Duration::from_millis(300)).add().unwrap();
    }
    drop(gone);
    let seen = Seen::default();
    let config = quick("orders").lease(Duration::from_millis(500));
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(12);
}

#[test]
fn lists_go_through_all_partitions_by_due_time() {
    let shop = shop();
    let begin = server_time(&shop) + HOUR;
    let mut ids = Vec::new();
    for number in 0..30_u32 {
        let message = order(number.to_string());
        let draft = shop.manager.with(&message).key(number.to_string());
        ids.push(id_of(draft.at(begin + number * HOUR).add().unwrap()));
    }
    let scheduled = shop.manager.scheduled("orders").unwrap();
    assert_eq!(scheduled.count().unwrap(), 30);
    let stats = shop.manager.stream_stats("orders").unwrap();
    assert_eq!(stats.scheduled, 30);
    let mut pages: Vec<ScheduledMessage> = Vec::new();
    loop {
        let page = scheduled.list_after(pages.last(), 7).unwrap();
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    let listed: Vec<_> = pages.iter().map(ScheduledMessage::id).collect();
    assert_eq!(listed, ids);
    assert!(scheduled.cancel(ids[3]).unwrap() && !scheduled.cancel(ids[3]).unwrap());
    assert_eq!(scheduled.cancel_all_of(&ids[..5]).unwrap(), 4);
    assert!(scheduled.run_now(ids[29]).unwrap());
    assert_eq!(scheduled.cancel_some(10).unwrap(), 10);
    assert_eq!(scheduled.list(1).unwrap()[0].id(), ids[15]);
    // Of no partition, and of one that the stream doesn't have.
    let text = ids[20].to_string();
    let (_, plain) = text.split_once(':').unwrap();
    for id in [plain.to_owned(), format!("99:{plain}")] {
        assert!(!scheduled.cancel(id.parse().unwrap()).unwrap());
    }
}

#[test]
fn keys_hold_in_their_partition() {
    let shop = shop();
    let message = order("1");
    let draft = || shop.manager.with(&message).after(HOUR);
    let first = draft().unique("u", WhenTaken::Refuse).add().unwrap();
    assert_eq!(draft().unique("u", WhenTaken::Keep).add().unwrap(), first);
    let error = draft().unique("u", WhenTaken::Refuse).add().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(
        error.to_string().contains(&id_of(first).to_string()),
        "{error}"
    );
    let once = draft().idempotency_key("k").add().unwrap();
    assert_eq!(draft().idempotency_key("k").add().unwrap(), once);
    let plain = shop.manager.with(&message).idempotency_key("k").add();
    assert_eq!(plain.unwrap(), once);
}

/// Another key of the message leads to another partition, which nobody looks at.
#[test]
fn unique_key_counts_within_the_partition_of_the_message() {
    let shop = shop();
    let message = order("1");
    let add = |key: &str, taken| {
        let draft = shop.manager.with(&message).key(key).after(HOUR);
        draft.unique("u", taken).add()
    };
    let first = id_of(add("0", WhenTaken::Replace).unwrap());
    assert_eq!(id_of(add("0", WhenTaken::Replace).unwrap()), first);
    let scheduled = shop.manager.scheduled("orders").unwrap();
    assert_eq!(scheduled.count().unwrap(), 1);
    let other = (1..1_000)
        .map(|number| id_of(add(&number.to_string(), WhenTaken::Replace).unwrap()))
        .find(|id| id.partition() != first.partition())
        .unwrap();
    assert_ne!(other, first);
    assert_eq!(scheduled.count().unwrap(), 2);
    let error = add("0", WhenTaken::Refuse).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let partition = first.partition().unwrap();
    let words = format!("the unique key `u` of partition {partition} is held by");
    assert!(error.to_string().contains(&words), "{error}");
}

#[test]
fn job_lives_in_one_partition_for_all_processes() {
    let shop = shop();
    let every_second = || Cron::parse("* * * * * *").unwrap();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    for manager in [&shop.manager, &other] {
        manager.cron("job", every_second(), || order("1")).unwrap();
    }
    let seen = Seen::<(String, u32)>::default();
    shop.manager
        .consume::<Order>("c", quick("orders"), noting(&seen))
        .unwrap();
    seen.wait_for(3);
    assert_eq!(keys_with(&shop, ":cron"), 1);
    let crons = other.crons("orders").unwrap();
    assert_eq!(crons.list().unwrap().len(), 1);
    crons.run_now("job").unwrap();
    assert!(crons.pause("job").unwrap() && crons.remove("job").unwrap());
    drop(other);
    shop.manager.remove_consumer("c").unwrap();
    shop.manager.remove_producer("p").unwrap();
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert_eq!(keys_with(&shop, ":later"), 0);
}

#[test]
fn job_moves_to_its_partition_when_the_stream_gets_partitions() {
    let shop = Shop::open();
    let every_second = Cron::parse("* * * * * *").unwrap();
    shop.manager
        .cron("job", every_second, || order("1"))
        .unwrap();
    assert!(shop.ask::<bool>("EXISTS {orders}:cron"));
    shop.ask::<u8>("DEL {orders}:cron");
    shop.ask::<u8>(&format!("HSET {{orders}}:meta partitions {PARTITIONS}"));
    // The ticker may have declared it in between.
    shop.ask::<u8>("DEL {orders}:cron");
    wait_until(DEADLINE, "the job in a partition", || {
        keys_with(&shop, "}:cron") == 1 && !shop.ask::<bool>("EXISTS {orders}:cron")
    });
}
