//! Dead letters of many megabytes, more than the server sends in one answer.

use stream_lib::{DeadLetters, EntryId};

use crate::support::Shop;

const LETTERS: usize = 40;

/// A shop whose server closes connections that have 8 MB to read, with dead
/// letters of 1 MB.
fn full_of_large_ones() -> (Shop, DeadLetters) {
    let shop = Shop::open();
    let limit = "normal 8mb 8mb 0";
    let set = ["CONFIG", "SET", "client-output-buffer-limit", limit];
    shop.server.command::<()>(&set);
    let body = "x".repeat(1 << 20);
    for number in 0..LETTERS {
        let (number, id) = (number.to_string(), format!("{}-0", number + 1));
        let fields = ["number", &number, "body", &body];
        let marks = ["~id", &id, "~group", "orders_group", "~reason", "permanent"];
        let add = [&["XADD", "{orders}:dead", "*"][..], &fields, &marks].concat();
        shop.server.command::<String>(&add);
    }
    let letters = shop.manager.dead_letters("orders").unwrap();
    (shop, letters)
}

#[test]
fn large_dead_letters_are_listed() {
    let (_shop, dead) = full_of_large_ones();
    let all = dead.list(usize::MAX).unwrap();
    let numbers = all.iter().map(|letter| {
        let number = letter.message().get_str("number").unwrap();
        number.parse::<usize>().unwrap()
    });
    assert!(numbers.eq(0..LETTERS));
    assert!(
        all.iter()
            .all(|letter| letter.message().get("body").unwrap().len() == 1 << 20)
    );
    let page = dead.list_after(Some(all[9].id()), 15).unwrap();
    assert_eq!(page, &all[10..25]);
}

#[test]
fn large_dead_letters_are_put_back_by_number_and_by_id() {
    let (shop, dead) = full_of_large_ones();
    let ids: Vec<(EntryId, EntryId)> = dead
        .list(usize::MAX)
        .unwrap()
        .iter()
        .map(|letter| (letter.id(), letter.entry_id()))
        .collect();
    assert_eq!(dead.redrive_some(15).unwrap().redriven, 15);
    assert_eq!(dead.count().unwrap(), 25);
    let chosen: Vec<_> = ids[10..30].iter().map(|(id, _)| *id).collect();
    let report = dead.redrive(&chosen).unwrap();
    assert_eq!((report.redriven, report.missing), (15, 5));
    let twice = [ids[35].0, ids[35].0];
    let report = dead.redrive(&twice).unwrap();
    assert_eq!((report.redriven, report.missing), (1, 1));
    assert_eq!(dead.redrive_all().unwrap().redriven, 9);
    assert_eq!(dead.count().unwrap(), 0);

    // In the order in which they were put back.
    let mut expected: Vec<_> = ids.iter().map(|(_, entry)| entry.to_string()).collect();
    let chosen = expected.remove(35);
    expected.insert(30, chosen);
    let origins = "local found = {} for i, e in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do \
                   for j = 1, #e[2], 2 do if e[2][j] == '~origin' then found[i] = e[2][j + 1] \
                   end end end return found";
    let origins: Vec<String> = shop.server.command(&["EVAL", origins, "1", "orders"]);
    assert_eq!(origins, expected);
}

#[test]
fn large_dead_letters_are_removed() {
    let (_shop, dead) = full_of_large_ones();
    assert_eq!(dead.remove_some(13).unwrap().removed, 13);
    assert_eq!(dead.count().unwrap(), 27);
    assert_eq!(dead.remove_all().unwrap().removed, 27);
    assert_eq!(dead.count().unwrap(), 0);
}
