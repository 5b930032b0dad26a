//! Steps of the server's clock while entries are held and parked.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Duration;

use stream_lib::{HandlerError, RetryPolicy, StreamManager};
use stream_tests::{LogCapture, Server, wait_until};
use tempfile::TempDir;

use crate::support::{DEADLINE, Gate, HOUR, Order, Seen, Shop, noting, order, quick, read_and_die};

const LEASE: Duration = Duration::from_millis(900);

/// The server's clock, as far as the server can see.
struct Clock {
    file: File,
    _dir: TempDir,
}

impl Clock {
    /// A shop whose server's clock can be set.
    #[track_caller]
    fn shop() -> (Shop, Self) {
        let dir = TempDir::new().unwrap();
        let (source, library) = (dir.path().join("clock.c"), dir.path().join("clock.so"));
        fs::write(&source, include_str!("clock.c")).unwrap();
        // What links Rust programs is a C compiler.
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(compiled.unwrap().success());
        let path = dir.path().join("shift");
        let mut file = File::create(&path).unwrap();
        file.write_all(&[0; 8]).unwrap();
        let server = Server::options()
            .env("STREAM_CLOCK", path.to_str().unwrap())
            .env("LD_PRELOAD", library.to_str().unwrap())
            .start()
            .unwrap();
        (Shop::with(server), Self { file, _dir: dir })
    }

    /// Sets the clock by so many hours, from what it would be.
    fn set_hours(&self, hours: u64) {
        let shift = hours * 3_600_000;
        self.file.write_all_at(&shift.to_le_bytes(), 0).unwrap();
    }
}

/// Waits until the consumers have given so many signs of life, or looked for due
/// entries.
fn wait_for_looks(shop: &Shop, looks: u64) {
    let calls = shop.server.calls("TIME");
    wait_until(DEADLINE, "looks", || {
        shop.server.calls("TIME") >= calls + looks
    });
}

#[test]
fn clock_that_goes_forward_takes_nothing_from_the_living() {
    let (shop, clock) = Clock::shop();
    let log = LogCapture::start();
    let gate = Gate::default();
    let (doorway, running) = (gate.doorway(), Seen::default());
    let noted = running.clone();
    let config = || quick("orders").workers(4).lease(LEASE);
    let holder = shop
        .manager
        .consume_fn::<Order>("holder", config(), move |order| {
            noted.push(order.order_id.clone());
            doorway.pass();
            Ok(())
        })
        .unwrap();
    shop.add_by_hand("orders", 4);
    running.wait_for(4);
    let rivals: Vec<_> = (0..3)
        .map(|_| StreamManager::connect(shop.server.url()).unwrap())
        .collect();
    let seen = Seen::default();
    for rival in &rivals {
        rival.consume("rival", config(), noting(&seen)).unwrap();
    }
    for hours in 1..=3 {
        // Each has given a sign of life since the last step.
        wait_for_looks(&shop, 40);
        clock.set_hours(hours);
    }
    wait_for_looks(&shop, 40);
    assert_eq!(seen.count(), 0, "{:?}", seen.all());
    gate.open();
    wait_until(DEADLINE, "the holder to have done its own", || {
        holder.stats().completed == 4
    });
    assert!(!log.containing("clock was set forward").is_empty());
}

#[test]
fn clock_that_goes_back_delays_no_retry_and_no_takeover() {
    let (shop, clock) = Clock::shop();
    clock.set_hours(2);
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders")
        .lease(LEASE)
        .retry(RetryPolicy::exponential(HOUR));
    let soon = Duration::from_secs(8);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push((order.order_id.clone(), order.attempt()));
            match order.attempt() {
                1 => Err(HandlerError::retry_after("later", soon).into()),
                _ => Ok(()),
            }
        })
        .unwrap();
    shop.manager.add(&order("parked")).unwrap();
    wait_until(DEADLINE, "it to wait", || consumer.stats().failed == 1);
    // Of a member that dies just before the step.
    shop.manager.add(&order("held")).unwrap();
    wait_until(DEADLINE, "the other to wait", || {
        consumer.stats().failed == 2
    });
    let held = shop.pending("orders")[1].id.clone();
    let (now, _): (u64, u64) = shop.ask("TIME");
    let alive_until = now * 1_000 + 2_000;
    shop.ask::<u8>(&format!(
        "ZADD {{orders}}:members:orders_group {alive_until} dead"
    ));
    shop.ask::<u8>(&format!("ZREM {{orders}}:waiting:orders_group {held}"));
    shop.ask::<redis::Value>(&format!("XCLAIM orders orders_group dead 0 {held} JUSTID"));
    clock.set_hours(1);
    // Both come long before the clock is back at where it was.
    seen.wait_for(4);
    let mut all = seen.all();
    all.sort();
    let both = [("held", 1), ("held", 2), ("parked", 1), ("parked", 2)];
    assert_eq!(all, both.map(|(id, attempt)| (id.to_owned(), attempt)));
    shop.wait_until_settled("orders");
}

#[test]
fn due_times_are_moved_once_by_whomever_notices() {
    let (shop, clock) = Clock::shop();
    clock.set_hours(2);
    shop.add_by_hand("orders", 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "~waiting", 1);
    let id = shop.pending("orders")[0].id.clone();
    let (now, _): (u64, u64) = shop.ask("TIME");
    let due = (now + 4 * 3_600) * 1_000;
    shop.ask::<u8>(&format!("ZADD {{orders}}:waiting:orders_group {due} {id}"));
    let seen = Seen::default();
    let managers: Vec<_> = (0..3)
        .map(|_| StreamManager::connect(shop.server.url()).unwrap())
        .collect();
    for manager in &managers {
        manager
            .consume("c", quick("orders").lease(LEASE), noting(&seen))
            .unwrap();
    }
    for hours in [1, 0] {
        wait_for_looks(&shop, 30);
        clock.set_hours(hours);
        wait_for_looks(&shop, 30);
        let score: u64 = shop.ask(&format!("ZSCORE {{orders}}:waiting:orders_group {id}"));
        let expected = due - (2 - hours) * 3_600_000;
        assert!(
            score.abs_diff(expected) < 300_000,
            "{score}, not {expected}"
        );
    }
    assert_eq!(seen.count(), 0);
}
