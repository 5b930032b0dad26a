//! The addresses of nodes, as they announce them.

use stream_lib::{ConnectionConfig, ErrorKind, StreamConfig, StreamManager};
use stream_tests::{Certificates, Cluster, Server, ServerError, wait_until};

use super::support::{config, connect, message};
use crate::DEADLINE;

/// Adds to a stream of each node.
#[track_caller]
fn adds_everywhere(cluster: &Cluster, manager: &StreamManager) {
    for master in cluster.masters() {
        let stream = cluster.name_on(master, "orders");
        manager
            .create_simple_producer(&stream, StreamConfig::new(&stream))
            .unwrap();
        manager.add_to(&stream, &message(1)).unwrap();
        assert!(master.command::<u64>(&["XLEN", &stream]) > 0);
        manager.remove_producer(&stream).unwrap();
    }
}

#[test]
fn one_node_that_lives_is_enough_whatever_its_role() {
    let cluster = Cluster::options()
        .servers(|s| s.password("p@ss"))
        .start()
        .unwrap();
    let dead = cluster.servers()[4].port();
    cluster.servers()[4].kill();
    for seed in [0, 5] {
        let port = cluster.servers()[seed].port();
        let url = cluster.url_at(&[dead, port]);
        adds_everywhere(&cluster, &StreamManager::connect(url).unwrap());
    }
    let error = StreamManager::connect(cluster.url_at(&[dead])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains(&dead.to_string()), "{error}");

    let port = cluster.servers()[0].port();
    let wrong = format!("redis-cluster://:wrong@127.0.0.1:{port}");
    let error = StreamManager::connect(wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert!(!error.to_string().contains("wrong@"), "{error}");
}

#[test]
fn a_server_that_is_no_node_says_so() {
    let server = Server::start().unwrap();
    let url = format!("redis-cluster://127.0.0.1:{}", server.port());
    let error = StreamManager::connect(url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(
        error.to_string().contains("cluster support disabled"),
        "{error}"
    );
}

#[test]
fn all_seeds_are_asked_again_when_no_known_node_answers() {
    let cluster = Cluster::options().nodes(1, 0).start().unwrap();
    let manager = connect(&cluster);
    adds_everywhere(&cluster, &manager);
    let node = &cluster.servers()[0];
    node.kill();
    let stream = StreamConfig::new("orders");
    manager.create_simple_producer("p", stream).unwrap();
    assert!(manager.add_to("p", &message(1)).is_err());
    node.restart();
    wait_until(DEADLINE, "the node to be found again", || {
        manager.add_to("p", &message(2)).is_ok()
    });
}

#[test]
fn names_that_lead_nowhere_are_mapped() {
    let cluster = Cluster::options().hostname("node.invalid").start().unwrap();
    let map = cluster.address_map();
    let config = config(&cluster).map_address(move |host, port| map.reachable(host, port));
    adds_everywhere(&cluster, &StreamManager::connect_with(config).unwrap());
}

#[test]
#[cfg(target_os = "linux")]
fn addresses_that_can_not_be_reached_are_mapped() {
    let cluster = Cluster::options().unreachable().start().unwrap();
    let map = cluster.address_map();
    let config = config(&cluster).map_address(move |host, port| map.reachable(host, port));
    adds_everywhere(&cluster, &StreamManager::connect_with(config).unwrap());
}

#[test]
fn nodes_that_tell_only_their_ports_are_where_they_were_reached() {
    let cluster = Cluster::options().unknown_endpoint().start().unwrap();
    let manager = connect(&cluster);
    adds_everywhere(&cluster, &manager);
    // MOVED and ASK have no host either.
    let stream = StreamConfig::new("orders");
    manager.create_simple_producer("p", stream).unwrap();
    let from = cluster.node_of("orders");
    let to = super::support::other_than(&cluster, from);
    let moving = cluster.reshard(cluster.slot_of("orders"), to);
    manager.add_to("p", &message(1)).unwrap();
    moving.move_rest();
    manager.add_to("p", &message(2)).unwrap();
    moving.finish();
    manager.add_to("p", &message(3)).unwrap();
    assert_eq!(to.command::<u64>(&["XLEN", "orders"]), 3);
}

#[test]
fn nodes_without_a_name_are_told_of() {
    let cluster = Cluster::options()
        .without_hostname()
        .nodes(1, 0)
        .start()
        .unwrap();
    let config = config(&cluster).connect_timeout(std::time::Duration::from_secs(1));
    let error = StreamManager::connect_with(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("name"), "{error}");
}

#[test]
fn nodes_speak_tls() {
    let certificates = Certificates::generate();
    let files = certificates.server(false);
    let started = Cluster::options()
        .servers(|server| server.tls(files))
        .start();
    let cluster = match started {
        Ok(cluster) => cluster,
        Err(e @ ServerError::NoTls { .. }) => {
            eprintln!("not tested: {e}");
            return;
        }
        Err(e) => panic!("{e}"),
    };
    let config = ConnectionConfig::new(cluster.url()).unwrap();
    let config = config.tls_root_certificates_file(certificates.ca());
    adds_everywhere(&cluster, &StreamManager::connect_with(config).unwrap());
}
