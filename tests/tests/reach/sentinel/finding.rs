//! The search for the master, even if some sentinels are wrong.

use std::thread;
use std::time::Instant;

use stream_lib::{ConnectionConfig, ErrorKind, RawMessage, StreamConfig, StreamManager};
use stream_tests::{LogCapture, Proxy, Sentinels, Server, wait_until};

use super::support::{Work, config, connect, follows_no_more_than_happened};
use crate::DEADLINE;

/// Follows one failover, by a kill, while everything works.
#[track_caller]
fn follows(sentinels: &Sentinels, config: ConnectionConfig, prepare: impl FnOnce()) {
    let (manager, moves) = connect(config);
    let work = Work::begin(manager);
    prepare();
    let old = sentinels.master();
    old.kill();
    sentinels.wait_for_switch(old);
    wait_until(DEADLINE, "the failover", || !moves.lock().is_empty());
    work.wait_for_more(Instant::now());
    let failed = work.end();
    let unknown = |e: &stream_lib::Error| e.kind() == ErrorKind::OutcomeUnknown;
    assert!(
        failed.len() <= 3 && failed.iter().all(unknown),
        "{failed:?}"
    );
}

#[test]
fn sentinels_learn_of_each_other_and_seeds_may_die() {
    let sentinels = Sentinels::start().unwrap();
    let seed = &sentinels.sentinels()[0];
    let config = ConnectionConfig::new(sentinels.url_at(&[seed.port()])).unwrap();
    follows(&sentinels, config, || seed.kill());
}

#[test]
fn addresses_that_are_announced_and_unreachable_are_mapped() {
    let sentinels = Sentinels::options().unreachable().start().unwrap();
    let map = sentinels.address_map();
    let config = config(&sentinels).map_address(move |host, port| map.reachable(host, port));
    follows(&sentinels, config, || {});
}

#[test]
fn names_are_followed_like_addresses() {
    let sentinels = Sentinels::options().hostnames().start().unwrap();
    follows(&sentinels, config(&sentinels), || {});
}

#[test]
fn a_sentinel_that_slept_through_the_failover_is_not_believed() {
    let sentinels = Sentinels::start().unwrap();
    let (manager, moves) = connect(config(&sentinels));
    let work = Work::begin(manager);
    let stale = &sentinels.sentinels()[2];
    stale.freeze();
    let old = sentinels.master();
    old.kill();
    sentinels.wait_for_switch(old);
    wait_until(DEADLINE, "the failover", || !moves.lock().is_empty());
    // The old master is back before the sentinels make a replica of it, and the one
    // that slept is the first to be asked.
    old.restart();
    stale.thaw();
    work.wait_for_more(Instant::now());
    sentinels.wait_until_whole();
    work.wait_for_more(Instant::now());
    work.end();
    follows_no_more_than_happened(&sentinels, &moves);
}

#[test]
fn the_last_sentinel_that_answers_is_enough() {
    let sentinels = Sentinels::start().unwrap();
    for sentinel in &sentinels.sentinels()[1..] {
        sentinel.freeze();
    }
    let (manager, _) = connect(config(&sentinels));
    let work = Work::begin(manager);
    let master = sentinels.servers()[0].port();
    assert_eq!(sentinels.master().port(), master);
    assert_eq!(work.end().len(), 0);
}

#[test]
fn without_sentinels_a_connect_fails_at_once_and_later_all_goes_on() {
    let sentinels = Sentinels::start().unwrap();
    let (manager, _) = connect(config(&sentinels));
    let work = Work::begin(manager);
    for sentinel in sentinels.sentinels() {
        sentinel.kill();
    }
    work.wait_for_more(Instant::now());
    let error = StreamManager::connect(sentinels.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for sentinel in sentinels.sentinels() {
        let address = sentinel.address().to_string();
        assert!(error.to_string().contains(&address), "{error}");
    }
    assert_eq!(work.end().len(), 0);
}

#[test]
fn a_master_that_nobody_knows_is_a_mistake() {
    let sentinels = Sentinels::start().unwrap();
    let url = sentinels.url().replace("mymaster", "other");
    let error = StreamManager::connect(url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("`other`"), "{error}");
}

#[test]
fn a_sentinel_in_the_place_of_the_server_names_the_url_that_is_meant() {
    let sentinels = Sentinels::start().unwrap();
    let error = StreamManager::connect(sentinels.sentinels()[0].url()).unwrap_err();
    assert!(error.to_string().contains("redis-sentinel://"), "{error}");
}

#[test]
fn a_server_in_the_place_of_a_sentinel_is_told() {
    let server = Server::start().unwrap();
    let url = format!("redis-sentinel://127.0.0.1:{}?master=m", server.port());
    let error = StreamManager::connect(url).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("it is no sentinel"), "{text}");
}

#[test]
fn a_sentinel_that_is_slow_holds_up_nothing() {
    let sentinels = Sentinels::start().unwrap();
    let slow = Proxy::in_front_of(&sentinels.sentinels()[0]);
    slow.hold(stream_tests::Direction::Replies);
    let mut ports: Vec<_> = sentinels.sentinels().iter().map(Server::port).collect();
    ports[0] = slow.port();
    let config = ConnectionConfig::new(sentinels.url_at(&ports)).unwrap();
    let (manager, _) = connect(config);
    let orders = StreamConfig::new("orders");
    manager.create_simple_producer("orders", orders).unwrap();
    let order = RawMessage::new().with("n", "1");
    manager.add_to("orders", &order).unwrap();
}

/// The warnings about writes that may be lost, of this thread.
fn warnings(log: &LogCapture) -> usize {
    let here = thread::current();
    let here = here.name().unwrap();
    let lines = log.containing("min-replicas-to-write is 0");
    lines.iter().filter(|line| line.thread == here).count()
}

#[test]
fn a_master_that_takes_writes_without_replicas_is_warned_of() {
    let log = LogCapture::start();
    let sentinels = Sentinels::start().unwrap();
    let (manager, _) = connect(config(&sentinels));
    assert_eq!(warnings(&log), 1);
    drop(manager);
    // One alone has no replicas to wait for.
    StreamManager::connect(sentinels.master().url()).unwrap();
    let master = sentinels.master();
    master.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    connect(config(&sentinels));
    assert_eq!(warnings(&log), 1);
    master.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    master.command::<()>(&["ACL", "SETUSER", "default", "-config"]);
    connect(config(&sentinels));
    assert_eq!(warnings(&log), 1);
}
