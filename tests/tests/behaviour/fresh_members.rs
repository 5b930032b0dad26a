//! Members that begin where others' signs of life have lapsed: because these died, or
//! because the server's clock was set forward before.

use std::time::Duration;

use crate::support::{HOUR, Seen, Shop, noting, quick, read_and_die};

/// Two fifths of it are more than a test takes that runs by itself.
const LEASE: Duration = Duration::from_secs(15);

fn give_sign(shop: &Shop, member: &str, from_now: i64) {
    let (seconds, _): (i64, i64) = shop.ask("TIME");
    let till = seconds * 1_000 + from_now;
    shop.ask::<u8>(&format!(
        "ZADD {{orders}}:members:orders_group {till} {member}"
    ));
}

/// A sign that lapsed so many milliseconds ago is that of a member that lives, if it gives
/// the next one in time.
#[track_caller]
fn is_taken_from_the_dead_alone(lapsed: i64) {
    let shop = Shop::open();
    shop.add_by_hand("orders", 3);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    for consumer in ["foreign", "alive", "dead"] {
        read_and_die(&shop.server, consumer, 1);
    }
    let held = shop.pending("orders");
    for entry in &held {
        let claim = format!("XCLAIM orders orders_group {} 0", entry.consumer);
        shop.ask::<redis::Value>(&format!("{claim} {} IDLE 36000000 JUSTID", entry.id));
    }
    for member in ["alive", "dead"] {
        give_sign(&shop, member, -lapsed);
    }
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    // A consumer that gives no signs is judged by its idle time, at once.
    seen.wait_for(1);
    give_sign(&shop, "alive", 3_600_000);
    assert_eq!(seen.all(), [("0".to_owned(), 2)]);
    seen.wait_for(2);
    assert_eq!(seen.all()[1..], [("2".to_owned(), 2)]);
    let owner = |id: &str| {
        let pending = shop.pending("orders");
        let mut found = pending.iter().filter(|entry| entry.id == id);
        found.next().map(|entry| entry.consumer.clone())
    };
    assert_eq!(owner(&held[1].id).as_deref(), Some("alive"));
}

#[test]
fn clock_that_was_set_forward_before_takes_nothing_from_the_living() {
    is_taken_from_the_dead_alone(1_000);
}

/// Members that were dead for so long would be forgotten.
#[test]
fn clock_that_was_set_forward_by_hours_before_takes_nothing_from_the_living() {
    let hours = 10 * HOUR.as_millis();
    is_taken_from_the_dead_alone(i64::try_from(hours).unwrap());
}
