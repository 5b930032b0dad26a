//! The rules of a job, which are stored with it: all processes follow them.

use stream_lib::{Cron, Missed, StreamManager};
use stream_tests::{LogCapture, wait_until};

use super::crons::{every_second, set_back, ticks};
use super::server_time;
use crate::support::{DEADLINE, HOUR, Shop, order, read_and_die};

/// A process that declares the job `name`, and lives on.
#[track_caller]
fn process(shop: &Shop, name: &str, cron: Cron) -> StreamManager {
    let manager = StreamManager::connect(shop.server.url()).unwrap();
    manager.cron(name, cron, || order("1")).unwrap();
    manager
}

/// Has a process tick that declares the job so, and ends, and a group hold the entry.
/// Returns how many ticks there were.
#[track_caller]
fn hold_a_tick(shop: &Shop, name: &str, cron: Cron) -> usize {
    shop.ask::<()>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    let first = process(shop, name, cron);
    wait_until(DEADLINE, "a tick", || !ticks(shop, "orders").is_empty());
    first.shutdown();
    let count = ticks(shop, "orders").len();
    read_and_die(&shop.server, "busy", count);
    count
}

#[track_caller]
fn wait_for_skips(log: &LogCapture, name: &str) {
    let words = format!("the job `{name}` of `orders` skips a tick: the group `orders_group`");
    wait_until(DEADLINE, "two skips", || log.containing(&words).len() >= 2);
}

#[test]
fn tick_is_skipped_by_the_group_of_the_highest_revision_in_every_process() {
    let log = LogCapture::start();
    let shop = Shop::open();
    let exclusive = every_second().no_overlap("orders_group").revision(2);
    let count = hold_a_tick(&shop, "followed-rule", exclusive);
    assert_eq!(count, 1, "nobody has read it");
    let _old = process(&shop, "followed-rule", every_second().revision(1));
    wait_for_skips(&log, "followed-rule");
    assert_eq!(ticks(&shop, "orders").len(), 1);
}

#[test]
fn missed_ticks_are_dealt_with_by_the_rule_of_the_highest_revision() {
    let shop = Shop::open();
    let hourly = |missed| Cron::parse("@hourly").unwrap().missed(missed);
    process(&shop, "job", hourly(Missed::Skip).revision(2)).shutdown();
    set_back(&shop, 8 * HOUR + HOUR / 2);
    let old = process(&shop, "job", hourly(Missed::All(5)).revision(1));
    let crons = old.crons("orders").unwrap();
    wait_until(DEADLINE, "the job to have caught up", || {
        let last = crons.list().unwrap()[0].last;
        server_time(&shop).duration_since(last).unwrap() <= HOUR
    });
    // One where an hour has just begun.
    let ticks = ticks(&shop, "orders");
    assert!(ticks.len() <= 1, "{ticks:?}");
    let job = &crons.list().unwrap()[0];
    assert_eq!((job.missed, &job.no_overlap), (Some(Missed::Skip), &None));
}

#[test]
fn rules_that_change_leave_the_schedule_where_it_is() {
    let shop = Shop::open();
    let daily = || Cron::parse("@daily").unwrap();
    let first = process(&shop, "job", daily());
    set_back(&shop, HOUR / 60);
    let crons = first.crons("orders").unwrap();
    let before = crons.list().unwrap().remove(0);
    assert_eq!(
        (before.missed, before.no_overlap),
        (Some(Missed::Once), None)
    );
    let _next = process(
        &shop,
        "job",
        daily().missed(Missed::All(3)).no_overlap("a|b"),
    );
    let after = crons.list().unwrap().remove(0);
    assert_eq!(after.missed, Some(Missed::All(3)));
    assert_eq!(after.no_overlap.as_deref(), Some("a|b"));
    assert_eq!((after.last, after.next), (before.last, before.next));
    assert_eq!((&*after.expression, &*after.zone), ("@daily", "UTC"));
}

/// An earlier version stored none, so that each process goes by its own until one stores
/// them.
#[test]
fn job_that_was_stored_without_rules_goes_on() {
    let log = LogCapture::start();
    let shop = Shop::open();
    let count = hold_a_tick(&shop, "bare-job", every_second().revision(2));
    let value: String = shop.ask("HGET {orders}:cron bare-job");
    let bare = value.strip_suffix("|once|").unwrap();
    let words = ["HSET", "{orders}:cron", "bare-job", bare];
    shop.server.command::<u64>(&words);
    let own = every_second()
        .no_overlap("orders_group")
        .missed(Missed::Skip);
    let old = process(&shop, "bare-job", own.clone().revision(1));
    wait_for_skips(&log, "bare-job");
    let crons = old.crons("orders").unwrap();
    let job = crons.list().unwrap().remove(0);
    assert_eq!((job.missed, job.no_overlap), (None, None));
    assert_eq!(&*job.expression, "* * * * * *");
    let _new = process(&shop, "bare-job", own.revision(2));
    let job = crons.list().unwrap().remove(0);
    assert_eq!(job.missed, Some(Missed::Skip));
    assert_eq!(job.no_overlap.as_deref(), Some("orders_group"));
    assert_eq!(ticks(&shop, "orders").len(), count);
}
