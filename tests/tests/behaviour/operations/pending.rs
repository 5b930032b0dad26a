//! Pending entries: listed, and released, buried or acknowledged if their consumer is
//! dead.

use std::time::Duration;

use stream_lib::{
    DeadReason, EntryAddress, EntryId, ErrorKind, Pending, PendingFilter, PendingHolder,
    RawMessage, StreamConfig, StreamEventKind, StreamManager,
};
use stream_tests::{Cluster, Server, wait_until};

use super::{addresses, give_sign, ids};
use crate::support::{DEADLINE, HOUR, Seen, Shop, ask, noting, pending, quick, read_and_die};

const GROUP: &str = "orders_group";

/// A group whose entries are in several hands: 0 to 2 of the dead `dead-1`, 3 and 4 of
/// `alive-1`, 5 of a foreign consumer.
fn hands() -> (Shop, Vec<EntryAddress>) {
    let shop = Shop::open();
    shop.add_by_hand("orders", 8);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    for (consumer, count) in [("dead-1", 3), ("alive-1", 2), ("foreign", 1)] {
        read_and_die(&shop.server, consumer, count);
    }
    give_sign(&shop.server, "orders", GROUP, "dead-1", false);
    give_sign(&shop.server, "orders", GROUP, "alive-1", true);
    let all = addresses(&shop.server, "orders");
    (shop, all)
}

fn of(shop: &Shop) -> Pending {
    shop.manager.pending("orders", GROUP).unwrap()
}

#[test]
fn pending_entries_are_listed_with_whoever_holds_them() {
    let (shop, all) = hands();
    let list = |filter: &PendingFilter| {
        let page = of(&shop).list(filter).unwrap();
        assert_eq!(page.next, None);
        let entries = page.entries.into_iter();
        entries
            .map(|entry| (entry.at, entry.holder))
            .collect::<Vec<_>>()
    };
    let (alive, dead) = (PendingHolder::Alive, PendingHolder::Dead);
    let of_dead = [(all[0], dead), (all[1], dead), (all[2], dead)];
    let mut expected = of_dead.to_vec();
    expected.extend([(all[3], alive), (all[4], alive), (all[5], alive)]);
    assert_eq!(list(&PendingFilter::new()), expected);
    assert_eq!(list(&PendingFilter::new().consumer("dead-1")), of_dead);
    assert_eq!(list(&PendingFilter::new().held_by_dead()), of_dead);
    assert_eq!(list(&PendingFilter::new().min_idle(HOUR)), []);
    assert_eq!(list(&PendingFilter::suspects()), []);
    shop.ask::<redis::Value>(&format!("XCLAIM orders {GROUP} dead-1 0 {}", all[1]));
    assert_eq!(list(&PendingFilter::suspects()), [(all[1], dead)]);
    let range = PendingFilter::new().between(all[2].id..=all[3].id);
    assert_eq!(list(&range), expected[2..4]);
    // A foreign consumer that is silent for long enough is dead.
    let page = of(&shop)
        .dead_after(Duration::ZERO)
        .list(&PendingFilter::new())
        .unwrap();
    assert_eq!(page.entries[5].holder, dead);
    assert_eq!(
        (
            page.entries[5].consumer.as_str(),
            page.entries[5].deliveries
        ),
        ("foreign", 1)
    );

    let mut filter = PendingFilter::new().limit(4);
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = of(&shop).list(&filter).unwrap();
        seen.extend(page.entries.iter().map(|entry| (entry.at, entry.holder)));
        pages += 1;
        match page.next {
            Some(next) => filter = filter.after(next),
            None => break,
        }
    }
    assert_eq!((seen, pages), (expected, 2));
}

#[test]
fn a_list_goes_on_where_it_may_look_no_further() {
    let (shop, all) = hands();
    let filter = PendingFilter::new().consumer("foreign").look(2);
    assert_eq!(of(&shop).list(&filter).unwrap().entries.len(), 1);
    let mut filter = PendingFilter::new().min_deliveries(9).look(2);
    let mut pages = 0;
    while let Some(next) = of(&shop).list(&filter).unwrap().next {
        filter = filter.after(next);
        pages += 1;
        assert!(pages < 10);
    }
    assert_eq!(pages, 3, "{all:?}");
}

#[test]
fn entries_of_many_dead_consumers_are_merged() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 600);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    for turn in 0..3 {
        for number in 0..20 {
            let count = if turn == 1 { 1 } else { 10 };
            read_and_die(&shop.server, &format!("dead-{number}"), count);
        }
    }
    let all = addresses(&shop.server, "orders");
    let pending = of(&shop).dead_after(Duration::ZERO);
    let mut filter = PendingFilter::new().held_by_dead().limit(70);
    let mut seen = Vec::new();
    loop {
        let page = pending.list(&filter).unwrap();
        seen.extend(page.entries.iter().map(|entry| entry.at));
        match page.next {
            Some(next) => filter = filter.after(next),
            None => break,
        }
    }
    assert_eq!(seen, all[..420]);
    // Those of a living one are not read for it.
    give_sign(&shop.server, "orders", GROUP, "dead-3", true);
    let filter = PendingFilter::new().held_by_dead().limit(1_000);
    assert_eq!(pending.list(&filter).unwrap().entries.len(), 420 - 21);
}

#[test]
fn what_the_living_hold_is_left_alone_and_the_answer_names_them() {
    let (shop, all) = hands();
    let before = pending(&shop.server, "orders");
    let pending_of = of(&shop);
    for report in [
        pending_of.release(&all[3..6]).unwrap(),
        pending_of.bury(&all[3..6], "why").unwrap(),
        pending_of.ack(&all[3..6]).unwrap(),
    ] {
        assert_eq!(report.done, 0);
        let held: Vec<_> = report
            .held
            .iter()
            .map(|held| (held.at, held.consumer.as_str()))
            .collect();
        assert_eq!(
            held,
            [
                (all[3], "alive-1"),
                (all[4], "alive-1"),
                (all[5], "foreign")
            ]
        );
        assert!(report.to_string().contains("held by `alive-1`"), "{report}");
    }
    assert_eq!(pending(&shop.server, "orders"), before);
    assert!(shop.dead("orders").is_empty());
    let report = pending_of
        .dead_after(Duration::ZERO)
        .ack(&all[5..8])
        .unwrap();
    assert_eq!((report.done, report.not_pending), (1, 2));
    assert_eq!(report.to_string(), "1 done, 2 not pending");
}

#[test]
fn released_entries_are_read_again_by_the_living() {
    let (shop, all) = hands();
    let report = of(&shop).release(&all[..3]).unwrap();
    assert_eq!((report.done, report.held.len()), (3, 0));
    let page = of(&shop).list(&PendingFilter::new().limit(3)).unwrap();
    let holders: Vec<_> = page.entries.iter().map(|entry| entry.holder).collect();
    assert_eq!(holders, [PendingHolder::Waiting; 3]);
    assert_eq!(page.entries[0].deliveries, 1, "releasing is no delivery");
    // What waits is nobody's, and may be taken from there again.
    assert_eq!(of(&shop).ack(&all[2..3]).unwrap().done, 1);
    assert_eq!(shop.ask::<u64>("ZCARD {orders}:waiting:orders_group"), 2);
    shop.ask::<()>(&format!("ZADD {{orders}}:members:{GROUP} 1 alive-1"));
    let seen = Seen::default();
    shop.manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    wait_until(DEADLINE, "released entries and new ones", || {
        let seen = seen.all();
        ["0", "1", "6", "7"]
            .iter()
            .all(|id| seen.iter().any(|(seen, _)| seen == id))
    });
    let attempts: Vec<_> = seen.all().into_iter().filter(|(id, _)| id == "0").collect();
    assert_eq!(attempts, [("0".to_owned(), 2)]);
}

#[test]
fn released_entries_of_a_foreign_group_wait_for_a_claim() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 2);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "py-1", 2);
    let all = addresses(&shop.server, "orders");
    let foreign = of(&shop).dead_after(Duration::ZERO);
    assert_eq!(foreign.release(&all).unwrap().done, 2);
    assert_eq!(shop.ask::<u64>("EXISTS {orders}:waiting:orders_group"), 0);
    let claimed: redis::Value = shop.ask("XAUTOCLAIM orders orders_group py-2 60000 0 JUSTID");
    assert!(
        format!("{claimed:?}").contains(&all[1].to_string()),
        "{claimed:?}"
    );
}

#[test]
fn buried_entries_are_dead_letters_and_can_be_put_back() {
    let (shop, all) = hands();
    shop.ask::<u64>(&format!("XDEL orders {}", all[1]));
    let report = of(&shop).bury(&all[..3], "kills its process").unwrap();
    assert_eq!((report.done, report.deleted), (2, 1));
    assert_eq!(pending(&shop.server, "orders").len(), 3);
    let events = shop.manager.events("orders").unwrap();
    let event = events.newest(1).unwrap().remove(0);
    assert_eq!((event.kind, event.count), (StreamEventKind::Buried, 2));
    let dead = shop.manager.dead_letters("orders").unwrap();
    let letters = dead.list(10).unwrap();
    assert_eq!(letters.len(), 2);
    let letter = &letters[0];
    assert_eq!(letter.known_reason(), Some(DeadReason::ByHand));
    assert_eq!(
        (letter.error(), letter.consumer()),
        ("kills its process", "dead-1")
    );
    assert_eq!((letter.entry_id(), letter.deliveries()), (all[0].id, 1));
    assert_eq!(letter.message().get_str("order_id"), Some("0"));
    assert_eq!(dead.redrive_all().unwrap().redriven, 2);
}

#[test]
fn a_member_of_an_older_version_lives_by_the_sign_in_meta() {
    let (shop, all) = hands();
    let (seconds, _): (u64, u64) = shop.ask("TIME");
    shop.ask::<()>(&format!("ZREM {{orders}}:members:{GROUP} dead-1"));
    let set = |at: u64| {
        let mut connection = shop.server.connect().unwrap();
        redis::cmd("HSET")
            .arg("{orders}:meta")
            .arg(format!("beat:{GROUP}:dead-1"))
            .arg(format!("{at} 60000"))
            .exec(&mut connection)
            .unwrap();
    };
    set(seconds * 1_000);
    let patient = of(&shop).dead_after(Duration::ZERO);
    assert_eq!(patient.ack(&all[..1]).unwrap().held.len(), 1);
    set(1);
    assert_eq!(patient.ack(&all[..1]).unwrap().done, 1);
}

#[test]
fn a_missing_group_or_partition_is_an_error() {
    let (shop, all) = hands();
    let missing = shop.manager.pending("orders", "none").unwrap();
    assert_eq!(
        missing.ack(&all[..1]).unwrap_err().kind(),
        ErrorKind::NoGroup
    );
    let error = missing.list(&PendingFilter::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoGroup);
    assert!(error.to_string().contains("`none` of `orders`"), "{error}");
    let of_one = EntryAddress::new(Some(0), EntryId::new(1, 1));
    assert_eq!(
        of(&shop).ack(&[of_one]).unwrap_err().kind(),
        ErrorKind::Config
    );
}

/// Two entries in each of four partitions, held by a dead and a living consumer.
#[track_caller]
fn partitions<'a>(manager: &StreamManager, node: impl Fn(&str) -> &'a Server) {
    let producer = manager
        .create_simple_producer("p", StreamConfig::new("orders").partitions(4))
        .unwrap()
        .typed::<RawMessage>();
    for number in 0..100 {
        let message = RawMessage::new().with("n", number.to_string());
        producer
            .with(&message)
            .key(number.to_string())
            .add()
            .unwrap();
    }
    let (mut dead, mut alive) = (Vec::new(), Vec::new());
    for partition in 0..4_u16 {
        let stream = format!("{{orders:{partition}}}");
        let server = node(&stream);
        let _: () = ask(server, &format!("XGROUP CREATE {stream} {GROUP} 0"));
        for name in ["dead-1", "alive-1"] {
            let read = format!("XREADGROUP GROUP {GROUP} {name} COUNT 2 STREAMS {stream} >");
            let _: redis::Value = ask(server, &read);
        }
        let at = |id| EntryAddress::new(Some(partition), id);
        let ids = ids(server, &stream);
        dead.extend(ids[..2].iter().copied().map(at));
        alive.extend(ids[2..4].iter().copied().map(at));
    }
    let stem = node("{orders}");
    give_sign(stem, "orders", GROUP, "dead-1", false);
    give_sign(stem, "orders", GROUP, "alive-1", true);

    let pending = manager.pending("orders", GROUP).unwrap();
    let page = pending.list(&PendingFilter::new().held_by_dead()).unwrap();
    let found: Vec<_> = page.entries.iter().map(|entry| entry.at).collect();
    assert_eq!(found, dead);
    let report = pending.ack(&alive).unwrap();
    assert_eq!((report.done, report.held.len()), (0, 8));
    assert_eq!(pending.ack(&dead[..2]).unwrap().done, 2);
    assert_eq!(pending.bury(&dead[2..4], "why").unwrap().done, 2);
    assert_eq!(pending.release(&dead[4..]).unwrap().done, 4);
    let letters = manager.dead_letters("orders").unwrap().list(10).unwrap();
    assert_eq!(letters.len(), 2);
    assert!(
        letters
            .iter()
            .all(|letter| letter.letter_id().partition == Some(1))
    );
    let waiting = |partition: u16| {
        let key = format!("{{orders:{partition}}}:waiting:{GROUP}");
        ask::<u64>(node(&key), &format!("ZCARD {key}"))
    };
    assert_eq!([waiting(1), waiting(2), waiting(3)], [0, 2, 2]);
    let page = pending.list(&PendingFilter::new().limit(100)).unwrap();
    assert_eq!(page.entries.len(), 12);
    let alone = manager.pending("{orders:3}", GROUP).unwrap();
    let error = alone.ack(&alive[6..7]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("a partition of `orders`"),
        "{error}"
    );
}

#[test]
fn partitions_are_judged_by_the_signs_at_their_stem() {
    let shop = Shop::open();
    partitions(&shop.manager, |_| &shop.server);
}

#[test]
fn partitions_on_several_nodes_are_judged_by_the_signs_at_their_stem() {
    let cluster = Cluster::start().unwrap();
    let manager = StreamManager::connect(cluster.url()).unwrap();
    partitions(&manager, |key| cluster.node_of(key));
}
