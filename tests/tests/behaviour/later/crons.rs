//! Recurring jobs.

use std::time::Duration;

use stream_lib::{BackupStreamConfig, Cron, CronState, ErrorKind, Missed, StreamManager};
use stream_tests::{LogCapture, wait_until};

use super::{fields, server_time};
use crate::support::{
    DEADLINE, Gate, HOUR, Order, Seen, Shop, numbers, order, quick, read_and_die,
};

const SECOND: Duration = Duration::from_secs(1);

fn every_second() -> Cron {
    Cron::parse("* * * * * *").unwrap()
}

fn ticks(shop: &Shop, stream: &str) -> Vec<u64> {
    let ticks = fields(shop, stream, "~tick");
    ticks.iter().map(|tick| tick.parse().unwrap()).collect()
}

#[track_caller]
fn wait_for_ticks(shop: &Shop, count: usize) {
    wait_until(DEADLINE, "ticks", || ticks(shop, "orders").len() >= count);
}

/// Lets the last due time of a job lie so far back.
fn set_back(shop: &Shop, by: Duration) {
    let value: String = shop.ask("HGET {orders}:cron job");
    let (_, rest) = value.split_once('|').unwrap();
    let last = server_time(shop) - by;
    let ms = last
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let words = ["HSET", "{orders}:cron", "job", &format!("{ms}|{rest}")];
    shop.server.command::<u64>(&words);
}

#[test]
fn each_tick_is_one_message_of_several_processes() {
    let shop = Shop::open();
    let others: Vec<_> = (0..3)
        .map(|_| StreamManager::connect(shop.server.url()).unwrap())
        .collect();
    for manager in others.iter().chain([&shop.manager]) {
        manager.cron("job", every_second(), || order("1")).unwrap();
    }
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders"), move |order| {
            let text = |name| String::from_utf8(order.header(name).unwrap().to_vec()).unwrap();
            let tick: u64 = text("~tick").parse().unwrap();
            assert_eq!(order.original_id().ms(), tick);
            assert!(order.age() < DEADLINE);
            noted.push((text("~cron"), tick));
            Ok(())
        })
        .unwrap();
    seen.wait_for(3);
    wait_for_ticks(&shop, 4);
    let ticks = ticks(&shop, "orders");
    let first = ticks[0];
    let expected: Vec<_> = (0..).map(|n| first + 1_000 * n).take(ticks.len()).collect();
    assert_eq!(ticks, expected);
    assert_eq!(first % 1_000, 0);
    assert_eq!(seen.all()[0], ("job".to_owned(), first));
    let ids: Vec<(String, redis::Value)> = shop.ask("XRANGE orders - +");
    for ((id, _), tick) in ids.iter().zip(ticks) {
        let ms: u64 = id.split('-').next().unwrap().parse().unwrap();
        assert!(ms >= tick, "{id} is before {tick}");
    }
}

#[test]
fn jobs_are_listed_paused_resumed_and_removed() {
    let shop = Shop::open();
    let daily = Cron::parse("0 3 * * *")
        .unwrap()
        .zone("Europe/Berlin")
        .revision(2);
    shop.manager
        .cron("nightly", daily.clone(), || order("1"))
        .unwrap();
    shop.manager
        .cron("job", every_second(), || order("2"))
        .unwrap();
    let error = shop.manager.cron("job", daily, || order("3")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let crons = other.crons("orders").unwrap();
    let jobs = crons.list().unwrap();
    let names: Vec<_> = jobs.iter().map(|job| &*job.name).collect();
    assert_eq!(names, ["job", "nightly"]);
    let nightly = &jobs[1];
    assert_eq!(
        (&*nightly.expression, &*nightly.zone),
        ("0 3 * * *", "Europe/Berlin")
    );
    assert_eq!((nightly.revision, nightly.state), (2, CronState::On));
    let wait = nightly.next.unwrap().duration_since(nightly.last).unwrap();
    assert!(wait <= 25 * HOUR && !nightly.is_here);
    assert!(shop.manager.crons("orders").unwrap().list().unwrap()[0].is_here);

    assert!(crons.pause("job").unwrap());
    // One that was under way may have come.
    let paused = &crons.list().unwrap()[0];
    assert_eq!((paused.state, paused.next), (CronState::Paused, None));
    let count = ticks(&shop, "orders").len();
    set_back(&shop, 10 * SECOND);
    let local = shop.manager.crons("orders").unwrap();
    // The process looks again, and ticks nothing.
    assert!(local.pause("job").unwrap());
    local.run_now("job").unwrap();
    assert_eq!(ticks(&shop, "orders").len(), count + 1, "out of turn");
    assert!(local.resume("job").unwrap());
    wait_for_ticks(&shop, count + 2);
    assert!(local.remove("job").unwrap());
    assert_eq!(local.list().unwrap()[0].state, CronState::Removed);
    assert_eq!(
        local.run_now("job").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        crons.run_now("nightly").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(!local.pause("no such job").unwrap());
    let words = "resumed from now on: nothing is made up for";
    let between = ticks(&shop, "orders");
    let in_turn: Vec<_> = between[..count]
        .iter()
        .chain(&between[count + 1..])
        .collect();
    assert!(in_turn.is_sorted_by(|a, b| a < b), "{words}: {between:?}");
}

#[test]
fn removed_job_is_brought_back_by_a_higher_revision_alone() {
    let log = LogCapture::start();
    let shop = Shop::open();
    let daily = |revision| Cron::parse("@daily").unwrap().revision(revision);
    shop.manager
        .cron("removed-job", daily(1), || order("1"))
        .unwrap();
    let crons = shop.manager.crons("orders").unwrap();
    assert!(crons.remove("removed-job").unwrap());
    let declare = |revision| {
        let process = StreamManager::connect(shop.server.url()).unwrap();
        process
            .cron("removed-job", daily(revision), || order("1"))
            .unwrap();
        crons.list().unwrap()[0].state
    };
    assert_eq!(declare(1), CronState::Removed);
    assert_eq!(
        log.containing("`removed-job` of `orders` was removed")
            .len(),
        1
    );
    assert_eq!(declare(2), CronState::On);
    // A process of the deploy before.
    let old = Cron::parse("@hourly").unwrap().revision(1);
    let process = StreamManager::connect(shop.server.url()).unwrap();
    process.cron("removed-job", old, || order("1")).unwrap();
    assert_eq!(crons.list().unwrap()[0].expression, "@daily");
    assert_eq!(log.containing("is known with a higher revision").len(), 1);
}

#[test]
fn missed_ticks_are_made_up_for() {
    for (missed, least) in [(Missed::Once, 1), (Missed::All(5), 5), (Missed::Skip, 0)] {
        let shop = Shop::open();
        let hourly = || Cron::parse("@hourly").unwrap().missed(missed);
        let first = StreamManager::connect(shop.server.url()).unwrap();
        first.cron("job", hourly(), || order("1")).unwrap();
        drop(first);
        set_back(&shop, 8 * HOUR + HOUR / 2);
        shop.manager.cron("job", hourly(), || order("1")).unwrap();
        let crons = shop.manager.crons("orders").unwrap();
        wait_until(DEADLINE, "the job to have caught up", || {
            let last = crons.list().unwrap()[0].last;
            server_time(&shop).duration_since(last).unwrap() <= HOUR
        });
        let ticks = ticks(&shop, "orders");
        // One more where an hour has just begun.
        assert!(
            (least..=least + 1).contains(&ticks.len()),
            "{missed:?}: {ticks:?}"
        );
        assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == 3_600_000));
    }
}

#[test]
fn tick_is_skipped_while_the_group_has_the_one_before() {
    let log = LogCapture::start();
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let seen = Seen::default();
    let noted = seen.clone();
    shop.manager
        .consume_fn::<Order>("c", quick("orders"), move |order| {
            noted.push(order.id());
            doorway.pass();
            Ok(())
        })
        .unwrap();
    let exclusive = every_second().no_overlap("orders_group");
    shop.manager
        .cron("no-overlap", exclusive, || order("1"))
        .unwrap();
    seen.wait_for(1);
    let skips = || {
        log.containing("the job `no-overlap` of `orders` skips a tick")
            .len()
    };
    wait_until(DEADLINE, "two skips", || skips() >= 2);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 1);
    gate.open();
    seen.wait_for(2);
}

#[test]
fn tick_goes_behind_a_backup_stream_and_is_followed_from_there() {
    let shop = Shop::open();
    let config = BackupStreamConfig::new("orders").capacity(1);
    let backup = shop.manager.create_backup_producer("p", config).unwrap();
    let producer = backup.typed::<Order>();
    shop.ask::<String>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    for number in 0..3 {
        producer.add(&order(number.to_string())).unwrap();
    }
    assert_eq!(numbers(&shop.server, "{orders}:backup"), [1, 2]);
    let exclusive = every_second().no_overlap("orders_group");
    shop.manager.cron("job", exclusive, || order("9")).unwrap();
    wait_until(DEADLINE, "a tick", || {
        numbers(&shop.server, "{orders}:backup") == [1, 2, 9]
    });
    let entry = |shop: &Shop| {
        let value: String = shop.ask("HGET {orders}:cron job");
        value.split('|').nth(3).unwrap().to_owned()
    };
    assert!(entry(&shop).starts_with('b'));
    let last = || {
        shop.ask::<String>("HGET {orders}:cron job")
            .split_once('|')
            .unwrap()
            .0
            .to_owned()
    };
    let before = last();
    wait_until(DEADLINE, "a tick that is skipped", || last() != before);
    assert_eq!(numbers(&shop.server, "{orders}:backup"), [1, 2, 9]);
    // All is read and acknowledged, but the tick, which the drain has moved.
    let acknowledge = |count: usize| {
        for _ in 0..count {
            read_and_die(&shop.server, "c", 1);
            let pending = shop.pending("orders");
            shop.ask::<u64>(&format!("XACK orders orders_group {}", pending[0].id));
        }
    };
    acknowledge(1);
    wait_until(DEADLINE, "an entry to move", || {
        numbers(&shop.server, "orders").len() == 2
    });
    acknowledge(1);
    wait_until(DEADLINE, "an entry to move", || {
        numbers(&shop.server, "orders").len() == 3
    });
    acknowledge(1);
    wait_until(DEADLINE, "the tick to move", || {
        numbers(&shop.server, "orders").len() == 4
    });
    read_and_die(&shop.server, "c", 1);
    wait_until(DEADLINE, "the tick to be found in the stream", || {
        let entry = entry(&shop);
        !entry.is_empty() && !entry.starts_with('b')
    });
    let moved = entry(&shop);
    assert_eq!(shop.pending("orders")[0].id, moved);
    let before = last();
    wait_until(DEADLINE, "a tick that is skipped", || last() != before);
    assert_eq!(numbers(&shop.server, "orders").len(), 4);
    shop.ask::<u64>(&format!("XACK orders orders_group {moved}"));
    wait_until(DEADLINE, "another tick", || {
        numbers(&shop.server, "orders").len() == 5
    });
}

#[test]
fn message_that_cannot_be_made_holds_up_its_own_job_only() {
    let log = LogCapture::start();
    let shop = Shop::open();
    shop.manager
        .cron::<Order>("spiteful", every_second(), || panic!("not today"))
        .unwrap();
    shop.manager
        .cron("job", every_second(), || order("1"))
        .unwrap();
    wait_for_ticks(&shop, 2);
    let words = "the job `spiteful` of `orders` is held up";
    wait_until(DEADLINE, "a word of it", || {
        !log.containing(words).is_empty()
    });
    let lines = log.containing(words);
    assert!(lines[0].text.contains("not today"), "{lines:?}");
    assert_eq!(lines.len(), 1);
}

#[test]
fn job_goes_on_after_an_outage_and_after_its_stream_was_deleted() {
    let shop = Shop::open();
    shop.manager
        .cron("job", every_second(), || order("1"))
        .unwrap();
    wait_for_ticks(&shop, 1);
    shop.server.kill();
    shop.server.restart();
    wait_for_ticks(&shop, 1);
    shop.ask::<()>("FLUSHALL");
    wait_for_ticks(&shop, 2);
}

#[test]
fn values_out_of_bounds_are_refused() {
    let shop = Shop::open();
    let long = "n".repeat(257);
    for (name, cron, words) in [
        ("", every_second(), "0 bytes"),
        (long.as_str(), every_second(), "257 bytes"),
        (
            "job",
            every_second().zone("Europe/Atlantis"),
            "`Europe/Atlantis`",
        ),
        ("job", every_second().missed(Missed::All(1_001)), "`missed`"),
    ] {
        let error = shop.manager.cron(name, cron, || order("1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
    let reserved = shop
        .manager
        .cron_to("{orders}:dead", "job", every_second(), || order("1"));
    assert_eq!(reserved.unwrap_err().kind(), ErrorKind::Config);
    shop.manager.shutdown();
    let late = shop.manager.cron("job", every_second(), || order("1"));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Closed);
}
