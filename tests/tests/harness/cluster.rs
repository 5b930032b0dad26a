//! A cluster: its start, its failovers, slots that move, and its end.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use redis::{RedisResult, Value};
use rustix::process::{Pid, test_kill_process};
use stream_tests::{Certificates, Cluster, Fsync, Server, ServerError, wait_until};

use crate::DEADLINE;

/// A failover on a busy machine.
const SWITCH: Duration = Duration::from_mins(1);

fn set(server: &Server, key: &str) -> RedisResult<Value> {
    server.try_command(&["SET", key, "1"])
}

fn has(server: &Server, key: &str) -> bool {
    server.command(&["EXISTS", key])
}

/// What the map of a node tells of the first node of its first range: host and port.
fn told(server: &Server) -> (Option<String>, u16) {
    let ranges: Vec<Vec<Value>> = server.command(&["CLUSTER", "SLOTS"]);
    let Some([_, _, Value::Array(node), ..]) = ranges.first().map(Vec::as_slice) else {
        panic!("{ranges:?}");
    };
    let [host, port, ..] = node.as_slice() else {
        panic!("{ranges:?}");
    };
    let host = redis::from_redis_value_ref(host).unwrap();
    (host, redis::from_redis_value_ref(port).unwrap())
}

#[test]
fn all_nodes_know_each_other_at_the_start_and_go_with_their_owner() {
    let cluster = Cluster::start().unwrap();
    assert_eq!(cluster.servers().len(), 6);
    let masters = cluster.masters();
    assert_eq!(masters.len(), 3);
    for (index, master) in masters.into_iter().enumerate() {
        assert_eq!(master.port(), cluster.servers()[index].port());
        assert!(cluster.url().contains(&format!(":{}", master.port())));
        let name = cluster.name_on(master, "orders");
        assert_eq!(cluster.node_of(&name).port(), master.port());
        let slot: u16 = master.command(&["CLUSTER", "KEYSLOT", &name]);
        assert_eq!(cluster.slot_of(&format!("{{{name}}}:dead")), slot);
        set(master, &name).unwrap();
        assert_eq!(master.command::<u64>(&["WAIT", "1", "10000"]), 1);
        let replica = cluster.replica_of(master).unwrap();
        assert_eq!(set(replica, &name).unwrap_err().code(), Some("MOVED"));
    }

    cluster.servers()[0].freeze();
    let members = cluster.servers().iter();
    let members: Vec<_> = members
        .map(|m| (m.pid().unwrap(), m.dir().to_path_buf()))
        .collect();
    drop(cluster);
    for (pid, dir) in members {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        assert!(test_kill_process(pid).is_err());
        assert!(!dir.exists());
    }
}

#[test]
fn a_killed_master_is_replaced_and_comes_back_as_a_replica_of_the_cluster() {
    let cluster = Cluster::start().unwrap();
    let old = cluster.node_of("orders");
    let slot = cluster.slot_of("orders");
    let watch = cluster.watch(slot, old);
    old.kill();
    watch.wait(SWITCH);
    let new = cluster.wait_for_switch(slot, old);
    assert_eq!(cluster.node_of("orders").port(), new.port());
    old.restart();
    cluster.wait_until_whole();
    assert_eq!(cluster.replica_of(new).unwrap().port(), old.port());
}

#[test]
fn a_frozen_master_is_replaced_and_a_planned_failover_gives_it_back() {
    let cluster = Cluster::start().unwrap();
    let old = cluster.node_of("orders");
    let slot = cluster.slot_of("orders");
    old.freeze();
    let new = cluster.wait_for_switch(slot, old);
    old.thaw();
    cluster.wait_until_whole();
    assert_eq!(cluster.failover(new).port(), old.port());
    cluster.wait_until_whole();
    assert_eq!(cluster.node_of("orders").port(), old.port());
}

#[test]
fn a_slot_moves_step_by_step() {
    let cluster = Cluster::start().unwrap();
    let from = cluster.node_of("orders");
    let to = cluster.masters()[usize::from(from.port() == cluster.masters()[0].port())];
    let slot = cluster.slot_of("orders");
    for key in ["orders", "{orders}:dead", "{orders}:meta"] {
        set(from, key).unwrap();
    }

    let moving = cluster.reshard(slot, to);
    assert_eq!(
        (moving.from().port(), moving.to().port()),
        (from.port(), to.port())
    );
    moving.move_keys(&["orders", "{orders}:none"]);
    assert_eq!(moving.keys_left().len(), 2);
    let ask = |key| set(from, key).unwrap_err().code().map(str::to_owned);
    assert_eq!(ask("orders").as_deref(), Some("ASK"));
    let both = from.try_command::<Value>(&["MGET", "orders", "{orders}:meta"]);
    assert_eq!(both.unwrap_err().code(), Some("TRYAGAIN"));
    set(from, "{orders}:dead").unwrap();
    moving.finish();
    assert!(has(to, "orders") && has(to, "{orders}:meta"));
    assert_eq!(cluster.node_of("orders").port(), to.port());
    cluster.wait_until_whole();

    // One that is called off leaves the slot where it is.
    cluster.reshard(slot, from).abandon();
    set(to, "orders").unwrap();
    if cluster.migrate_atomically(slot, from) {
        assert!(has(from, "{orders}:dead"));
    }
    cluster.wait_until_whole();
}

#[test]
fn a_node_comes_back_with_its_data_or_without_it() {
    let cluster = Cluster::options()
        .servers(|server| server.appendonly(Fsync::Always))
        .node_timeout(Duration::from_mins(1))
        .start()
        .unwrap();
    let node = cluster.node_of("orders");
    set(node, "orders").unwrap();
    node.restart();
    cluster.wait_until_whole();
    assert!(has(node, "orders"));
    cluster.restart_empty(node);
    cluster.wait_until_whole();
    assert!(!has(node, "orders"));
}

#[test]
fn a_password_holds_for_all_nodes() {
    let cluster = Cluster::options()
        .servers(|server| server.password("p@ss"))
        .start()
        .unwrap();
    assert!(cluster.url().contains("//:p%40ss@127.0.0.1:"));
    let from = cluster.node_of("orders");
    set(from, "orders").unwrap();
    let to = cluster.masters()[usize::from(from.port() == cluster.masters()[0].port())];
    cluster.reshard(cluster.slot_of("orders"), to).finish();
    assert!(has(cluster.node_of("orders"), "orders"));
    assert_ne!(cluster.node_of("orders").port(), from.port());
}

#[test]
fn nodes_tell_names_unknown_names_or_nothing() {
    let named = Cluster::options().hostname("node.invalid");
    let named = named.nodes(1, 1).start().unwrap();
    let (host, port) = told(&named.servers()[1]);
    assert_eq!(host.as_deref(), Some("node.invalid"));
    let (host, port) = named.address_map().reachable("node.invalid", port);
    assert_eq!(
        (host.as_str(), port),
        ("127.0.0.1", named.servers()[0].port())
    );

    let unnamed = Cluster::options().without_hostname().nodes(1, 1);
    let unnamed = unnamed.start().unwrap();
    assert_eq!(told(&unnamed.servers()[1]).0.as_deref(), Some("?"));

    let unknown = Cluster::options().unknown_endpoint().nodes(1, 1);
    let unknown = unknown.start().unwrap();
    let (host, port) = told(&unknown.servers()[1]);
    assert_eq!((host, port), (None, unknown.servers()[0].port()));
}

#[test]
#[cfg(target_os = "linux")]
fn clients_do_not_reach_unreachable_nodes_where_they_announce_themselves() {
    let cluster = Cluster::options().unreachable().start().unwrap();
    let node = cluster.node_of("orders");
    let (host, port) = told(node);
    let mut client = TcpStream::connect((host.as_deref().unwrap(), port)).unwrap();
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
    let map = cluster.address_map();
    let announced = cluster.proxy_of(node).unwrap().port();
    assert_eq!(map.reachable("127.0.0.1", announced).1, node.port());
    let slot = cluster.slot_of("orders");
    node.kill();
    let new = cluster.wait_for_switch(slot, node);
    wait_until(DEADLINE, "the new master to answer", || {
        set(new, "orders").is_ok()
    });
}

#[test]
fn nodes_speak_tls_where_they_are_told_to() {
    let certificates = Certificates::generate();
    let files = certificates.server(false);
    let started = Cluster::options().servers(|server| server.tls(files));
    let cluster = match started.start() {
        Ok(cluster) => cluster,
        Err(e @ ServerError::NoTls { .. }) => {
            eprintln!("not tested: {e}");
            return;
        }
        Err(e) => panic!("{e}"),
    };
    let from = cluster.node_of("orders");
    assert!(cluster.url().starts_with("rediss-cluster://"));
    let port = from.tls_port().unwrap();
    assert!(cluster.url().contains(&format!(":{port}")));
    set(from, "orders").unwrap();
    let to = cluster.masters()[usize::from(from.port() == cluster.masters()[0].port())];
    let slot = cluster.slot_of("orders");
    cluster.reshard(slot, to).finish();
    assert!(has(to, "orders"));
    to.kill();
    assert_ne!(cluster.wait_for_switch(slot, to).port(), from.port());
}
