//! Scheduling: keys, bounds, and refusals.

use std::time::{Duration, SystemTime};

use stream_lib::{
    Added, BackupStreamConfig, ErrorKind, Producer, StreamConfig, StreamManager, WhenTaken,
};
use stream_tests::wait_until;

use super::{id_of, keys_of_later};
use crate::support::{DEADLINE, HOUR, Order, Pairs, Shop, numbers, order};

#[test]
fn idempotency_key_schedules_once_and_tells_the_first_id() {
    let shop = Shop::open();
    let message = order("1");
    let add = |time: Duration| {
        let draft = shop.manager.with(&message).idempotency_key("k");
        draft.after(time).add().unwrap()
    };
    let first = add(HOUR);
    assert_eq!(add(2 * HOUR), first);
    // A plain add of the key is a repeat, too.
    let plain = shop.manager.with(&message).idempotency_key("k").add();
    assert_eq!(plain.unwrap(), first);
    let scheduled = shop.manager.scheduled("orders").unwrap();
    assert_eq!(scheduled.count().unwrap(), 1);
    let listed = scheduled.list(10).unwrap().remove(0);
    assert_eq!(listed.idempotency_key(), Some(&b"k"[..]));

    scheduled.run_now(id_of(first)).unwrap();
    wait_until(DEADLINE, "the entry", || {
        numbers(&shop.server, "orders") == [1]
    });
    assert_eq!(add(HOUR), first, "also when it has come");
}

#[test]
fn idempotency_key_follows_a_message_that_is_cancelled_or_rescheduled() {
    let shop = Shop::open();
    let message = order("1");
    let draft = || shop.manager.with(&message).idempotency_key("k");
    let scheduled = shop.manager.scheduled("orders").unwrap();
    let left = || u128::from(shop.ask::<u64>("PTTL {orders}:once:k"));

    let first = draft().after(HOUR).add().unwrap();
    let before = left();
    assert!(scheduled.reschedule(id_of(first), 100 * HOUR).unwrap());
    assert!(left() > before + 98 * HOUR.as_millis());
    assert_eq!(draft().after(HOUR).add().unwrap(), first);
    assert!(scheduled.reschedule(id_of(first), HOUR).unwrap());
    assert!(left() < before + HOUR.as_millis());

    assert!(scheduled.cancel(id_of(first)).unwrap());
    let next = draft().after(HOUR).add().unwrap();
    assert_ne!(next, first);
    assert_eq!(scheduled.count().unwrap(), 1);
    assert!(scheduled.cancel(id_of(next)).unwrap());
    assert_eq!(keys_of_later(&shop), [""; 0]);
    assert!(matches!(draft().add().unwrap(), Added::Main(_)));
}

#[test]
fn process_that_repeats_an_add_looks_after_the_message() {
    let shop = Shop::open();
    let message = order("1");
    let add = |manager: &StreamManager| {
        let draft = manager.with(&message).idempotency_key("k");
        draft.after(Duration::from_millis(500)).add().unwrap()
    };
    let gone = StreamManager::connect(shop.server.url()).unwrap();
    let first = add(&gone);
    drop(gone);
    assert_eq!(add(&shop.manager), first);
    wait_until(DEADLINE, "the entry", || {
        numbers(&shop.server, "orders") == [1]
    });
}

#[test]
fn key_of_an_entry_makes_a_scheduled_message_a_duplicate() {
    let shop = Shop::open();
    for producer in ["simple", "backup"] {
        if producer == "backup" {
            let config = BackupStreamConfig::new("orders");
            shop.manager.create_backup_producer("p", config).unwrap();
        }
        let message = order("1");
        let draft = || shop.manager.with(&message).idempotency_key(producer);
        let Added::Main(first) = draft().add().unwrap() else {
            panic!("not added");
        };
        let again = draft().after(HOUR).add().unwrap();
        assert_eq!(again, Added::Duplicate(first));
        // And the other way round.
        let draft = || {
            shop.manager
                .with(&message)
                .idempotency_key(producer.len().to_string())
        };
        let first = draft().after(HOUR).add().unwrap();
        assert_eq!(draft().add().unwrap(), first);
    }
    let keys = keys_of_later(&shop);
    assert_eq!(keys, ["{orders}:due", "{orders}:later"]);
}

#[test]
fn unique_key_is_held_until_the_message_is_due() {
    let shop = Shop::open();
    let scheduled = shop.manager.scheduled("orders").unwrap();
    let add = |number: &str, wait: Duration, taken: WhenTaken| {
        let message = order(number);
        shop.manager
            .with(&message)
            .after(wait)
            .unique("u", taken)
            .add()
    };
    let first = add("1", HOUR, WhenTaken::Refuse).unwrap();
    assert_eq!(add("2", 2 * HOUR, WhenTaken::Keep).unwrap(), first);
    let error = add("3", 2 * HOUR, WhenTaken::Refuse).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let text = error.to_string();
    assert!(
        text.contains(&id_of(first).to_string()) && text.contains("`u`"),
        "{text}"
    );
    let only = || {
        let mut list = scheduled.list(10).unwrap();
        assert_eq!(list.len(), 1);
        list.remove(0)
    };
    let before = only();
    assert_eq!(before.decode::<Order>().unwrap(), order("1"));
    assert_eq!(before.unique(), Some("u"));

    assert_eq!(add("4", 2 * HOUR, WhenTaken::Replace).unwrap(), first);
    let after = only();
    assert_eq!(after.id(), before.id());
    assert_eq!(after.decode::<Order>().unwrap(), order("4"));
    assert!(after.due().unwrap() > before.due().unwrap() + HOUR / 2);

    assert_eq!(add("5", Duration::ZERO, WhenTaken::Replace).unwrap(), first);
    wait_until(DEADLINE, "the entry", || {
        numbers(&shop.server, "orders") == [5]
    });
    let next = add("6", HOUR, WhenTaken::Refuse).unwrap();
    assert_ne!(next, first, "it is free again");
    assert!(scheduled.cancel(id_of(next)).unwrap());
    let next = add("7", HOUR, WhenTaken::Refuse).unwrap();
    assert!(scheduled.cancel(id_of(next)).unwrap());
    assert_eq!(keys_of_later(&shop), [""; 0]);
}

#[test]
fn values_out_of_bounds_are_refused_by_name() {
    let shop = Shop::open();
    let message = order("1");
    let draft = || shop.manager.with(&message);
    let long = "u".repeat(513);
    let years = HOUR * 24 * 366;
    let far = SystemTime::UNIX_EPOCH + 9_000 * years;
    for (refused, words) in [
        (draft().after(101 * years).add(), "`after`"),
        (draft().at(far).add(), "`at`"),
        (
            draft().after(HOUR).unique("", WhenTaken::Keep).add(),
            "`unique`",
        ),
        (
            draft().after(HOUR).unique(long, WhenTaken::Keep).add(),
            "`unique`",
        ),
        (
            draft().unique("u", WhenTaken::Keep).add(),
            "`after` or `at`",
        ),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = draft().after(HOUR).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`add`"), "{error}");
    let error = draft().after(HOUR).header("~x", "").add().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!(keys_of_later(&shop), [""; 0]);
}

#[test]
fn whole_message_comes_with_its_headers_and_bytes() {
    let shop = Shop::open();
    let raw: Producer<stream_lib::RawMessage> = shop
        .manager
        .create_simple_producer("p", StreamConfig::new("orders"))
        .unwrap()
        .typed();
    let mut message = stream_lib::RawMessage::new();
    for number in 0..999 {
        message.push(format!("f{number}"), vec![b'v'; number]);
    }
    let draft = raw.with(&message).header("trace", b"\x00\xff");
    let id = id_of(draft.after(HOUR).add().unwrap());
    let scheduled = shop.manager.scheduled("orders").unwrap();
    let listed = scheduled.list(1).unwrap().remove(0);
    assert_eq!(listed.message(), message);
    assert_eq!(listed.header("trace"), Some(&b"\x00\xff"[..]));
    assert!(scheduled.run_now(id).unwrap());
    let mut entries: Vec<(String, Pairs)> = shop.ask("XRANGE orders - +");
    let (_, fields) = entries.remove(0);
    assert_eq!(fields.len(), 1_002);
    let own: stream_lib::RawMessage = fields.into_iter().take(999).collect();
    assert_eq!(own, message);
}

#[test]
fn message_of_many_bytes_comes_by_itself() {
    let shop = Shop::open();
    let note = "x".repeat(700_000);
    for number in 0..4 {
        let message = Order {
            note: Some(note.clone()),
            ..order(number.to_string())
        };
        shop.manager
            .with(&message)
            .after(Duration::from_millis(300))
            .add()
            .unwrap();
    }
    wait_until(DEADLINE, "all entries", || {
        shop.ask::<u64>("XLEN orders") == 4
    });
    assert_eq!(numbers(&shop.server, "orders"), [0, 1, 2, 3]);
}
