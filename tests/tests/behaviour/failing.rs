//! Handlers that fail: retries, panics, dead letters.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use stream_lib::{Delivery, HandlerError, HandlerResult, OnUndecodable, RetryPolicy};
use stream_tests::wait_until;

use crate::support::{DEADLINE, HOUR, Order, Pending, Seen, Shop, noting, order, quick};

const AT_ONCE: Duration = Duration::from_millis(1);

/// Fails each order as often as its `amount` says, and notes each try.
fn failing(
    seen: &Seen<(String, u32)>,
    fail: impl Fn(&Delivery<Order>) -> HandlerResult + Send + Sync + 'static,
) -> impl Fn(&Delivery<Order>) -> HandlerResult + Send + Sync + 'static {
    let seen = seen.clone();
    move |delivery| {
        seen.push((delivery.order_id.clone(), delivery.attempt()));
        fail(delivery)
    }
}

fn tries(seen: &Seen<(String, u32)>, id: &str) -> Vec<u32> {
    let all = seen.all();
    let of_id = all.iter().filter(|(seen, _)| seen == id);
    of_id.map(|(_, attempt)| *attempt).collect()
}

#[test]
fn advice_counts_within_other_errors_too() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| {
        let permanent = || HandlerError::permanent("no such user");
        match delivery.order_id.as_str() {
            "0" => Err(permanent().into()),
            "1" => Err(anyhow::Error::new(permanent()).into()),
            "2" => Err(anyhow::Error::new(permanent()).context("paying").into()),
            _ => Err("an unknown order".into()),
        }
    });
    let config = quick("orders").retry(RetryPolicy::list([HOUR]));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.add_by_hand("orders", 3);
    wait_until(DEADLINE, "all to be dead letters", || {
        consumer.stats().dead == 3
    });
    let letters = shop.manager.dead_letters("orders").unwrap();
    let mut errors: Vec<_> = letters
        .list(10)
        .unwrap()
        .iter()
        .map(|letter| (letter.reason().to_owned(), letter.error().to_owned()))
        .collect();
    errors.sort();
    let dead = |error: &str| ("permanent".to_owned(), error.to_owned());
    assert_eq!(
        errors,
        [
            dead("no such user"),
            dead("no such user"),
            dead("paying: no such user")
        ]
    );
}

#[test]
fn failed_entry_waits_with_its_count_and_comes_again_when_due() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| match delivery.attempt() {
        1 => Err("no stock".into()),
        _ => Ok(()),
    });
    let config = quick("orders").retry(RetryPolicy::list([HOUR]));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    let id = shop
        .manager
        .add(&order("1"))
        .unwrap()
        .id()
        .unwrap()
        .to_string();
    wait_until(DEADLINE, "the failure to be settled", || {
        consumer.stats().failed == 1
    });
    let waiting = Pending {
        id: id.clone(),
        consumer: "~waiting".to_owned(),
        deliveries: 1,
    };
    assert_eq!(shop.pending("orders"), [waiting]);
    let stats = shop.manager.stream_stats("orders").unwrap();
    assert_eq!((stats.groups[0].pending, stats.groups[0].waiting), (1, 1));
    let [(member, due)]: [(String, f64); 1] =
        shop.ask("ZRANGE {orders}:waiting:orders_group 0 -1 WITHSCORES");
    let (seconds, _): (f64, f64) = shop.ask("TIME");
    assert_eq!(member, id);
    let wait = due / 1_000.0 - seconds;
    assert!((3_000.0..=3_601.0).contains(&wait), "due in {wait} s");

    // Any process may claim it as soon as it is due.
    shop.ask::<()>(&format!("ZADD {{orders}}:waiting:orders_group 1 {id}"));
    seen.wait_for(2);
    shop.wait_until_settled("orders");
    assert_eq!(tries(&seen, "1"), [1, 2]);
    assert_eq!(shop.ask::<u64>("ZCARD {orders}:waiting:orders_group"), 0);
    // Counted a moment after Redis has confirmed it.
    wait_until(DEADLINE, "it to be counted", || {
        let stats = consumer.stats();
        (stats.completed, stats.failed, stats.dead) == (1, 1, 0)
    });
}

#[test]
fn failures_are_tried_again_by_themselves() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 300);
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| match delivery.attempt() {
        1 | 2 if delivery.order_id.ends_with('0') => Err("not yet".into()),
        _ => Ok(()),
    });
    let consumer = shop.manager.consume("c", quick("orders"), handler).unwrap();
    wait_until(DEADLINE, "300 completed", || {
        consumer.stats().completed == 300
    });
    for n in 0..300 {
        let expected: &[u32] = if n % 10 == 0 { &[1, 2, 3] } else { &[1] };
        assert_eq!(tries(&seen, &n.to_string()), expected, "order {n}");
    }
    assert_eq!(consumer.stats().failed, 60);
    shop.wait_until_settled("orders");
}

#[test]
fn retry_survives_its_process() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |_| Err("no stock".into()));
    let config = quick("orders").retry(RetryPolicy::list([Duration::from_millis(300)]));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.manager.add(&order("1")).unwrap();
    wait_until(DEADLINE, "a failure", || consumer.stats().failed == 1);
    shop.manager.remove_consumer("c").unwrap();
    shop.manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    shop.wait_until_settled("orders");
    let tries = tries(&seen, "1");
    assert_eq!(tries.last(), Some(&u32::try_from(tries.len()).unwrap()));
}

#[test]
fn panic_is_a_failure_of_that_entry_alone() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| {
        assert!(delivery.attempt() > 1 || delivery.order_id != "3", "boom");
        Ok(())
    });
    let config = quick("orders").workers(1);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.add_by_hand("orders", 10);
    wait_until(DEADLINE, "10 completed", || {
        consumer.stats().completed == 10
    });
    for n in 0..10 {
        let expected: &[u32] = if n == 3 { &[1, 2] } else { &[1] };
        assert_eq!(tries(&seen, &n.to_string()), expected, "order {n}");
    }
    let stats = consumer.stats();
    assert_eq!((stats.panicked, stats.failed, stats.dead), (1, 1, 0));
    assert!(consumer.is_running());
}

fn header(fields: &[(Vec<u8>, Vec<u8>)], name: &str) -> Option<String> {
    let fields: HashMap<_, _> = fields.iter().cloned().collect();
    let value = fields.get(name.as_bytes())?.clone();
    Some(String::from_utf8(value).unwrap())
}

/// What stands in front of the library's own fields.
fn original(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let own = |(name, _): &&(Vec<u8>, Vec<u8>)| name.first() != Some(&b'~');
    fields.iter().take_while(own).cloned().collect()
}

#[test]
fn undecodable_entry_goes_to_the_dead_letters_byte_for_byte() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").on_undecodable(OnUndecodable::Bury);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    let mut connection = shop.server.connect().unwrap();
    let fields: [(&[u8], &[u8]); 5] = [
        (b"order_id", b"A-1"),
        (b"amount", b"a lot: hunter2"),
        (b"\xff\xfe", b"\x00\r\n"),
        (b"amount", b"more"),
        (b"", b""),
    ];
    let mut add = redis::cmd("XADD");
    add.arg("orders").arg("*");
    for (name, value) in fields {
        add.arg(name).arg(value);
    }
    let id: String = add.query(&mut connection).unwrap();
    shop.manager.add(&order("good")).unwrap();
    seen.wait_for(1);
    wait_until(DEADLINE, "a dead letter", || consumer.stats().dead == 1);
    shop.wait_until_settled("orders");

    let dead = shop.dead("orders");
    assert_eq!(dead.len(), 1);
    let letter = &dead[0].1;
    let expected: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    assert_eq!(original(letter), expected);
    let header = |name| header(letter, name);
    assert_eq!(header("~id"), Some(id));
    assert_eq!(header("~group"), Some("orders_group".to_owned()));
    assert_eq!(
        header("~consumer"),
        shop.manager.consumer("c").unwrap().name()
    );
    assert_eq!(header("~deliveries"), Some("1".to_owned()));
    assert_eq!(header("~reason"), Some("undecodable".to_owned()));
    let error = header("~error").unwrap();
    assert!(
        error.contains("Order") && error.contains("amount"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "values stay out: {error}");
    let (seconds, _): (u64, u64) = shop.ask("TIME");
    let time: u64 = header("~time").unwrap().parse().unwrap();
    assert!(
        (seconds - 600..=seconds).contains(&(time / 1_000)),
        "{time}"
    );
}

#[test]
fn entry_whose_tries_are_used_up_dies_exactly_once() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| match delivery.order_id.as_str() {
        "bad" => Err("no stock".into()),
        "panic" => panic!("boom"),
        _ => Ok(()),
    });
    let policy = RetryPolicy::exponential(AT_ONCE).max_deliveries(3);
    let consumer = shop
        .manager
        .consume("c", quick("orders").retry(policy), handler)
        .unwrap();
    for id in ["good", "bad", "panic", "good too"] {
        shop.manager.add(&order(id)).unwrap();
    }
    wait_until(DEADLINE, "all to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead) == (2, 2)
    });
    shop.wait_until_settled("orders");
    assert_eq!(tries(&seen, "bad"), [1, 2, 3]);
    assert_eq!(tries(&seen, "panic"), [1, 2, 3]);
    assert_eq!(tries(&seen, "good"), [1]);
    let dead = shop.dead("orders");
    assert_eq!(dead.len(), 2);
    for (_, letter) in &dead {
        assert_eq!(header(letter, "~deliveries").as_deref(), Some("3"));
        assert_eq!(
            header(letter, "~reason").as_deref(),
            Some("retries-exhausted")
        );
        let error = header(letter, "~error").unwrap();
        match header(letter, "order_id").unwrap().as_str() {
            "bad" => assert_eq!(error, "no stock"),
            _ => assert!(error.contains("panicked: boom"), "{error}"),
        }
    }
}

#[test]
fn permanent_error_dies_at_its_first_try() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |_| {
        let cause = std::io::Error::other("no such user");
        Err(HandlerError::permanent(cause))?
    });
    let consumer = shop.manager.consume("c", quick("orders"), handler).unwrap();
    shop.manager.add(&order("1")).unwrap();
    wait_until(DEADLINE, "a dead letter", || consumer.stats().dead == 1);
    shop.wait_until_settled("orders");
    assert_eq!(tries(&seen, "1"), [1]);
    let letter = &shop.dead("orders")[0].1;
    assert_eq!(header(letter, "~reason").as_deref(), Some("permanent"));
    assert_eq!(header(letter, "~error").as_deref(), Some("no such user"));
}

#[test]
fn error_says_itself_when_to_try_again() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| match delivery.attempt() {
        1 => Err(HandlerError::retry_after("rate limit", AT_ONCE))?,
        _ => Ok(()),
    });
    let config = quick("orders").retry(RetryPolicy::exponential(HOUR));
    shop.manager.consume("c", config, handler).unwrap();
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(2);
    assert_eq!(tries(&seen, "1"), [1, 2]);
}

#[test]
fn absurd_delay_harms_nobody() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| match delivery.order_id.as_str() {
        "1" => Err(HandlerError::retry_after(
            "at the end of time",
            Duration::MAX,
        ))?,
        _ => Ok(()),
    });
    let config = quick("orders").workers(1);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.manager.add(&order("1")).unwrap();
    shop.manager.add(&order("2")).unwrap();
    wait_until(DEADLINE, "both to be settled", || {
        let stats = consumer.stats();
        (stats.failed, stats.completed) == (1, 1)
    });
    assert_eq!(shop.pending("orders")[0].consumer, "~waiting");
    shop.manager.add(&order("3")).unwrap();
    wait_until(DEADLINE, "the next one", || consumer.stats().completed == 2);
    assert_eq!(consumer.stats().running, 0);
}

/// An error that can't say what it is.
#[derive(Debug)]
struct Speechless;

impl fmt::Display for Speechless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("nothing to say");
    }
}

impl std::error::Error for Speechless {}

#[test]
fn error_whose_text_panics_is_a_failure_of_that_entry_alone() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = failing(&seen, |delivery| match delivery.order_id.as_str() {
        "1" => Err(Speechless)?,
        _ => Ok(()),
    });
    let policy = RetryPolicy::exponential(AT_ONCE).max_deliveries(2);
    let config = quick("orders").workers(1).retry(policy);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.manager.add(&order("1")).unwrap();
    shop.manager.add(&order("2")).unwrap();
    wait_until(DEADLINE, "both to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.dead, stats.running) == (1, 1, 0)
    });
    assert_eq!(tries(&seen, "1"), [1, 2]);
}
