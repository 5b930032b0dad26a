//! The clock for schedules and jobs, and handlers on the test's own thread.

use std::time::{Duration, SystemTime};

use stream_lib::test_util::PrivateServer;
use stream_lib::{
    ConsumerConfig, Cron, DeadLetter, DeadReason, HandlerError, Missed, RawMessage, RetryPolicy,
    StreamConfig, StreamManager,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn manager() -> Option<(PrivateServer, StreamManager)> {
    let server = PrivateServer::start_or_skip()?;
    let manager = StreamManager::connect(server.url()).unwrap();
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    Some((server, manager))
}

fn order(id: &str) -> RawMessage {
    RawMessage::new().with("order_id", id)
}

/// Handles all entries, and returns the names in order.
fn drain(manager: &StreamManager) -> Vec<String> {
    let mut names = Vec::new();
    let config = ConsumerConfig::new("orders");
    let report = manager.drain_now::<RawMessage>(config, |order| {
        names.push(order.get_str("order_id").unwrap_or_default().to_owned());
        Ok(())
    });
    assert_eq!(report.unwrap().completed, names.len());
    names
}

#[test]
fn scheduled_messages_come_by_the_clock_of_the_test() {
    let Some((_server, manager)) = manager() else {
        return;
    };
    let producer = manager.producer::<RawMessage>("orders").unwrap();
    for (name, hours) in [("three", 3), ("one", 1), ("two", 2)] {
        let message = order(name);
        producer.with(&message).after(hours * HOUR).add().unwrap();
    }
    let now = SystemTime::now();
    let until = |hours: u32| now + hours * HOUR + HOUR / 2;
    assert_eq!(manager.promote_until("orders", until(0)).unwrap(), 0);
    assert_eq!(manager.promote_until("orders", until(2)).unwrap(), 2);
    assert_eq!(drain(&manager), ["one", "two"]);
    assert_eq!(manager.promote_until("orders", until(9)).unwrap(), 1);
    assert_eq!(manager.promote_until("orders", until(9)).unwrap(), 0);
    assert_eq!(drain(&manager), ["three"]);
    assert_eq!(drain(&manager), [""; 0]);
}

#[test]
fn jobs_tick_by_the_clock_of_the_test_alone() {
    let Some((_server, manager)) = manager() else {
        return;
    };
    let exclusive = Cron::parse("@daily").unwrap().no_overlap("orders_group");
    let often = Cron::parse("*/30 * * * * *").unwrap().missed(Missed::Skip);
    manager
        .cron_to("orders", "daily", exclusive, || order("daily"))
        .unwrap();
    manager
        .cron_to("orders", "often", often, || order("often"))
        .unwrap();
    let begin = SystemTime::now();
    assert_eq!(manager.tick_until("others", begin + 24 * HOUR).unwrap(), 0);
    let added = manager.tick_until("orders", begin + HOUR).unwrap();
    // Midnight may be near.
    assert!((119..=122).contains(&added), "{added}");
    let crons = manager.crons("orders").unwrap();
    assert!(crons.remove("often").unwrap());
    drain(&manager);
    // The first message is not handled, so that later ticks are skipped.
    let days = |days: u32| begin + days * 24 * HOUR + HOUR;
    assert_eq!(manager.tick_until("orders", days(3)).unwrap(), 1);
    assert_eq!(drain(&manager), ["daily"]);
    assert_eq!(manager.tick_until("orders", days(4)).unwrap(), 1);
    assert!(crons.pause("daily").unwrap());
    assert_eq!(manager.tick_until("orders", days(9)).unwrap(), 0);
}

#[test]
fn failures_are_tried_again_at_once_and_buried() {
    let Some((_server, manager)) = manager() else {
        return;
    };
    for name in ["good", "once", "always", "never"] {
        manager.add_to("orders", &order(name)).unwrap();
    }
    let mut attempts = Vec::new();
    let retry = RetryPolicy::exponential(HOUR).max_deliveries(3);
    let config = ConsumerConfig::new("orders").retry(retry);
    let report = manager
        .drain_now::<RawMessage>(config, |order| {
            let name = order.get_str("order_id").unwrap_or_default();
            attempts.push(format!("{name} {}", order.attempt()));
            match (name, order.attempt()) {
                ("once", 1) | ("always", _) => Err("not now")?,
                ("never", _) => Err(HandlerError::permanent("no"))?,
                _ => Ok(()),
            }
        })
        .unwrap();
    assert_eq!((report.completed, report.failed, report.dead), (2, 5, 2));
    attempts.sort();
    let expected = [
        "always 1", "always 2", "always 3", "good 1", "never 1", "once 1", "once 2",
    ];
    assert_eq!(attempts, expected);
    let dead = manager.dead_letters("orders").unwrap().list(9).unwrap();
    let mut reasons: Vec<_> = dead.iter().map(DeadLetter::reason).collect();
    reasons.sort_unstable();
    let expected = [DeadReason::Permanent, DeadReason::RetriesExhausted];
    assert_eq!(reasons, expected.map(DeadReason::as_str));
    let stats = manager.stream_stats("orders").unwrap();
    assert_eq!((stats.groups[0].pending, stats.groups[0].consumers), (0, 0));
}
