//! Looks after the first: they copy no entry that is known, and see all that changes.

use std::time::Duration;

use stream_lib::{ConnectionConfig, EntryId};
use stream_ops::observe::{GroupFacts, Observer, StreamFacts, look_at};
use stream_ops::server::Redis;
use stream_tests::{Cluster, Server};

use crate::support::{script, send};

fn redis(server: &Server) -> Redis {
    Redis::connect(ConnectionConfig::new(server.url()).unwrap()).unwrap()
}

fn observer(server: &Server) -> Observer {
    Observer::new(&redis(server), vec!["s".to_owned()])
}

/// A look at the only stream.
#[track_caller]
fn look(observer: &mut Observer) -> StreamFacts {
    observer.look().unwrap().streams.remove(0)
}

/// The facts without those that change by the clock.
fn still(mut facts: StreamFacts) -> StreamFacts {
    facts.at_ms = 0;
    for consumer in facts
        .groups
        .iter_mut()
        .flat_map(|group| &mut group.consumers)
    {
        consumer.idle_ms = None;
    }
    facts
}

fn run(server: &Server, line: &str) {
    send(server, &line.split(' ').collect::<Vec<_>>());
}

#[test]
fn entries_that_are_known_are_not_copied_again() {
    let server = Server::start().unwrap();
    let fill = "local large = string.rep('x', 1048576) for i = 1, 10 do \
                redis.call('XADD', 's' .. i, '*', 'body', large) \
                redis.call('XADD', 's' .. i, '*', 'body', large) \
                redis.call('XADD', '{s' .. i .. '}:dead', '*', 'body', large) \
                redis.call('XADD', '{p:0}', '*', 'body', large) \
                redis.call('XGROUP', 'CREATE', 's' .. i, 'g', '0') \
                redis.call('XGROUP', 'CREATE', 's' .. i, 'h', '$') end \
                redis.call('XGROUP', 'CREATE', '{p:0}', 'g', '0') \
                redis.call('HSET', '{p}:meta', 'partitions', 2)";
    script(&server, fill, "s1");
    let mut observer = Observer::new(&redis(&server), Vec::new());
    while !observer.find(Duration::from_millis(100)).unwrap() {}
    let first = observer.look().unwrap().streams;
    assert_eq!(first.len(), 11);
    let whole = server.calls("xinfo|stream");
    assert_eq!(whole, 21, "streams, dead letters, a partition");
    let mut bytes = 0;
    for _ in 0..3 {
        let again = observer.look().unwrap();
        let of_redis = again.cost.unwrap().of_redis;
        bytes = of_redis.sent + of_redis.received;
        assert!(of_redis.server_time.is_some());
        let again: Vec<_> = again.streams.into_iter().map(still).collect();
        assert_eq!(again, first.iter().cloned().map(still).collect::<Vec<_>>());
    }
    assert_eq!(server.calls("xinfo|stream"), whole);
    // The script itself would be more than that.
    assert!(bytes < 11 * 4_096, "{bytes} bytes for 11 streams");
}

/// Changes, each followed by a look.
const CHANGES: [&str; 25] = [
    "XGROUP CREATE s g 0",
    "XADD s * a 1",
    "XREADGROUP GROUP g me COUNT 1 STREAMS s >",
    "XREADGROUP GROUP g me COUNT 1 STREAMS s >",
    "XADD {s}:dead * a 1",
    "XADD {s}:dead * a 2",
    "XDEL {s}:dead 1-1",
    "XGROUP CREATE s late $",
    "XADD s * a 2",
    "XADD s MAXLEN = 4 * a 3",
    "XADD s MAXLEN = 4 * a 4",
    "XREADGROUP GROUP late me COUNT 9 STREAMS s >",
    "XGROUP SETID s late 0",
    "XGROUP SETID s late 9999999999999-0",
    "XGROUP SETID s late 18446744073709551615-18446744073709551615",
    "XTRIM s MAXLEN = 1",
    "XTRIM s MAXLEN = 0",
    "XADD s * a 5",
    "XREADGROUP GROUP g me COUNT 9 STREAMS s >",
    "XGROUP DESTROY s late",
    "DEL {s}:dead",
    "DEL s",
    "XADD s * a 6",
    "XADD s * a 7",
    "XGROUP CREATE s g $",
];

#[test]
fn each_change_shows_in_the_next_look() {
    let server = Server::start().unwrap();
    run(&server, "XADD s * a 0");
    run(&server, "XADD {s}:dead 1-1 a 0");
    let fresh = redis(&server);
    let mut observer = observer(&server);
    for change in CHANGES {
        run(&server, change);
        for _ in 0..2 {
            let found = still(look(&mut observer));
            assert_eq!(found, still(look_at(&fresh, "s").unwrap()), "{change}");
        }
    }
    // As many entries as before, and others.
    for _ in 0..5 {
        run(&server, "XADD s MAXLEN = 2 * a 8");
        let found = still(look(&mut observer));
        assert_eq!(found, still(look_at(&fresh, "s").unwrap()));
    }
}

fn group<'a>(facts: &'a StreamFacts, name: &str) -> &'a GroupFacts {
    facts.group(name).unwrap()
}

/// While a stream needs a rest: of its entries, no look copies any.
#[test]
fn counts_are_right_while_large_entries_are_not_copied() {
    let server = Server::start().unwrap();
    // Redis 7.0 counts these two as unread for good.
    for change in [
        "XADD s * a 1",
        "XADD s * a 2",
        "XADD s * a 3",
        "XGROUP CREATE s trimmed 0",
        "XREADGROUP GROUP trimmed me COUNT 1 STREAMS s >",
        "XTRIM s MAXLEN = 0",
    ] {
        run(&server, change);
    }
    let fill = "local large = string.rep('x', 2097152) for i = 1, 4 do \
                redis.call('XADD', KEYS[1], '*', 'body', large) end";
    script(&server, fill, "s");
    run(&server, "XGROUP CREATE s g 0");
    run(&server, "XREADGROUP GROUP g me COUNT 1 STREAMS s >");
    run(&server, "XREADGROUP GROUP trimmed me COUNT 9 STREAMS s >");
    let fresh = redis(&server);
    let mut observer = observer(&server);
    look(&mut observer);
    // The copies of fresh looks are counted, too.
    let whole = server.calls("xinfo|stream");
    let mut looks = 0;
    for change in [
        "XADD s * a 4",
        "XREADGROUP GROUP g me COUNT 1 STREAMS s >",
        "XREADGROUP GROUP trimmed me COUNT 9 STREAMS s >",
        "XADD s * a 5",
        "XADD s * a 6",
        "XREADGROUP GROUP g me COUNT 9 STREAMS s >",
        "XADD s MAXLEN = 2 * a 7",
        "XACK s g 1-1",
    ] {
        run(&server, change);
        let found = look(&mut observer);
        let exact = look_at(&fresh, "s").unwrap();
        looks += 1;
        assert_eq!(found.length, exact.length, "{change}");
        assert_eq!(found.added, exact.added, "{change}");
        assert!(found.last <= exact.last, "{change}");
        for name in ["g", "trimmed"] {
            let (found, exact) = (group(&found, name), group(&exact, name));
            assert_eq!(found.cursor, exact.cursor, "{change}");
            assert_eq!(found.pending, exact.pending, "{change}");
            assert_eq!(found.unread, exact.unread, "{change}: {name}");
            assert_eq!(
                found.oldest_unread_ms.is_some(),
                exact.oldest_unread_ms.is_some(),
                "{change}: {name}"
            );
            // The age is a bound.
            assert!(found.oldest_unread_ms <= exact.oldest_unread_ms, "{change}");
            assert!(
                found.oldest_unread_ms.unwrap_or(u64::MAX) >= found.cursor.ms(),
                "{change}"
            );
            assert!(exact.unread_is_exact || !found.unread_is_exact, "{change}");
        }
    }
    let others = server.calls("xinfo|stream") - whole - looks;
    // One look at most for every rest, however busy the machine.
    assert!(others < looks, "{others} of {looks}");
    assert!(look(&mut observer).first > Some(EntryId::MIN));
}

#[test]
fn each_master_of_a_cluster_is_sent_the_script_once() {
    let cluster = Cluster::start().unwrap();
    for node in cluster.masters() {
        let name = cluster.name_on(node, "s");
        send(node, &["XADD", &name, "*", "a", "1"]);
    }
    let redis = Redis::connect(ConnectionConfig::new(cluster.url()).unwrap()).unwrap();
    let mut observer = Observer::new(&redis, Vec::new());
    while !observer.find(Duration::from_millis(100)).unwrap() {}
    for _ in 0..3 {
        let look = observer.look().unwrap();
        assert_eq!(look.streams.len(), cluster.masters().len());
        assert!(look.streams.iter().all(|stream| stream.added == Some(1)));
    }
    for node in cluster.masters() {
        assert_eq!(node.calls("eval_ro"), 1);
        assert!(node.calls("evalsha_ro") >= 3);
        assert_eq!(node.calls("xinfo|stream"), 1);
    }
}
