//! Failovers of the master.

use std::time::Instant;

use stream_lib::ErrorKind;
use stream_tests::{LogCapture, Sentinels};

use super::support::{Work, config, connect, fail_over, follows_no_more_than_happened};
use crate::DEADLINE;

#[test]
fn a_killed_master_is_followed_as_soon_as_a_sentinel_names_the_next() {
    let sentinels = Sentinels::start().unwrap();
    let (manager, moves) = connect(config(&sentinels));
    let work = Work::begin(manager);
    let old = sentinels.master();
    let watch = sentinels.watch(old);
    old.kill();
    let named = watch.wait(DEADLINE);
    let new = sentinels.wait_for_switch(old);
    work.wait_for_more(named);
    let (added, handled) = work.delays(named);
    eprintln!("added after {added:?}, handled after {handled:?}");
    let failed = work.end();
    // Of an add that was under way the outcome is unknown; a dying server closes one
    // connection after the other, so that the next one may be, too.
    assert!(failed.len() <= 3, "{failed:?}");
    let unknown = |e: &stream_lib::Error| e.kind() == ErrorKind::OutcomeUnknown;
    assert!(failed.iter().all(unknown), "{failed:?}");
    let expected = [old, new].map(|server| server.address().to_string());
    let [from, to] = expected;
    assert_eq!(moves.lock().first(), Some(&(from, to)));
    follows_no_more_than_happened(&sentinels, &moves);
}

#[test]
fn a_planned_failover_fails_no_add_and_is_one_line() {
    let log = LogCapture::start();
    let sentinels = Sentinels::start().unwrap();
    let (manager, moves) = connect(config(&sentinels));
    let work = Work::begin(manager);
    for round in 1..=2 {
        let named = fail_over(&sentinels);
        work.wait_for_more(Instant::now());
        let (added, handled) = work.delays(named);
        eprintln!("added after {added:?}, handled after {handled:?}");
        sentinels.wait_until_whole();
        stream_tests::wait_until(DEADLINE, "the event", || moves.lock().len() >= round);
    }
    let failed = work.end();
    assert!(failed.is_empty(), "{failed:?}");
    for (from, to) in &*moves.lock() {
        let line =
            format!("failover of `mymaster`: {to} is the master now, in the place of {from}");
        assert_eq!(log.containing(&line).len(), 1, "{line}");
    }
}

#[test]
fn the_new_master_is_looked_at_at_once() {
    let log = LogCapture::start();
    let sentinels = Sentinels::start().unwrap();
    let old = sentinels.master();
    for server in sentinels.servers() {
        if server.port() != old.port() {
            // No other test has this one.
            let set = ["CONFIG", "SET", "maxmemory-policy", "allkeys-random"];
            server.command::<()>(&set);
        }
    }
    let (manager, _) = connect(config(&sentinels));
    manager
        .create_simple_producer("orders", stream_lib::StreamConfig::new("orders"))
        .unwrap();
    let warnings = || log.containing("maxmemory-policy is `allkeys-random`");
    assert!(warnings().is_empty());
    fail_over(&sentinels);
    // The stream is cleaned every five minutes.
    stream_tests::wait_until(DEADLINE, "a warning", || !warnings().is_empty());
    manager.shutdown();
}
