//! What the log says of deliveries that failed, and of dead letters.

use std::io;
use std::time::Duration;

use log::Level;
use stream_lib::{
    ConsumerConfig, Delivery, HandlerError, HandlerResult, OnUndecodable, RetryPolicy,
};
use stream_tests::{LogCapture, LogLine, wait_until};

use crate::support::{DEADLINE, HOUR, Order, Shop, quick};

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
        (2, "failed, and was the last one (permanent): no such user"),
    ];
    for (number, end) in expected {
        let id = &ids[number].0;
        let line = format!("delivery 1 of {id} of `loud` in the group `loud_group` {end}");
        let found = lines.iter().filter(|found| found.text == line).count();
        assert_eq!(found, 1, "{line}\nis not once among\n{lines:#?}");
    }
    let burial = format!(
        "entry {} of `loud` went to the dead letters of the group `loud_group`: permanent: no \
         such user",
        ids[2].0
    );
    assert!(lines.iter().any(|line| line.text == burial), "{lines:#?}");
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
        .filter(|line| line.text.contains("undecodable") && line.text.contains("`amount`"));
    assert_eq!(said.count(), 2, "{lines:#?}");
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
    let failed = || told(&warnings(&log, "storm"), "): no stock", " more deliveries ");
    let (retried, dead) = (
        || told(&warnings(&log, "storm"), "s: no stock", " more deliveries "),
        || {
            told(
                &warnings(&log, "storm"),
                "exhausted: no stock",
                " more entries ",
            )
        },
    );
    wait_until(DEADLINE, "the counts of failures", || {
        let (retried, counted) = retried();
        retried as u64 + failed().0 as u64 + counted == 2_000
    });
    wait_until(DEADLINE, "the counts of dead letters", || {
        let (written, counted) = dead();
        written as u64 + counted == 1_000
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
    let (written, counted) = told(&warnings(&log, "gale"), "s: no stock", " more deliveries ");
    assert_eq!(written as u64 + counted, 100);
}
