//! The members of a group, and their facts.

use std::collections::BTreeMap;
use std::time::Duration;

use stream_lib::{ConnectionConfig, ConsumerConfig, HandlerError, Member, StreamManager};
use stream_tests::{LogCapture, Server, wait_for, wait_until};

use super::LEASE;
use crate::support::{DEADLINE, Gate, Order, Seen, Shop, noting, order, quick, read_and_die};

#[track_caller]
fn members(manager: &StreamManager) -> BTreeMap<String, Member> {
    let members = manager.members("orders", "orders_group").unwrap();
    members
        .into_iter()
        .map(|member| (member.name.clone(), member))
        .collect()
}

#[track_caller]
fn facts_in_redis(server: &Server) -> BTreeMap<String, String> {
    server.command(&["HGETALL", "{orders}:facts:orders_group"])
}

#[test]
fn a_member_says_what_it_is_and_how_it_fares() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url()).unwrap();
    let config = config.program("billing").program_version("1.4.2");
    let manager = StreamManager::connect_with(config).unwrap();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let consumer = manager
        .consume_fn::<Order>("c", quick("orders").lease(LEASE).workers(3), move |order| {
            match &*order.order_id {
                "dead" => Err(HandlerError::permanent("no such customer").into()),
                "waits" => {
                    doorway.pass();
                    Ok(())
                }
                _ => Ok(()),
            }
        })
        .unwrap();
    for id in ["1", "2", "dead", "waits"] {
        manager.add(&order(id)).unwrap();
    }
    let name = consumer.name().unwrap();
    let member = wait_for(DEADLINE, "the member to tell of all this", || {
        let member = members(&manager).remove(&name)?;
        let facts = member.facts.as_ref()?;
        let is_all = facts.completed == 2 && facts.failed == 1 && facts.running == 1;
        let is_all = is_all && member.alive == Some(true);
        (is_all && facts.longest_running.is_some() && facts.last_error.is_some()).then_some(member)
    });
    assert_eq!(member.alive, Some(true));
    assert!(member.last_beat < Some(DEADLINE), "{member:?}");
    assert_eq!(member.pending, 1);
    let facts = member.facts.unwrap();
    assert_eq!(facts.program, "billing");
    assert_eq!(facts.version.as_deref(), Some("1.4.2"));
    assert_eq!((facts.workers, facts.lease), (3, LEASE));
    assert!(facts.p50.is_some() && facts.p50 <= facts.p99);
    assert_eq!(facts.last_error.as_deref(), Some("no such customer"));
    let in_redis = facts_in_redis(&server);
    assert!(in_redis[&name].len() < 400, "{in_redis:?}");

    drop(gate);
    consumer.stop();
    assert_eq!(facts_in_redis(&server), BTreeMap::new());
    assert!(members(&manager).is_empty());
}

#[test]
fn facts_go_with_the_signs_of_their_members() {
    let shop = Shop::open();
    // One that has died long ago, one whose sign an older version has removed, and one
    // that lives.
    for (name, till) in [("dead", "1"), ("alive", "9999999999999")] {
        shop.ask::<u8>(&format!(
            "ZADD {{orders}}:members:orders_group {till} {name}"
        ));
    }
    for name in ["dead", "stray", "alive"] {
        shop.ask::<u8>(&format!(
            "HSET {{orders}}:facts:orders_group {name} {{\"workers\":1}}"
        ));
    }
    let seen = Seen::default();
    let config = quick("orders").lease(LEASE);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    let mut expected = ["alive".to_owned(), consumer.name().unwrap()];
    expected.sort();
    wait_until(DEADLINE, "those of the others to go", || {
        facts_in_redis(&shop.server)
            .into_keys()
            .eq(expected.iter().cloned())
    });

    shop.manager.remove_consumer("c").unwrap();
    shop.ask::<u8>("ZREM {orders}:members:orders_group alive");
    shop.manager.remove_group("orders", "orders_group").unwrap();
    assert_eq!(facts_in_redis(&shop.server), BTreeMap::new());
    shop.ask::<u8>("HSET {orders}:facts:orders_group stray 1");
    shop.ask::<()>("XGROUP CREATE orders orders_group 0 MKSTREAM");
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert_eq!(shop.ask::<Vec<String>>("KEYS *"), [""; 0]);
}

#[test]
fn consumers_of_other_libraries_are_members_that_say_nothing() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 2);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    read_and_die(&shop.server, "redis-py", 2);
    shop.ask::<u8>("ZADD {orders}:members:orders_group 1 lapsed");
    shop.ask::<u8>("HSET {orders}:facts:orders_group lapsed no-json");
    let members = members(&shop.manager);
    let names: Vec<_> = members.keys().collect();
    assert_eq!(names, ["lapsed", "redis-py"]);
    let other = &members["redis-py"];
    assert_eq!((other.alive, other.pending, &other.facts), (None, 2, &None));
    assert!(other.idle.is_some() && other.last_beat.is_none());
    let lapsed = &members["lapsed"];
    assert_eq!(
        (lapsed.alive, lapsed.idle, &lapsed.facts),
        (Some(false), None, &None)
    );
    assert!(shop.manager.members("nothing", "g").unwrap().is_empty());
}

#[test]
fn members_of_partitions_say_it_beside_the_stream() {
    let shop = Shop::open();
    shop.ask::<u64>("HSET {orders}:meta partitions 4");
    let seen = Seen::default();
    let config = quick("orders").lease(Duration::from_millis(900));
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    wait_until(DEADLINE, "all partitions", || {
        consumer.partitions().is_some_and(|owned| owned.len() == 4)
    });
    // The first facts are told before the threads start: later ones come with each sign.
    for partition in 0..4 {
        shop.add_by_hand(&format!("{{orders:{partition}}}"), 2);
    }
    seen.wait_for(8);
    let name = consumer.name().unwrap();
    let member = wait_for(DEADLINE, "its facts", || {
        members(&shop.manager).remove(&name).filter(|member| {
            let facts = member.facts.as_ref();
            facts.is_some_and(|facts| facts.completed == 8)
                && (member.alive, member.pending) == (Some(true), 0)
                && member.idle.is_some()
        })
    });
    assert_eq!((member.alive, member.pending), (Some(true), 0));
    let keys: Vec<String> = shop.ask("KEYS *:facts:*");
    assert_eq!(keys, ["{orders}:facts:orders_group"]);
    consumer.stop();
    assert_eq!(shop.ask::<Vec<String>>("KEYS *:facts:*"), [""; 0]);
}

#[test]
fn without_the_right_to_the_facts_a_consumer_works_in_silence() {
    let log = LogCapture::start();
    let rights = "~orders-mute ~{orders-mute}:* +@all -hset -hdel";
    let server = Server::options()
        .user(&format!("clerk on >secret {rights}"))
        .start()
        .unwrap();
    let url = format!("redis://clerk:secret@{}", server.address());
    let manager = StreamManager::connect(url).unwrap();
    let seen = Seen::default();
    let config: ConsumerConfig = quick("orders-mute").lease(LEASE);
    let consumer = manager.consume("c", config, noting(&seen)).unwrap();
    server.command::<String>(&["XADD", "orders-mute", "*", "order_id", "1", "amount", "1"]);
    seen.wait_for(1);
    let members = manager.members("orders-mute", "orders-mute_group").unwrap();
    assert_eq!((members.len(), &members[0].facts), (1, &None));
    assert_eq!(members[0].alive, Some(true));
    consumer.stop();
    let lines = log.containing("held up");
    let own = |line: &&stream_tests::LogLine| line.text.contains("orders-mute");
    assert_eq!(lines.iter().filter(own).count(), 0, "{lines:?}");
    let left: Vec<String> = server.command(&["KEYS", "*:members:*"]);
    assert!(left.is_empty(), "the sign went: {left:?}");
}
