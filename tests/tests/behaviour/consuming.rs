//! Consumer groups: the distribution of entries, and start positions.

use std::collections::HashSet;

use stream_lib::{Delivery, EntryId, HandlerResult, RawMessage, StartFrom, StreamManager};
use stream_tests::{wait_for, wait_until};

use crate::support::{DEADLINE, Gate, Order, Seen, Shop, noting, order, quick};

#[test]
fn entry_made_by_hand_is_an_order() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders"), move |delivery| {
            noted.push((
                delivery.message().clone(),
                delivery.id().to_string(),
                delivery.stream().to_owned(),
                delivery.group().to_owned(),
                delivery.consumer().to_owned(),
            ));
            Ok(())
        })
        .unwrap();
    let id: String = shop.ask("XADD orders * order_id A-1 user_id 7 amount 9.5 status pending");
    seen.wait_for(1);
    let name = shop.manager.consumer("c").unwrap().name().unwrap();
    let expected = (
        order("A-1"),
        id,
        "orders".to_owned(),
        "orders_group".to_owned(),
        name,
    );
    assert_eq!(seen.all(), [expected]);
    shop.wait_until_settled("orders");
}

#[test]
fn one_worker_runs_entries_in_the_order_of_the_stream() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1_000);
    let seen = Seen::default();
    let config = quick("orders").workers(1).read_count(7);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(1_000);
    let expected: Vec<_> = (0..1_000).map(|n| (n.to_string(), 1)).collect();
    assert_eq!(seen.all(), expected);
}

#[test]
fn several_workers_run_each_entry_once() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 3_000);
    let seen = Seen::default();
    let config = quick("orders").workers(8);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.add_by_hand("orders", 3_000);
    wait_until(DEADLINE, "6000 completed", || {
        consumer.stats().completed >= 6_000
    });
    let ids: HashSet<_> = seen.all().into_iter().collect();
    assert_eq!((seen.count(), ids.len()), (6_000, 3_000));
    assert!(shop.pending("orders").is_empty());
    let stats = consumer.stats();
    assert_eq!((stats.delivered, stats.lost, stats.failed), (6_000, 0, 0));
    assert_eq!((stats.buffered, stats.running, stats.settling), (0, 0, 0));
}

#[test]
fn slow_handler_amid_a_backlog_holds_up_no_other_acknowledgement() {
    const ORDERS: usize = 3_000;
    let shop = Shop::open();
    shop.add_by_hand("orders", ORDERS);
    let seen = Seen::default();
    let noted = seen.clone();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let config = quick("orders").read_count(50);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            if order.order_id == "0" {
                doorway.pass();
            }
            noted.push(order.order_id.clone());
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all others to be completed", || {
        consumer.stats().completed == ORDERS as u64 - 1
    });
    assert_eq!(shop.pending("orders").len(), 1);
    gate.open();
    shop.wait_until_settled("orders");
    let ids: HashSet<_> = seen.all().into_iter().collect();
    assert_eq!((seen.count(), ids.len()), (ORDERS, ORDERS));
}

#[test]
fn handlers_of_one_consumer_run_at_the_same_time() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 4);
    // Passes only when all four have come.
    let together = std::sync::Barrier::new(4);
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders").workers(4), move |order| {
            together.wait();
            noted.push(order.order_id.clone());
            Ok(())
        })
        .unwrap();
    seen.wait_for(4);
}

#[test]
fn group_is_made_before_its_stream_and_misses_nothing() {
    let shop = Shop::open();
    let seen = Seen::default();
    shop.manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    assert_eq!(shop.ask::<u64>("EXISTS orders"), 1);
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
}

#[test]
fn group_begins_where_it_is_told_to() {
    let shop = Shop::open();
    let add = |id: &str| shop.manager.add(&order(id)).unwrap().id().unwrap();
    let ids = ["1", "2", "3"].map(add);
    let starts = [
        ("beginning", StartFrom::Beginning),
        ("end", StartFrom::End),
        ("id", StartFrom::Id(ids[0])),
        ("future", StartFrom::Id(EntryId::MAX)),
    ];
    let seen = starts.map(|(group, start)| {
        let seen = Seen::default();
        let config = quick("orders").workers(1).group(group).start_from(start);
        shop.manager.consume(group, config, noting(&seen)).unwrap();
        seen
    });
    add("4");
    for (seen, expected) in seen
        .iter()
        .zip([&["1", "2", "3", "4"][..], &["4"], &["2", "3", "4"]])
    {
        seen.wait_for(expected.len());
        let ids: Vec<_> = seen.all().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, expected);
    }
    assert_eq!(seen[3].count(), 0);
}

#[test]
fn group_that_stands_is_not_moved_by_a_start_position() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 2);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    let seen = Seen::default();
    let config = quick("orders").start_from(StartFrom::End);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    seen.wait_for(2);
}

#[test]
fn each_group_gets_every_entry() {
    let shop = Shop::open();
    let seen = ["billing", "mail"].map(|group| {
        let seen = Seen::default();
        let config = quick("orders").group(group);
        shop.manager.consume(group, config, noting(&seen)).unwrap();
        seen
    });
    shop.add_by_hand("orders", 500);
    for seen in seen {
        seen.wait_for(500);
        let ids: HashSet<_> = seen.all().into_iter().collect();
        assert_eq!(ids.len(), 500);
    }
}

#[test]
fn consumers_of_one_group_share_its_entries() {
    let shop = Shop::open();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let seen = Seen::default();
    for manager in [&shop.manager, &other] {
        let config = quick("orders").consumer("same-label");
        manager.consume("c", config, noting(&seen)).unwrap();
    }
    let [one, two] = [&shop.manager, &other].map(|m| m.consumer("c").unwrap());
    assert_ne!(one.name(), two.name());
    shop.add_by_hand("orders", 2_000);
    wait_until(DEADLINE, "2000 completed", || {
        one.stats().completed + two.stats().completed >= 2_000
    });
    let ids: HashSet<_> = seen.all().into_iter().collect();
    assert_eq!((seen.count(), ids.len()), (2_000, 2_000));
}

#[test]
fn untyped_handler_gets_fields_and_headers_apart() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    let handler = move |delivery: &Delivery<RawMessage>| -> HandlerResult {
        let headers: Vec<_> = delivery
            .headers()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        assert_eq!(delivery.header("~trace"), Some(&b"t-1"[..]));
        assert_eq!(delivery.header("~h:tenant"), Some(&b"y"[..]));
        assert_eq!(delivery.header("tenant"), Some(&b"y"[..]));
        assert_eq!(delivery.header("trace"), None);
        noted.push((delivery.message().clone(), headers));
        Ok(())
    };
    shop.manager.consume("c", quick("events"), handler).unwrap();
    shop.ask::<String>("XADD events * b 1 ~trace t-1 a 2 ~h:tenant x ~h:tenant y b 3");
    seen.wait_for(1);
    let message = RawMessage::from_iter([("b", "1"), ("a", "2"), ("b", "3")]);
    assert_eq!(
        seen.all(),
        [(
            message,
            ["x", "y"].map(|v| (b"tenant".to_vec(), v.into())).to_vec()
        )]
    );
}

#[test]
fn handler_adds_to_another_stream() {
    let shop = Shop::open();
    let config = stream_lib::StreamConfig::new("invoices");
    shop.manager
        .create_simple_producer("invoices", config)
        .unwrap();
    let invoices = shop.manager.producer::<Order>("invoices").unwrap();
    shop.manager
        .consume_fn::<Order>("c", quick("orders"), move |order| {
            invoices.add(order.message())?;
            Ok(())
        })
        .unwrap();
    shop.add_by_hand("orders", 50);
    wait_until(DEADLINE, "50 invoices", || {
        shop.ask::<u64>("XLEN invoices") == 50
    });
}

#[test]
fn entry_deleted_while_it_runs_is_acknowledged() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", quick("orders"), move |_| {
            doorway.pass();
            Ok(())
        })
        .unwrap();
    let id = shop.manager.add(&order("1")).unwrap().id().unwrap();
    wait_until(DEADLINE, "it to run", || consumer.stats().running == 1);
    shop.ask::<()>(&format!("XDEL orders {id}"));
    gate.open();
    let completed = wait_for(DEADLINE, "its end", || {
        let stats = consumer.stats();
        (stats.completed + stats.deleted > 0).then_some(stats)
    });
    assert_eq!((completed.lost, completed.failed), (0, 0));
    shop.wait_until_settled("orders");
}
