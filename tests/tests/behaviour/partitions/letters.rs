//! Dead letters of a partitioned stream: one list, even if ids are equal.

use stream_lib::{DeadLetterId, EntryId, ErrorKind, RedriveReport, RemoveReport};

use super::{add, in_partition, producer};
use crate::support::Shop;

/// Buries numbers in partitions 0, 1 and 3 of 4, by hand, under equal ids.
#[track_caller]
fn shop_with_letters() -> Shop {
    let shop = Shop::open();
    add(&producer(&shop, 4), 0, "A-1").unwrap();
    for partition in [0, 1, 3] {
        for id in 1..=3 {
            let number = partition * 10 + id;
            shop.ask::<String>(&format!(
                "XADD {{orders:{partition}}}:dead {id}-0 n {number} ~id {id}-0 ~group orders_group \
                 ~consumer bob ~deliveries 2 ~reason permanent ~error no ~time 1700000000000"
            ));
        }
    }
    shop
}

fn letter(partition: u16, id: u64) -> DeadLetterId {
    DeadLetterId::new(Some(partition), EntryId::new(id, 0))
}

#[test]
fn letters_are_listed_over_all_partitions_page_by_page() {
    let shop = shop_with_letters();
    let dead = shop.manager.dead_letters("orders").unwrap();
    assert_eq!(dead.count().unwrap(), 9);
    let expected = [0, 1, 3].map(|partition| [1, 2, 3].map(|id| letter(partition, id)));
    let expected = expected.as_flattened();
    let ids = |letters: Vec<stream_lib::DeadLetter>| {
        let ids = letters.iter().map(stream_lib::DeadLetter::letter_id);
        ids.collect::<Vec<_>>()
    };
    let all = dead.list(100).unwrap();
    assert_eq!(all[4].message().get_str("n"), Some("12"));
    assert_eq!(ids(all), expected);
    assert_eq!(ids(dead.list(4).unwrap()), expected[..4]);
    for size in 1..5 {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = ids(dead.list_from(after, size).unwrap());
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(*last);
            found.extend(page);
        }
        assert_eq!(found, expected, "pages of {size}");
    }
    let error = dead.list_after(Some(EntryId::new(1, 0)), 5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`list_from`"), "{error}");
    assert_eq!(dead.list_after(None, 100).unwrap().len(), 9);
}

#[test]
fn letters_go_back_into_their_own_partition() {
    let shop = shop_with_letters();
    let dead = shop.manager.dead_letters("orders").unwrap();
    let some = [letter(1, 2), letter(3, 2), letter(1, 3), letter(1, 9)];
    let report = dead.redrive_letters(&some).unwrap();
    let mut expected = RedriveReport::default();
    (expected.redriven, expected.missing) = (3, 1);
    assert_eq!(report, expected);
    assert_eq!(in_partition(&shop.server, 1), [12, 13]);
    assert_eq!(in_partition(&shop.server, 3), [32]);
    assert_eq!(dead.count().unwrap(), 6);

    assert_eq!(dead.redrive_some(4).unwrap().redriven, 4);
    assert_eq!(in_partition(&shop.server, 0), [0, 1, 2, 3]);
    assert_eq!(in_partition(&shop.server, 1), [12, 13, 11]);
    assert_eq!(dead.redrive_all().unwrap().redriven, 2);
    assert_eq!(in_partition(&shop.server, 3), [32, 31, 33]);
    assert_eq!(dead.count().unwrap(), 0);
    for (words, error) in [
        ("`redrive_letters`", dead.redrive(&[EntryId::new(1, 0)])),
        (
            "none is that of `4:1-0`",
            dead.redrive_letters(&[letter(4, 1)]),
        ),
    ] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn letters_are_removed_by_partition() {
    let shop = shop_with_letters();
    let dead = shop.manager.dead_letters("orders").unwrap();
    let report = dead.remove_letters(&[letter(3, 1), letter(2, 1)]).unwrap();
    let mut expected = RemoveReport::default();
    (expected.removed, expected.missing) = (1, 1);
    assert_eq!(report, expected);
    assert_eq!(shop.ask::<usize>("XLEN {orders:3}:dead"), 2);
    assert_eq!(dead.remove_some(5).unwrap().removed, 5);
    assert_eq!(shop.ask::<usize>("XLEN {orders:0}:dead"), 0);
    assert_eq!(shop.ask::<usize>("XLEN {orders:1}:dead"), 1);
    assert_eq!(dead.remove_all().unwrap().removed, 3);
    assert_eq!(dead.count().unwrap(), 0);
}
