//! The cost of looking, and its limits.

use std::time::Duration;

use stream_lib::ConnectionConfig;
use stream_ops::observe::{Observer, Poller};
use stream_ops::server::Redis;
use stream_tests::{Server, wait_until};

use crate::support::{script, send};

const DEADLINE: Duration = Duration::from_secs(60);

fn redis(server: &Server) -> Redis {
    Redis::connect(ConnectionConfig::new(server.url()).unwrap()).unwrap()
}

fn sent_bytes(server: &Server) -> u64 {
    let info: String = server.command(&["INFO", "stats"]);
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn a_look_at_large_entries_brings_none_of_them() {
    let server = Server::start().unwrap();
    let fill = "local large = string.rep('x', 1048576) for i = 1, 50 do \
                redis.call('XADD', 's' .. i, '*', 'body', large) \
                redis.call('XADD', 's' .. i, '*', 'body', large) \
                redis.call('XGROUP', 'CREATE', 's' .. i, 'g', '0') \
                redis.call('XGROUP', 'CREATE', 's' .. i, 'h', '$') end";
    script(&server, fill, "s1");
    let mut observer = Observer::new(&redis(&server), Vec::new());
    while !observer.find(Duration::from_millis(100)).unwrap() {}
    observer.look().unwrap();
    let before = sent_bytes(&server);
    let look = observer.look().unwrap();
    let bytes = sent_bytes(&server) - before;
    assert_eq!(look.streams.len(), 50);
    assert_eq!(look.streams[0].groups[0].unread, Some(2));
    // INFO is the same for any number of streams.
    assert!(bytes < 50 * 4_096, "{bytes} bytes for 50 streams");
}

#[test]
fn entries_are_compared_with_their_schema_without_bringing_large_ones() {
    let server = Server::start().unwrap();
    let fill = "local large = string.rep('x', 1048576) \
                redis.call('XADD', KEYS[1], '*', 'order_id', 'A-1', 'amount', '1,5', 'pin', 'SECRET') \
                redis.call('XADD', KEYS[1], '*', 'order_id', large, 'amount', 'x') \
                redis.call('XADD', KEYS[1], '*', 'order_id', 'A-2', 'amount', 'x', 'pin', 'SECRET')";
    script(&server, fill, "orders");
    let schema = r#"{"first_seen":1,"last_seen":1,"producers":true,"consumers":true,"program":"p",
        "schema":{"name":"Order","fields":[{"name":"order_id","type":"String"},
        {"name":"pin","type":"u64","sensitive":true},{"name":"amount","type":"f64"}]}}"#;
    send(
        &server,
        &["HSET", "{orders}:schema", "00000000000000aa", schema],
    );
    let mut observer = Observer::new(&redis(&server), vec!["orders".to_owned()]);
    let before = sent_bytes(&server);
    let look = observer.look().unwrap();
    let bytes = sent_bytes(&server) - before;
    assert!(bytes < 64 << 10, "{bytes} bytes");
    let misfits = look.streams[0].misfits.clone().unwrap();
    // The answer for the large stream is cut off, and streams after it have no facts.
    assert_eq!((misfits.looked, misfits.count), (1, 1));
    let example = misfits.example.unwrap();
    assert!(example.ends_with(": pin (schema Order)"), "{example}");
    assert!(!example.contains("SECRET"), "{example}");
    // The stream isn't looked for again within a minute.
    send(
        &server,
        &[
            "XADD", "orders", "*", "order_id", "A", "amount", "1", "pin", "1",
        ],
    );
    let before = observer.look().unwrap().streams[0].misfits.clone();
    assert_eq!(before.map(|misfits| misfits.looked), Some(1));
}

#[test]
fn a_poller_goes_on_through_an_outage() {
    let server = Server::start().unwrap();
    send(
        &server,
        &["XGROUP", "CREATE", "orders", "g", "0", "MKSTREAM"],
    );
    let observer = Observer::new(&redis(&server), Vec::new());
    let poller = Poller::start(observer, Duration::from_millis(100)).unwrap();
    let looks = |poller: &Poller| {
        poller.read(|history| {
            let group = history.track("orders").and_then(|track| track.group("g"));
            group.map_or(0, |group| group.lately().count())
        })
    };
    wait_until(DEADLINE, "two looks", || looks(&poller) >= 2);
    server.kill();
    let is_out = |poller: &Poller| poller.read(|history| history.outage().is_some());
    wait_until(DEADLINE, "an outage", || is_out(&poller));
    // The last facts stay known.
    assert_eq!(poller.read(|history| history.latest().streams.len()), 1);
    server.restart();
    wait_until(DEADLINE, "its end", || !is_out(&poller));
    // The server came back empty.
    wait_until(DEADLINE, "a look", || {
        poller.read(|history| history.latest().streams.is_empty())
    });
}
