//! Rules of single scripts that other tests don't reach for certain.

use stream_tests::Server;

use crate::support::{ask, pending};

const PARK: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../../stream-lib/src/command/scripts/park.lua")
);
const BEAT: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../../stream-lib/src/command/scripts/beat.lua")
);
const MOVE_DUE: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../../stream-lib/src/command/scripts/move_due.lua")
);

const WAITING: &str = "{orders}:waiting:orders_group";
const MEMBERS: &str = "{orders}:members:orders_group";
const META: &str = "{orders}:meta";

fn server_ms(server: &Server) -> u64 {
    let (seconds, micros): (u64, u64) = ask(server, "TIME");
    seconds * 1_000 + micros / 1_000
}

fn score(server: &Server, set: &str, member: &str) -> u64 {
    server.command(&["ZSCORE", set, member])
}

/// A stalled server may carry out a request after its client has given it up.
#[test]
fn park_of_an_earlier_delivery_leaves_a_later_one_of_the_same_consumer_alone() {
    let server = Server::start().unwrap();
    let id: String = ask(&server, "XADD orders * order_id 1");
    ask::<()>(&server, "XGROUP CREATE orders orders_group 0");
    ask::<redis::Value>(&server, "XREADGROUP GROUP orders_group me STREAMS orders >");
    let park = |delivery: &str| -> Vec<i64> {
        let keys = ["EVAL", PARK, "2", "orders", "{orders}:waiting:orders_group"];
        let args = ["orders_group", "me", &id, delivery, "0", ""];
        server.command(&[&keys[..], &args[..]].concat())
    };
    let owner = || pending(&server, "orders").remove(0).consumer;
    assert_eq!((park("1"), owner().as_str()), (vec![1], "~waiting"));
    assert_eq!(park("1"), [2]);
    ask::<redis::Value>(&server, &format!("XCLAIM orders orders_group me 0 {id}"));
    assert_eq!((park("1"), owner().as_str()), (vec![2], "me"));
    assert_eq!((park("2"), owner().as_str()), (vec![1], "~waiting"));
    ask::<redis::Value>(&server, &format!("XCLAIM orders orders_group me 0 {id}"));
    assert_eq!((park("0"), owner().as_str()), (vec![1], "~waiting"));
}

/// A small step looks like the next sign of a member that gave one just now.
#[test]
fn sign_of_life_moves_those_of_others_only_after_a_step_beyond_their_leases() {
    let server = Server::start().unwrap();
    let now = server_ms(&server);
    let give = |back: &str| {
        let lease = "60000";
        let words = ["EVAL", BEAT, "1", MEMBERS, "me", lease, "3600000", back];
        server.command::<redis::Value>(&words);
    };
    let fresh = (now + 60_000).to_string();
    server.command::<()>(&["ZADD", MEMBERS, &fresh, "fresh"]);
    give("30000");
    assert_eq!(score(&server, MEMBERS, "fresh"), now + 60_000);
    // From before a step of an hour, and since.
    let before = (now + 3_660_000).to_string();
    server.command::<()>(&["ZADD", MEMBERS, &before, "before"]);
    give("3600000");
    assert_eq!(score(&server, MEMBERS, "before"), now + 60_000);
    assert_eq!(score(&server, MEMBERS, "fresh"), now + 60_000);
}

/// Else they would be moved once more by the next member that notices.
#[test]
fn due_times_stay_where_their_move_can_not_be_counted() {
    let server = Server::start().unwrap();
    server.command::<()>(&["ZADD", WAITING, "5000000", "1-0"]);
    let rules = "ACL SETUSER clerk on nopass ~* +@all -hset";
    ask::<()>(&server, rules);
    let move_as = |user: &str| -> redis::RedisResult<redis::Value> {
        let mut connection = server.connect().unwrap();
        redis::cmd("AUTH")
            .arg(user)
            .arg("")
            .exec(&mut connection)
            .unwrap();
        redis::cmd("EVAL")
            .arg(&[MOVE_DUE, "2", WAITING, META])
            .arg(&["orders_group", "0", "1000000", "", "100"])
            .query(&mut connection)
    };
    assert!(move_as("clerk").is_err());
    assert_eq!(score(&server, WAITING, "1-0"), 5_000_000);
    ask::<()>(&server, "ACL SETUSER clerk +hset");
    move_as("clerk").unwrap();
    assert_eq!(score(&server, WAITING, "1-0"), 4_000_000);
    // Another one that notices knows of no move yet.
    move_as("clerk").unwrap();
    assert_eq!(score(&server, WAITING, "1-0"), 4_000_000);
}
