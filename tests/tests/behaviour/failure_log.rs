//! Log lines about failed deliveries and dead letters.

use std::io;
use std::time::Duration;

use log::Level;
use stream_lib::{
    ConsumerConfig, Delivery, HandlerError, HandlerResult, OnUndecodable, RetryPolicy,
};
use stream_tests::{LogCapture, LogLine, wait_until};

use crate::support::{DEADLINE, Gate, HOUR, Order, Shop, quick};

/// Each order is delivered once more, after an hour.
fn patient(stream: &str) -> ConsumerConfig {
    quick(stream).retry(RetryPolicy::list([HOUR]))
}

/// The warnings about `stream`.
fn warnings(log: &LogCapture, stream: &str) -> Vec<LogLine> {
    let name = format!("`{stream}`");
    log.matching(|line| line.level == Level::Warn && line.text.contains(&name))
}

#[test]
fn failed_delivery_is_logged_with_its_error_and_the_causes() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let handler = |delivery: &Delivery<Order>| -> HandlerResult {
        match delivery.order_id.as_str() {
            "0" => {
                let cause = io::Error::other("connection refused");
                Err(anyhow::Error::new(cause).context("charging the card"))?
            }
            "1" => panic!("index out of range"),
            _ => Err(HandlerError::permanent("no such user"))?,
        }
    };
    let consumer = shop.manager.consume("c", patient("loud"), handler).unwrap();
    shop.add_by_hand("loud", 3);
    wait_until(DEADLINE, "all to be settled", || {
        let stats = consumer.stats();
        (stats.failed, stats.dead) == (2, 1)
    });
    let ids: Vec<(String, redis::Value)> = shop.ask("XRANGE loud - +");
    let lines = warnings(&log, "loud");
    let expected = [
        (
            0,
            "failed, the next comes in 3600.0s: charging the card: connection refused",
        ),
        (
            1,
            "failed, the next comes in 3600.0s: panicked: index out of range",
        ),
        (
            2,
            "failed, and was the last one; the entry went to the dead letters (permanent): no \
             such user",
        ),
    ];
    for (number, end) in expected {
        let id = &ids[number].0;
        let line = format!("delivery 1 of {id} of `loud` in the group `loud_group` {end}");
        let found = lines.iter().filter(|found| found.text == line).count();
        assert_eq!(found, 1, "{line}\nis not once among\n{lines:#?}");
    }
    assert_eq!(lines.len(), 3, "one for each failure: {lines:#?}");
}

/// A handler that fails for good, once it is let through.
fn refuses_behind(gate: &Gate) -> impl Fn(&Delivery<Order>) -> HandlerResult + use<> {
    let doorway = gate.doorway();
    move |_| {
        doorway.pass();
        Err(HandlerError::permanent("no such user").into())
    }
}

/// Waits for the one warning about `stream` that has `words` in it.
fn wait_for_warning(log: &LogCapture, stream: &str, words: &str) {
    let said = || {
        let lines = warnings(log, stream);
        lines
            .iter()
            .filter(|line| line.text.contains(words))
            .count()
    };
    wait_until(DEADLINE, format!("`{words}`"), || said() > 0);
    assert_eq!(said(), 1, "{:#?}", log.lines());
}

#[test]
fn failure_whose_burial_waits_is_logged_before_the_burial() {
    let shop = Shop::open();
    let (log, gate) = (LogCapture::start(), Gate::default());
    let handler = refuses_behind(&gate);
    let consumer = shop.manager.consume("c", quick("grave"), handler).unwrap();
    shop.add_by_hand("grave", 1);
    wait_until(DEADLINE, "the handler", || consumer.stats().running == 1);
    shop.ask::<()>("CONFIG SET maxmemory 1");
    gate.open();
    let failed = "failed, and was the last one; the entry ";
    let waiting = format!("{failed}is to go to the dead letters as soon as Redis takes it");
    wait_for_warning(
        &log,
        "grave",
        &format!("{waiting} (permanent): no such user"),
    );
    assert_eq!(consumer.stats().dead, 0);
    shop.ask::<()>("CONFIG SET maxmemory 0");
    wait_until(DEADLINE, "the burial", || consumer.stats().dead == 1);
    wait_for_warning(&log, "grave", &waiting);
    wait_for_warning(&log, "grave", &format!("{failed}went to the dead letters"));
}

#[test]
fn last_failure_of_an_entry_that_is_not_buried_is_logged_too() {
    let shop = Shop::open();
    let (log, gate) = (LogCapture::start(), Gate::default());
    let handler = refuses_behind(&gate);
    let config = quick("taken").workers(2);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.add_by_hand("taken", 2);
    wait_until(DEADLINE, "the handlers", || consumer.stats().running == 2);
    let ids: Vec<(String, redis::Value)> = shop.ask("XRANGE taken - +");
    let claim = format!("XCLAIM taken taken_group other 0 {}", ids[0].0);
    shop.ask::<redis::Value>(&claim);
    shop.ask::<u64>(&format!("XDEL taken {}", ids[1].0));
    gate.open();
    let end = "(permanent): no such user";
    let lost = format!("the entry is not this consumer's any more {end}");
    wait_for_warning(&log, "taken", &lost);
    let deleted = format!("the entry was deleted from the stream meanwhile {end}");
    wait_for_warning(&log, "taken", &deleted);
    assert_eq!(consumer.stats().dead, 0);
}

#[test]
fn last_failure_after_the_stop_is_logged_too() {
    let shop = Shop::open();
    let (log, gate) = (LogCapture::start(), Gate::default());
    let handler = refuses_behind(&gate);
    let config = quick("late").grace(Duration::from_millis(10));
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.add_by_hand("late", 1);
    wait_until(DEADLINE, "the handler", || consumer.stats().running == 1);
    assert_eq!(consumer.stop().still_running, 1);
    gate.open();
    let stays = "the entry stays pending, since the consumer has stopped (permanent): no such user";
    wait_for_warning(&log, "late", stays);
}

#[test]
fn undecodable_entry_is_logged_without_its_values() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let handler = |_: &Delivery<Order>| Ok(());
    let config = patient("blurred").on_undecodable(OnUndecodable::Bury);
    let consumer = shop.manager.consume("c", config, handler).unwrap();
    shop.ask::<String>("XADD blurred * order_id 1 amount hunter2");
    wait_until(DEADLINE, "a dead letter", || consumer.stats().dead == 1);
    let lines = warnings(&log, "blurred");
    let said = lines
        .iter()
        .filter(|line| line.text.contains("(undecodable): ") && line.text.contains("`amount`"));
    assert_eq!(said.count(), 1, "{lines:#?}");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let told = log.containing("hunter2");
    assert!(told.is_empty(), "{told:#?}");
}

/// The lines that end with `end`, and the sum of the counts in lines that have
/// `more`.
fn told(lines: &[LogLine], end: &str, more: &str) -> (usize, u64) {
    let written = lines.iter().filter(|line| line.text.ends_with(end)).count();
    let counts = lines.iter().filter(|line| line.text.contains(more));
    let counts = counts.map(|line| line.text.split(' ').next().unwrap().parse::<u64>().unwrap());
    (written, counts.sum())
}

#[test]
fn thousand_failures_are_some_lines_and_counts_that_add_up() {
    let shop = Shop::open();
    let log = LogCapture::start();
    shop.add_by_hand("storm", 1_000);
    let handler = |_: &Delivery<Order>| HandlerResult::Err("no stock".into());
    let policy = RetryPolicy::list([Duration::ZERO]);
    let consumer = shop
        .manager
        .consume("c", quick("storm").retry(policy), handler)
        .unwrap();
    wait_until(DEADLINE, "all to be dead", || {
        consumer.stats().dead == 1_000
    });
    // Without a stop: the counts come by themselves.
    let adds_up = |end, more| {
        let (written, counted) = told(&warnings(&log, "storm"), end, more);
        written as u64 + counted == 1_000
    };
    wait_until(DEADLINE, "the counts of failures", || {
        adds_up("s: no stock", " more deliver")
    });
    wait_until(DEADLINE, "the counts of dead letters", || {
        adds_up("(retries-exhausted): no stock", " more entr")
    });
    // Six a second of each kind, and the deadline is a minute.
    let lines = warnings(&log, "storm").len();
    assert!(lines <= 900, "{lines} lines");
}

#[test]
fn stop_tells_what_was_withheld() {
    let shop = Shop::open();
    let log = LogCapture::start();
    shop.add_by_hand("gale", 100);
    let handler = |_: &Delivery<Order>| HandlerResult::Err("no stock".into());
    let consumer = shop.manager.consume("c", patient("gale"), handler).unwrap();
    wait_until(DEADLINE, "all to have failed", || {
        consumer.stats().failed == 100
    });
    shop.manager.shutdown();
    let (written, counted) = told(&warnings(&log, "gale"), "s: no stock", " more deliver");
    assert_eq!(written as u64 + counted, 100);
}
