//! Holders whose entries were taken over, and members that take a living holder for dead.

use std::time::Duration;

use redis::Value;
use stream_lib::StreamManager;
use stream_tests::{Server, wait_until};

use crate::support::{DEADLINE, Gate, Order, ask, pending, quick, read_and_die};

const TAKE_OVER: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../../stream-lib/src/command/scripts/take_over.lua")
);

/// An acknowledgement that Redis refuses is sent again for as long as it takes. Meanwhile
/// another consumer has taken the entry, and leases are renewed.
#[test]
fn completion_that_is_sent_again_does_not_acknowledge_what_another_holds() {
    let server = Server::options()
        .user("clerk on nopass ~* &* +@all")
        .start()
        .unwrap();
    let url = format!("redis://clerk:any@127.0.0.1:{}", server.port());
    let manager = StreamManager::connect(url).unwrap();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let lease = Duration::from_secs(1);
    let consumer = manager
        .consume_fn::<Order>("c", quick("orders").lease(lease), move |_| {
            doorway.pass();
            Ok(())
        })
        .unwrap();
    ask::<()>(&server, "ACL SETUSER clerk -xack");
    ask::<String>(&server, "XADD orders * order_id 1 amount 1");
    wait_until(DEADLINE, "it to run", || consumer.stats().running == 1);
    gate.open();
    wait_until(DEADLINE, "its acknowledgement to be refused", || {
        consumer.held_up().is_some()
    });
    let id = pending(&server, "orders")[0].id.clone();
    ask::<Value>(&server, &format!("XCLAIM orders orders_group other 0 {id}"));
    // The other lives.
    let (now, _): (u64, u64) = ask(&server, "TIME");
    let till = (now + 3_600) * 1_000;
    ask::<u8>(
        &server,
        &format!("ZADD {{orders}}:members:orders_group {till} other"),
    );
    // Each renewal asks who holds it: a lease passes, and more, unless it is known to be
    // lost by then.
    let asked = server.calls("XPENDING");
    wait_until(DEADLINE, "some renewals", || {
        consumer.stats().lost == 1 || server.calls("XPENDING") >= asked + 12
    });
    ask::<()>(&server, "ACL SETUSER clerk +xack");
    wait_until(DEADLINE, "it to count as lost", || {
        let stats = consumer.stats();
        stats.lost + stats.completed == 1
    });
    assert_eq!(consumer.stats().lost, 1, "{}", consumer.stats());
    assert_eq!(holders(&server), ["other"]);
}

/// After the server's clock was set back, signs of life alone decide. A consumer that was
/// taken for dead, and has renewed its lease since, keeps its entry.
#[test]
fn entry_that_was_renewed_stays_though_its_holder_was_believed_dead() {
    let server = Server::start().unwrap();
    ask::<()>(&server, "XGROUP CREATE orders orders_group 0 MKSTREAM");
    ask::<String>(&server, "XADD orders * order_id 1 amount 1");
    ask::<String>(&server, "XADD orders * order_id 2 amount 1");
    read_and_die(&server, "frozen", 2);
    let ids: Vec<_> = pending(&server, "orders")
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    // The first was renewed a moment ago, the other not for long.
    ask::<Value>(
        &server,
        &format!(
            "XCLAIM orders orders_group frozen 0 {} IDLE 7200000 JUSTID",
            ids[1]
        ),
    );
    wait_until(DEADLINE, "a moment to pass", || {
        let idle: Vec<(String, String, u64, u64)> = ask(
            &server,
            &format!("XPENDING orders orders_group {0} {0} 1", ids[0]),
        );
        idle[0].2 > 0
    });
    // One is looked at in a step: the walk goes on behind the one that stays.
    let next = take_over_by_signs(&server, "-");
    assert_eq!(next, format!("({}", ids[0]));
    assert_eq!(holders(&server), ["frozen", "frozen"]);
    take_over_by_signs(&server, &next);
    assert_eq!(holders(&server), ["frozen", "rival"]);
}

/// One step of a takeover from `frozen` with a lease of an hour, in which idle times
/// don't count. Returns where it goes on.
#[track_caller]
fn take_over_by_signs(server: &Server, from: &str) -> String {
    let mut connection = server.connect().unwrap();
    let (lease, least_idle, look) = ("3600000", "0", "1");
    let reply: Vec<Value> = redis::cmd("EVAL")
        .arg(TAKE_OVER)
        .arg(&["2", "orders", "lock", "orders_group", "rival"])
        .arg(&[lease, least_idle, from, look])
        .arg(&["10", "10", "rival", "", "", "1", "frozen"])
        .query(&mut connection)
        .unwrap();
    redis::from_redis_value_ref(&reply[1]).unwrap()
}

fn holders(server: &Server) -> Vec<String> {
    let pending = pending(server, "orders").into_iter();
    pending.map(|entry| entry.consumer).collect()
}
