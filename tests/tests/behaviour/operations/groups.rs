//! Groups and their consumers: created, moved, listed, removed.

use std::time::{Duration, SystemTime};

use stream_lib::{ErrorKind, RawMessage, StartFrom, StreamConfig};

use super::{addresses, give_sign};
use crate::support::{Seen, Shop, noting, pending, quick, read_and_die};

fn unread(shop: &Shop, group: &str) -> Option<u64> {
    let stats = shop.manager.stream_stats("orders").unwrap();
    let group = stats.groups.iter().find(|one| one.name == group);
    group.and_then(|group| group.unread)
}

#[test]
fn a_group_is_made_where_it_is_to_begin() {
    let shop = Shop::open();
    let manager = &shop.manager;
    shop.add_by_hand("orders", 5);
    let third = addresses(&shop.server, "orders")[2].id;
    for (group, from, expected) in [
        ("all", StartFrom::Beginning, 5),
        ("new", StartFrom::End, 0),
        ("some", StartFrom::Id(third), 2),
        (
            "late",
            StartFrom::Time(SystemTime::now() + Duration::from_hours(1)),
            0,
        ),
    ] {
        assert!(manager.create_group("orders", group, from).unwrap());
        assert_eq!(unread(&shop, group), Some(expected), "{group}");
        assert!(
            !manager
                .create_group("orders", group, StartFrom::End)
                .unwrap()
        );
        assert_eq!(unread(&shop, group), Some(expected), "it stays as it was");
    }
    assert!(
        manager
            .create_group("fresh", "g", StartFrom::Beginning)
            .unwrap()
    );
    assert_eq!(shop.ask::<String>("TYPE fresh"), "stream");
}

#[test]
fn the_position_of_a_group_is_set_unless_a_consumer_lives() {
    let shop = Shop::open();
    let manager = &shop.manager;
    shop.add_by_hand("orders", 5);
    manager.create_group("orders", "g", StartFrom::End).unwrap();
    manager
        .set_group_id("orders", "g", StartFrom::Beginning, false)
        .unwrap();
    assert_eq!(unread(&shop, "g"), Some(5));
    shop.ask::<()>("XGROUP CREATECONSUMER orders g member-1");
    give_sign(&shop.server, "orders", "g", "member-1", true);
    let error = manager
        .set_group_id("orders", "g", StartFrom::End, false)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains("`member-1` lives"), "{error}");
    assert_eq!(unread(&shop, "g"), Some(5));
    manager
        .set_group_id("orders", "g", StartFrom::End, true)
        .unwrap();
    assert_eq!(unread(&shop, "g"), Some(0));
    give_sign(&shop.server, "orders", "g", "member-1", false);
    manager
        .set_group_id("orders", "g", StartFrom::Beginning, false)
        .unwrap();
    // One of another library that Redis has heard of just now.
    shop.ask::<()>("XGROUP CREATECONSUMER orders g foreign");
    let error = manager
        .set_group_id("orders", "g", StartFrom::End, false)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    let error = manager
        .set_group_id("orders", "none", StartFrom::End, true)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoGroup);
}

#[test]
fn consumers_are_listed_with_their_signs_of_life() {
    let shop = Shop::open();
    let seen = Seen::default();
    let consumer = shop
        .manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    shop.add_by_hand("orders", 1);
    seen.wait_for(1);
    shop.wait_until_settled("orders");
    shop.add_by_hand("other", 3);
    shop.ask::<()>("XGROUP CREATE other other_group 0");
    let read = "XREADGROUP GROUP other_group py-1 COUNT 3 STREAMS other >";
    shop.ask::<redis::Value>(read);
    let list = |stream: &str| {
        let found = shop
            .manager
            .group_consumers(stream, &format!("{stream}_group"))
            .unwrap();
        let one = |one: &stream_lib::GroupConsumer| (one.name.clone(), one.pending, one.alive);
        found.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(
        list("orders"),
        [(consumer.name().unwrap_or_default(), 0, Some(true))]
    );
    assert_eq!(list("other"), [("py-1".to_owned(), 3, None)]);
    assert!(
        shop.manager
            .group_consumers("orders", "none")
            .unwrap()
            .is_empty()
    );
    assert!(
        shop.manager
            .group_consumers("none", "g")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn what_a_removed_consumer_held_stays_with_the_group() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1_300);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "dead-1", 1_200);
    let remove = |name: &str| {
        shop.manager
            .remove_group_consumer("orders", "orders_group", name)
    };
    // Redis has heard of it just now.
    let error = remove("dead-1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    give_sign(&shop.server, "orders", "orders_group", "dead-1", true);
    assert_eq!(remove("dead-1").unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(pending(&shop.server, "orders").len(), 1_200);
    give_sign(&shop.server, "orders", "orders_group", "dead-1", false);
    let removed = remove("dead-1").unwrap();
    assert_eq!((removed.was_there, removed.handed_over), (true, 1_200));
    let left = pending(&shop.server, "orders");
    assert_eq!(left.len(), 1_200);
    assert!(
        left.iter()
            .all(|one| one.consumer == "~takeover" && one.deliveries == 1)
    );
    assert!(shop.consumers("orders").is_empty());
    assert_eq!(shop.ask::<u64>("ZCARD {orders}:members:orders_group"), 0);
    assert!(!remove("dead-1").unwrap().was_there);
    shop.ask::<()>("XGROUP CREATECONSUMER orders orders_group idle-1");
    assert_eq!(remove("idle-1").unwrap().handed_over, 0);
    assert_eq!(remove("~takeover").unwrap_err().kind(), ErrorKind::Config);

    let seen = Seen::default();
    let config = quick("orders").lease(Duration::from_millis(500));
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(1_300);
    shop.wait_until_settled("orders");
}

#[test]
fn groups_of_partitions_are_made_moved_and_listed_as_one() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let config = StreamConfig::new("orders").partitions(4);
    let producer = manager
        .create_simple_producer("p", config)
        .unwrap()
        .typed::<RawMessage>();
    for number in 0..40 {
        let message = RawMessage::new().with("n", number.to_string());
        producer
            .with(&message)
            .key(number.to_string())
            .add()
            .unwrap();
    }
    assert!(manager.create_group("orders", "g", StartFrom::End).unwrap());
    assert_eq!(unread(&shop, "g"), Some(0));
    manager
        .set_group_id("orders", "g", StartFrom::Beginning, false)
        .unwrap();
    assert_eq!(unread(&shop, "g"), Some(40));
    for partition in 0..4 {
        let stream = format!("{{orders:{partition}}}");
        shop.ask::<redis::Value>(&format!(
            "XREADGROUP GROUP g dead-1 COUNT 2 STREAMS {stream} >"
        ));
    }
    give_sign(&shop.server, "orders", "g", "dead-1", false);
    let consumers = manager.group_consumers("orders", "g").unwrap();
    assert_eq!(consumers.len(), 1);
    assert_eq!((consumers[0].pending, consumers[0].alive), (8, Some(false)));
    let removed = manager
        .remove_group_consumer("orders", "g", "dead-1")
        .unwrap();
    assert_eq!(removed.handed_over, 8);
    assert!(manager.group_consumers("orders", "g").unwrap().is_empty());
    assert_eq!(shop.ask::<u64>("ZCARD {orders}:members:g"), 0);
}
