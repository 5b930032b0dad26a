//! Facts about the server that the library checks and reports.

use stream_lib::{ConnectionConfig, StreamConfig, StreamManager};
use stream_tests::{LogCapture, Server, wait_until};

use crate::support::{DEADLINE, order};

#[test]
fn policy_that_evicts_whole_streams_is_warned_of_once() {
    let log = LogCapture::start();
    let warnings = || log.containing("maxmemory-policy is `allkeys-lfu`").len();
    let server = Server::options()
        .config("maxmemory-policy", "allkeys-lfu")
        .start()
        .unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager.add(&order("1")).unwrap();
    assert_eq!(warnings(), 1);

    // A manager that connects later looks when it has something to tend.
    let config = ConnectionConfig::new(server.url()).unwrap();
    let lazy = StreamManager::connect_lazy(config).unwrap();
    assert_eq!(warnings(), 1);
    let config = StreamConfig::new("orders").max_length(500);
    lazy.create_simple_producer("p", config).unwrap();
    wait_until(DEADLINE, "the second warning", || warnings() == 2);
    let config = StreamConfig::new("orders").max_length(600);
    lazy.create_simple_producer("q", config).unwrap();
    wait_until(DEADLINE, "the settings to be stored", || {
        let settings: Vec<String> = server.command(&["HVALS", "{orders}:meta"]);
        settings.iter().any(|value| value.contains("600"))
    });
    assert_eq!(warnings(), 2);
}

#[test]
fn server_that_does_not_say_what_it_is_will_do() {
    let log = LogCapture::start();
    let connects = |hidden: &[&str]| {
        let mut options = Server::options();
        for command in hidden {
            options = options.without_command(command);
        }
        let server = options.start().unwrap();
        let manager = StreamManager::connect(server.url()).unwrap();
        manager.add(&order("1")).unwrap();
        let own = "server::server_that_does_not_say";
        let said = log.matching(|line| {
            line.thread.starts_with(own) && line.text.starts_with("connected to ")
        });
        said.last().unwrap().text.clone()
    };
    let known = connects(&[]);
    assert_eq!(connects(&["INFO"]), known);
    assert_eq!(connects(&["CONFIG"]), known);
    assert_eq!(connects(&["INFO", "HELLO"]), "connected to Redis 7.0.0");
}
