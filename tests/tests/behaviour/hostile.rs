//! Malformed entries: none is lost, and none stops the others.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use stream_lib::{OnUndecodable, RawMessage, StreamMessage};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Order, Pairs, Seen, Shop, noting, order, quick};

#[track_caller]
fn add_pairs(shop: &Shop, stream: &str, pairs: &Pairs) -> String {
    let mut connection = shop.server.connect().unwrap();
    let mut add = redis::cmd("XADD");
    add.arg(stream).arg("*");
    for (name, value) in pairs {
        add.arg(name.as_slice()).arg(value.as_slice());
    }
    add.query(&mut connection).unwrap()
}

fn strange_entries() -> Vec<Pairs> {
    let pair = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
    vec![
        vec![pair(b"", b"")],
        vec![pair(b"~id", b"forged"), pair(b"~reason", b"forged")],
        vec![pair(b"a", b"1"), pair(b"a", b"2"), pair(b"a", b"1")],
        vec![pair(b"\xff\xfe\x00", b"\x80\r\n*1\r\n$-1\r\n")],
        vec![pair(b"big", &vec![b'x'; 10 << 20])],
        vec![pair(&vec![b'n'; 1 << 20], b"long name")],
        (0..1_000)
            .map(|n| pair(format!("f{n}").as_bytes(), b"v"))
            .collect(),
        (0..1_000).map(|_| pair(b"same", b"v")).collect(),
        vec![pair("id\u{202e}".as_bytes(), "\u{0}".as_bytes())],
    ]
}

#[test]
fn untyped_handler_gets_every_strange_entry_as_it_is() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    let consumer = shop
        .manager
        .consume_fn::<RawMessage>("c", quick("events"), move |event| {
            let mut all: Pairs = event
                .message()
                .iter()
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect();
            let reserved = ["~id", "~reason"].map(|name| (name, event.header(name)));
            let reserved = reserved.into_iter().filter_map(|(n, v)| Some((n, v?)));
            all.extend(reserved.map(|(n, v)| (n.into(), v.to_vec())));
            noted.push((event.id().to_string(), all));
            Ok(())
        })
        .unwrap();
    let sent: HashMap<_, _> = strange_entries()
        .into_iter()
        .map(|pairs| (add_pairs(&shop, "events", &pairs), pairs))
        .collect();
    seen.wait_for(sent.len());
    let got: HashMap<_, _> = seen.all().into_iter().collect();
    assert!(got == sent, "the same fields, byte for byte");
    shop.wait_until_settled("events");
    assert_eq!(consumer.stats().dead, 0);
}

#[test]
fn typed_handler_finds_its_orders_among_strange_entries() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").on_undecodable(OnUndecodable::Bury);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    let strange = strange_entries();
    let mut ids = HashMap::new();
    for (n, pairs) in strange.iter().enumerate() {
        ids.insert(add_pairs(&shop, "orders", pairs), pairs);
        shop.manager.add(&order(n.to_string())).unwrap();
    }
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead) == (strange.len() as u64, strange.len() as u64)
    });
    shop.wait_until_settled("orders");
    let dead = shop.dead("orders");
    assert_eq!(dead.len(), strange.len());
    for (_, letter) in dead {
        let last = |name: &[u8]| letter.iter().rfind(|(n, _)| n == name).unwrap().1.clone();
        let id = String::from_utf8(last(b"~id")).unwrap();
        let pairs = ids[&id];
        assert!(
            letter.starts_with(pairs),
            "the fields of {id}, byte for byte"
        );
        assert_eq!(last(b"~reason"), b"undecodable");
    }
}

#[test]
fn duplicate_and_unknown_fields_are_read_as_agreed() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders"), move |order| {
            noted.push(order.message().clone());
            Ok(())
        })
        .unwrap();
    shop.ask::<String>("XADD orders * order_id old amount 1 new_field x order_id new amount 9.5");
    seen.wait_for(1);
    assert_eq!(seen.all(), [order("new")]);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

#[derive(StreamMessage, Debug)]
struct Forest {
    #[stream(json)]
    tree: Tree,
}

#[test]
fn hostile_json_depth_is_undecodable_and_harms_nobody() {
    let shop = Shop::open();
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("forest").on_undecodable(OnUndecodable::Bury);
    let consumer = shop
        .manager
        .consume_fn::<Forest>("c", config, move |forest| {
            noted.push(forest.message().tree.clone());
            Ok(())
        })
        .unwrap();
    let deep = "[".repeat(5_000_000);
    add_pairs(
        &shop,
        "forest",
        &vec![(b"tree".to_vec(), deep.into_bytes())],
    );
    add_pairs(
        &shop,
        "forest",
        &vec![(b"tree".to_vec(), b"[[],[[]]]".to_vec())],
    );
    seen.wait_for(1);
    assert_eq!(seen.all()[0].0.len(), 2);
    wait_until(DEADLINE, "a dead letter", || consumer.stats().dead == 1);
    shop.wait_until_settled("forest");
}

#[test]
fn entries_beyond_our_own_limits_are_buried_by_name() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").on_undecodable(OnUndecodable::Bury);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    // More values than a script can hand to one command.
    let pairs: Pairs = (0..5_000)
        .map(|n| (format!("f{n}").into_bytes(), b"v".to_vec()))
        .collect();
    let id = add_pairs(&shop, "orders", &pairs);
    shop.manager.add(&order("1")).unwrap();
    wait_until(DEADLINE, "both to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead) == (1, 1)
    });
    shop.wait_until_settled("orders");
    let letter = &shop.dead("orders")[0].1;
    let find = |name: &[u8]| letter.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(find(b"~id"), id.as_bytes());
    assert_eq!(find(b"~omitted"), b"5000");
}
