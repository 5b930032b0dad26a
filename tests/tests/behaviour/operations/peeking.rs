//! Peeks at entries.

use stream_lib::{EntryAddress, EntryId, ErrorKind, Peek, RawMessage, StreamConfig, StreamManager};
use stream_tests::Cluster;

use super::{addresses, ids};
use crate::support::Shop;

#[test]
fn newest_and_oldest_entries_come_page_by_page() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 25);
    let all = addresses(&shop.server, "orders");
    for newest in [false, true] {
        let mut expected = all.clone();
        let mut peek = Peek::oldest(10);
        if newest {
            expected.reverse();
            peek = Peek::newest(10);
        }
        let (mut seen, mut pages) = (Vec::new(), 0);
        loop {
            let page = shop.manager.peek("orders", &peek).unwrap();
            seen.extend(page.entries.iter().map(|entry| entry.at));
            pages += 1;
            match page.next {
                Some(next) => peek = peek.after(next),
                None => break,
            }
        }
        assert_eq!((seen, pages), (expected, 3));
    }
    let range = all[3].id..=all[5].id;
    let page = shop
        .manager
        .peek("orders", &Peek::oldest(10).between(range))
        .unwrap();
    assert_eq!(page.entries.len(), 3);
    assert_eq!(page.entries[0].message().get_str("order_id"), Some("3"));
    assert_eq!(
        shop.manager
            .peek("none", &Peek::newest(1))
            .unwrap()
            .entries
            .len(),
        0
    );
    assert_eq!(shop.ask::<u64>("EXISTS none"), 0);
}

/// What the server has sent to all.
#[track_caller]
fn bytes_sent(shop: &Shop) -> u64 {
    let info: String = shop.ask("INFO stats");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn a_page_has_no_more_bytes_than_asked_for() {
    let shop = Shop::open();
    let mut connection = shop.server.connect().unwrap();
    let large = vec![b'x'; 1 << 20];
    for number in 0..5 {
        redis::cmd("XADD")
            .arg("orders")
            .arg("*")
            .arg("n")
            .arg(number)
            .arg(b"bin\xff")
            .arg(&large)
            .arg("~h:a")
            .arg("b")
            .exec(&mut connection)
            .unwrap();
    }
    let before = bytes_sent(&shop);
    let peek = Peek::newest(100).max_bytes(20_000).max_value_bytes(8_000);
    let page = shop.manager.peek("orders", &peek).unwrap();
    let sent = bytes_sent(&shop) - before;
    assert!(sent < 60_000, "{sent} bytes for a page");
    assert_eq!(page.entries.len(), 3);
    assert!(page.next.is_some());
    let entry = &page.entries[0];
    assert_eq!((entry.field_count, entry.is_whole()), (3, false));
    assert_eq!(entry.fields[1].name, b"bin\xff");
    assert_eq!(entry.fields[1].value.len(), 8_000);
    assert_eq!(entry.fields[1].length, 1 << 20);
    assert_eq!(entry.get(b"~h:a"), Some(&b"b"[..]));
    assert_eq!(entry.get(b"n"), Some(&b"4"[..]));

    let at = entry.at;
    let whole = shop.manager.entry("orders", at).unwrap().unwrap();
    assert!(whole.is_whole());
    assert_eq!(whole.get(b"bin\xff"), Some(&large[..]));
    let gone = EntryAddress::from(EntryId::new(1, 1));
    assert!(shop.manager.entry("orders", gone).unwrap().is_none());
}

#[test]
fn something_else_under_the_name_is_an_error() {
    let shop = Shop::open();
    shop.ask::<()>("SET orders x");
    let error = shop.manager.peek("orders", &Peek::newest(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    assert!(error.to_string().contains("`orders`"), "{error}");
}

#[track_caller]
fn check_partitions(manager: &StreamManager, order: impl Fn(u16) -> Vec<EntryId>) {
    let producer = manager
        .create_simple_producer("p", StreamConfig::new("orders").partitions(8))
        .unwrap()
        .typed::<RawMessage>();
    for number in 0..60 {
        let message = RawMessage::new().with("n", number.to_string());
        producer
            .with(&message)
            .key(number.to_string())
            .add()
            .unwrap();
    }
    let mut expected = Vec::new();
    for partition in 0..8 {
        let ids = order(partition).into_iter();
        expected.extend(ids.map(|id| EntryAddress::new(Some(partition), id)));
    }
    assert_eq!(expected.len(), 60);
    expected.sort_by_key(|at| (at.id, at.partition));
    for newest in [false, true] {
        // A page of few bytes ends somewhere in each partition.
        let mut peek = Peek::oldest(7).max_bytes(1);
        if newest {
            expected.reverse();
            peek = Peek::newest(7).max_bytes(1);
        }
        let mut seen = Vec::new();
        loop {
            let page = manager.peek("orders", &peek).unwrap();
            assert!(page.entries.len() <= 7);
            seen.extend(page.entries.iter().map(|entry| entry.at));
            match page.next {
                Some(next) => peek = peek.after(next),
                None => break,
            }
        }
        assert_eq!(seen, expected);
    }
    let at = expected[0];
    let one = manager.entry("orders", at).unwrap().unwrap();
    assert_eq!(one.at, at);
    let of_one = manager
        .peek("orders", &Peek::oldest(100).partition(3))
        .unwrap();
    assert!(
        of_one
            .entries
            .iter()
            .all(|entry| entry.at.partition == Some(3))
    );
    for wrong in [EntryAddress::from(at.id), EntryAddress::new(Some(8), at.id)] {
        let error = manager
            .peek("orders", &Peek::oldest(1).partition(9))
            .and_then(|_| manager.entry("orders", wrong).map(drop));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
    }
}

#[test]
fn entries_of_partitions_are_merged_by_their_ids() {
    let shop = Shop::open();
    check_partitions(&shop.manager, |partition| {
        ids(&shop.server, &format!("{{orders:{partition}}}"))
    });
}

#[test]
fn entries_of_partitions_on_several_nodes_are_merged_too() {
    let cluster = Cluster::start().unwrap();
    let manager = StreamManager::connect(cluster.url()).unwrap();
    check_partitions(&manager, |partition| {
        let stream = format!("{{orders:{partition}}}");
        ids(cluster.node_of(&stream), &stream)
    });
}
