//! Events of a stream.

use std::time::{Duration, Instant, SystemTime};

use stream_lib::{HandlerError, StreamConfig, StreamEventKind, StreamManager};
use stream_tests::{LogCapture, Server, wait_until};

use super::{LEASE, events, once, patient_shop};
use crate::support::{DEADLINE, HOUR, Order, Seen, Shop, noting, order, quick, read_and_die};

/// How many entries or times all events of a kind tell of.
#[track_caller]
fn told(manager: &StreamManager, kind: StreamEventKind) -> u64 {
    events(manager, kind).iter().map(|event| event.count).sum()
}

#[test]
fn many_burials_are_few_events() {
    const DEAD: usize = 2_000;
    let shop = patient_shop();
    let began = Instant::now();
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", quick("orders"), |_| {
            Err(HandlerError::permanent("no").into())
        })
        .unwrap();
    shop.add_by_hand("orders", DEAD);
    wait_until(DEADLINE, "all of them to be told", || {
        told(&shop.manager, StreamEventKind::Buried) == DEAD as u64
    });
    let events = events(&shop.manager, StreamEventKind::Buried);
    // One a second, the first at once.
    let most = began.elapsed().as_secs() + 1;
    assert!(
        events.len() as u64 <= most,
        "{} events, of {most}",
        events.len()
    );
    assert!(DEAD > 20 * events.len());
    let first = &events[0];
    assert_eq!(first.group.as_deref(), Some("orders_group"));
    assert_eq!(first.consumer, consumer.name());
    assert_eq!(first.text.as_deref(), Some("permanent"));
    let age = SystemTime::now()
        .duration_since(first.at)
        .unwrap_or_default();
    assert!(age < HOUR);
}

#[test]
fn holds_and_redrives_are_told_by_who_makes_them() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let until = SystemTime::now() + HOUR;
    manager
        .hold("orders", "g", until, "the bank is down")
        .unwrap();
    assert!(manager.release("orders", "g").unwrap());
    assert!(!manager.release("orders", "g").unwrap());
    let all = manager.events("orders").unwrap().newest(10).unwrap();
    let kinds: Vec<_> = all.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [StreamEventKind::Released, StreamEventKind::Held]);
    assert_eq!(all[1].text.as_deref(), Some("the bank is down"));
    assert_eq!(all[1].group.as_deref(), Some("g"));
    let dead = "order_id 1 amount 1 ~id 1-1 ~group g ~reason permanent";
    (0..3).for_each(|_| drop(shop.ask::<String>(&format!("XADD {{orders}}:dead * {dead}"))));
    manager
        .dead_letters("orders")
        .unwrap()
        .redrive_all()
        .unwrap();
    assert_eq!(told(manager, StreamEventKind::Redriven), 3);

    // Page by page.
    let reader = manager.events("orders").unwrap();
    let newest = reader.newest(1).unwrap().remove(0);
    assert_eq!(newest.kind, StreamEventKind::Redriven);
    let before = reader.before(newest.id, 10).unwrap();
    assert_eq!(before, all);
    assert_eq!(reader.after(all[0].id, 10).unwrap(), [newest]);
}

#[test]
fn takeovers_and_groups_made_again_and_dead_consumers_are_told() {
    let shop = patient_shop();
    shop.add_by_hand("orders", 3);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead", 3);
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE).consumer_expiry(LEASE);
    let _consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(3);
    wait_until(DEADLINE, "the takeover to be told", || {
        told(&shop.manager, StreamEventKind::TakenOver) == 3
    });
    wait_until(DEADLINE, "the removal to be told", || {
        told(&shop.manager, StreamEventKind::ConsumerRemoved) >= 1
    });
    let removed = events(&shop.manager, StreamEventKind::ConsumerRemoved).remove(0);
    assert_eq!(removed.consumer.as_deref(), Some("dead"));
    wait_until(DEADLINE, "the group to be made again", || {
        // An answer that is lost is no event: then it vanishes once more.
        if shop.ask::<u8>("EXISTS orders") == 1 {
            shop.ask::<u8>("DEL orders");
        }
        told(&shop.manager, StreamEventKind::GroupMade) >= 1
    });
}

#[test]
fn streams_where_nothing_happens_have_no_events_and_deleted_ones_neither() {
    let shop = Shop::open();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    consumer.stop();
    assert_eq!(shop.ask::<u8>("EXISTS {orders}:events"), 0);
    assert_eq!(
        shop.manager.events("orders").unwrap().newest(9).unwrap(),
        []
    );
    let until = SystemTime::now() + HOUR;
    shop.manager
        .hold("orders", "orders_group", until, "")
        .unwrap();
    assert_eq!(shop.ask::<u8>("EXISTS {orders}:events"), 1);
    shop.manager.release("orders", "orders_group").unwrap();
    shop.manager.remove_consumer("c").unwrap();
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert_eq!(shop.ask::<Vec<String>>("KEYS *"), [""; 0]);
    let error = shop
        .manager
        .create_simple_producer("p", StreamConfig::new("{orders}:events"));
    assert!(error.unwrap_err().to_string().contains("reserved"));
}

#[test]
fn the_last_events_are_written_at_the_stop() {
    let shop = Shop::open();
    let config = quick("orders").retry(once());
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, |_| Err("no".into()))
        .unwrap();
    for round in 1..=3 {
        shop.manager.add(&order(round.to_string())).unwrap();
        wait_until(DEADLINE, "the burial", || consumer.stats().dead == round);
    }
    consumer.stop();
    assert_eq!(told(&shop.manager, StreamEventKind::Buried), 3);
}

#[test]
fn a_consumer_without_the_right_says_so_once_and_works() {
    let log = LogCapture::start();
    let rights = "~orders-still ~{orders-still}:[^e]* +@all";
    let server = Server::options()
        .user(&format!("clerk on >secret {rights}"))
        .start()
        .unwrap();
    let url = format!("redis://clerk:secret@{}", server.address());
    let manager = StreamManager::connect(url).unwrap();
    let config = quick("orders-still").retry(once());
    let consumer = manager
        .consume_fn::<Order>("c", config, |_| Err("no".into()))
        .unwrap();
    let told = || {
        log.containing("events of `orders-still` can't be written")
            .len()
    };
    let mut dead = 0;
    let mut bury = || {
        server.command::<String>(&["XADD", "orders-still", "*", "order_id", "1", "amount", "1"]);
        dead += 1;
        wait_until(DEADLINE, "the burial", || consumer.stats().dead == dead);
    };
    bury();
    wait_until(DEADLINE, "a line", || told() == 1);
    bury();
    consumer.stop();
    assert_eq!(told(), 1);
    assert!(
        log.containing("orders-still")
            .iter()
            .all(|line| !line.text.contains("held up"))
    );
    server.command::<()>(&["XGROUP", "CREATE", "other", "g", "0", "MKSTREAM"]);
    let until = SystemTime::now() + Duration::from_mins(1);
    manager.hold("orders-still", "g", until, "").unwrap();
}

#[test]
fn a_partitioned_stream_tells_beside_itself() {
    let shop = Shop::open();
    shop.ask::<u64>("HSET {orders}:meta partitions 4");
    let config = quick("orders").retry(once());
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, |_| Err("no".into()))
        .unwrap();
    for partition in 0..4 {
        shop.add_by_hand(&format!("{{orders:{partition}}}"), 2);
    }
    wait_until(DEADLINE, "all to be told", || {
        told(&shop.manager, StreamEventKind::Buried) == 8
    });
    assert_eq!(
        shop.ask::<Vec<String>>("KEYS *:events"),
        ["{orders}:events"]
    );
    consumer.stop();
}

#[test]
fn a_group_that_blocks_retention_is_told() {
    let shop = Shop::open();
    shop.ask::<()>("XGROUP CREATE orders slow 0 MKSTREAM");
    shop.add_by_hand("orders", 50);
    let config = StreamConfig::new("orders")
        .max_length(5)
        .min_retention_count(0)
        .cleanup_interval(Duration::from_millis(20));
    shop.manager.create_simple_producer("p", config).unwrap();
    wait_until(DEADLINE, "the group to be told", || {
        told(&shop.manager, StreamEventKind::RetentionBlocked) >= 1
    });
    let event = events(&shop.manager, StreamEventKind::RetentionBlocked).remove(0);
    assert_eq!(event.group.as_deref(), Some("slow"));
    assert!(event.text.is_some_and(|text| text.contains("`orders`")));
}

/// An order of another form.
#[derive(stream_lib::StreamMessage, Debug)]
#[stream(name = "orders")]
struct Urgent {
    order_id: String,
    #[stream(default)]
    before: u64,
}

#[test]
fn another_form_of_a_message_is_told_and_the_first_is_not() {
    let shop = Shop::open();
    shop.manager
        .consume("c", quick("orders"), noting(&Seen::default()))
        .unwrap();
    wait_until(DEADLINE, "its schema", || {
        shop.ask::<u8>("EXISTS {orders}:schema") == 1
    });
    assert_eq!(told(&shop.manager, StreamEventKind::SchemaChanged), 0);
    let other = StreamManager::connect(shop.server.url()).unwrap();
    other
        .consume_fn::<Urgent>("c", quick("orders"), |_| Ok(()))
        .unwrap();
    wait_until(DEADLINE, "the other one to be told", || {
        told(&shop.manager, StreamEventKind::SchemaChanged) == 1
    });
    let event = events(&shop.manager, StreamEventKind::SchemaChanged).remove(0);
    assert!(event.text.is_some_and(|text| text.contains("Urgent")));
}
