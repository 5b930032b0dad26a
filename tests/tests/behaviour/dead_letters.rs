//! Dead letters: listed, and put back for the group that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stream_lib::{
    Consumer, Delivery, EntryId, HandlerError, HandlerResult, RawMessage, StreamManager,
};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Order, Seen, Shop, order, quick};

/// Refuses every order until it is told otherwise.
fn refusing(
    accept: &Arc<AtomicBool>,
    seen: &Seen<String>,
) -> impl Fn(&Delivery<Order>) -> HandlerResult + Send + Sync + 'static {
    let (accept, seen) = (Arc::clone(accept), seen.clone());
    move |delivery| {
        if accept.load(Ordering::SeqCst) {
            seen.push(delivery.order_id.clone());
            Ok(())
        } else {
            Err(HandlerError::permanent(format!("no {}", delivery.order_id)).into())
        }
    }
}

fn wait_for_dead(manager: &StreamManager, count: u64) {
    wait_until(DEADLINE, "the dead letters", || {
        manager.dead_letters("orders").unwrap().count().unwrap() == count
    });
}

fn consume(
    manager: &StreamManager,
    group: &str,
    handler: impl Fn(&Delivery<Order>) -> HandlerResult + Send + Sync + 'static,
) -> Consumer {
    let config = quick("orders").group(group);
    manager.consume_fn::<Order>(group, config, handler).unwrap()
}

#[test]
fn dead_letters_are_listed_by_pages_with_all_that_is_known() {
    let shop = Shop::open();
    let (accept, seen) = (Arc::default(), Seen::default());
    let traced = order("0");
    let traced = shop.manager.with(&traced).header("traceparent", "00-1");
    let first = traced.add().unwrap().id().unwrap();
    shop.add_by_hand("orders", 250);
    let consumer = consume(&shop.manager, "g", refusing(&accept, &seen));
    wait_for_dead(&shop.manager, 251);

    let dead = shop.manager.dead_letters("orders").unwrap();
    let letters = dead.list(usize::MAX).unwrap();
    assert_eq!(letters.len(), 251);
    let letter = letters.iter().find(|l| l.original_id() == first).unwrap();
    assert_eq!((letter.group(), letter.reason()), ("g", "permanent"));
    assert_eq!((letter.error(), letter.deliveries()), ("no 0", 1));
    assert_eq!(letter.consumer(), consumer.name().unwrap());
    assert_eq!(letter.decode::<Order>().unwrap(), order("0"));
    let headers: Vec<_> = letter.headers().collect();
    assert_eq!(headers, [(&b"traceparent"[..], &b"00-1"[..])]);
    assert_eq!(letter.header("traceparent"), Some(&b"00-1"[..]));
    assert_eq!(letter.header("tracestate"), None);
    assert!(letter.message().get("~id").is_none());

    let page = dead.list_after(Some(letters[99].id()), 100).unwrap();
    assert_eq!(page, &letters[100..200]);
    assert_eq!(dead.list(3).unwrap(), &letters[..3]);
}

#[test]
fn redriven_entry_runs_again_in_the_group_that_failed_and_only_there() {
    let shop = Shop::open();
    let (accept, failed) = (Arc::new(AtomicBool::new(false)), Seen::default());
    let (always, other) = (Arc::new(AtomicBool::new(true)), Seen::default());
    let failing = consume(&shop.manager, "failing", refusing(&accept, &failed));
    let fine = consume(&shop.manager, "fine", refusing(&always, &other));
    shop.manager.add(&order("1")).unwrap();
    wait_for_dead(&shop.manager, 1);
    other.wait_for(1);

    accept.store(true, Ordering::SeqCst);
    let dead = shop.manager.dead_letters("orders").unwrap();
    let report = dead.redrive_all().unwrap();
    assert_eq!((report.redriven, report.missing), (1, 0));
    assert_eq!(dead.count().unwrap(), 0);
    failed.wait_for(1);
    wait_until(DEADLINE, "both groups to have seen it", || {
        failing.stats().completed == 1 && fine.stats().skipped == 1
    });
    assert_eq!(fine.stats().completed, 1, "no handler ran for it");
    assert_eq!(other.all(), ["1"], "the other group must skip it");
    let raw: Vec<(String, Vec<(String, String)>)> = shop.ask("XRANGE orders - +");
    let fields = &raw[1].1;
    assert!(
        fields.contains(&("~for".to_owned(), "failing".to_owned())),
        "{fields:?}"
    );
    assert!(
        !fields.iter().any(|(name, _)| name == "~reason"),
        "{fields:?}"
    );
}

#[test]
fn redriving_some_takes_the_oldest_and_reports_what_is_missing() {
    let shop = Shop::open();
    let (accept, seen) = (Arc::default(), Seen::default());
    shop.add_by_hand("orders", 120);
    let _consumer = consume(&shop.manager, "g", refusing(&accept, &seen));
    wait_for_dead(&shop.manager, 120);
    accept.store(true, Ordering::SeqCst);

    let dead = shop.manager.dead_letters("orders").unwrap();
    let letters = dead.list(usize::MAX).unwrap();
    assert_eq!(dead.redrive_some(70).unwrap().redriven, 70);
    assert_eq!(dead.list(usize::MAX).unwrap(), &letters[70..]);
    let report = dead
        .redrive(&[letters[80].id(), letters[0].id(), EntryId::MAX])
        .unwrap();
    assert_eq!((report.redriven, report.missing), (1, 2));
    seen.wait_for(71);
    assert_eq!(dead.count().unwrap(), 49);
}

#[test]
fn redriving_everything_ends_where_it_fails_again() {
    let shop = Shop::open();
    let (never, seen) = (Arc::default(), Seen::default());
    shop.add_by_hand("orders", 200);
    let _consumer = consume(&shop.manager, "g", refusing(&never, &seen));
    wait_for_dead(&shop.manager, 200);
    let dead = shop.manager.dead_letters("orders").unwrap();
    assert_eq!(dead.redrive_all().unwrap().redriven, 200);
    wait_for_dead(&shop.manager, 200);
    let again = dead.list(1).unwrap().remove(0);
    let marks = again.message();
    assert!(
        marks.iter().all(|(name, _)| !name.starts_with(b"~")),
        "{marks:?}"
    );
}

#[test]
fn body_beyond_what_lua_unpacks_stays_behind_and_is_said_to() {
    let shop = Shop::open();
    let fields = (0..4_000)
        .map(|n| format!("f{n} v"))
        .collect::<Vec<_>>()
        .join(" ");
    shop.ask::<String>(&format!("XADD orders * {fields}"));
    let handler = |_: &Delivery<RawMessage>| HandlerResult::Err("never".into());
    let config = quick("orders").retry(stream_lib::RetryPolicy::list([]).max_deliveries(2));
    assert!(
        shop.manager.consume("bad", config, handler).is_err(),
        "an empty list is refused"
    );
    let config = quick("orders").retry(stream_lib::RetryPolicy::list([std::time::Duration::ZERO]));
    shop.manager.consume("c", config, handler).unwrap();
    wait_for_dead(&shop.manager, 1);
    let dead = shop.manager.dead_letters("orders").unwrap();
    let letter = dead.list(1).unwrap().remove(0);
    assert_eq!(
        (letter.reason(), letter.deliveries()),
        ("retries-exhausted", 2)
    );
    assert!(letter.message().is_empty());
    assert_eq!(dead.redrive_all().unwrap().without_body, 1);
    assert_eq!(dead.count().unwrap(), 1);
    shop.wait_until_settled("orders");
}
