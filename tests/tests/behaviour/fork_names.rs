//! Names of consumers in forked processes.

use std::hash::RandomState;
use std::path::Path;
use std::process::{Command, exit};
use std::{env, fs};

use fork::{Fork, fork, waitpid};
use stream_lib::{ConsumerConfig, RawMessage, StreamManager};
use stream_tests::Server;
use tempfile::TempDir;

const DIRECTORY: &str = "STREAM_TESTS_FORK_NAMES_DIRECTORY";
const URL: &str = "STREAM_TESTS_FORK_NAMES_URL";
const FORKS: usize = 5;

/// They begin with the same keys of the random numbers.
#[test]
fn processes_that_were_forked_off_one_give_their_consumers_different_names() {
    let server = Server::start().unwrap();
    let dir = TempDir::new().unwrap();
    let mut parent = Command::new(env::current_exe().unwrap());
    parent
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("fork_names::life_of_a_parent_of_many")
        .env(DIRECTORY, dir.path())
        .env(URL, server.url());
    assert!(parent.status().unwrap().success());
    let names: Vec<String> = (0..FORKS)
        .map(|child| fs::read_to_string(dir.path().join(child.to_string())).unwrap())
        .collect();
    let mut different = names.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), FORKS, "{names:?}");
}

#[test]
#[ignore = "run by the test beside it, in a process of its own"]
fn life_of_a_parent_of_many() {
    let (Ok(directory), Ok(url)) = (env::var(DIRECTORY), env::var(URL)) else {
        return;
    };
    // This thread has the keys of its random numbers from now on.
    let _ = RandomState::new();
    let mut children = Vec::new();
    for child in 0..FORKS {
        match fork().unwrap() {
            Fork::Child => {
                let name = consumer_name(&url);
                fs::write(Path::new(&directory).join(child.to_string()), name).unwrap();
                exit(0);
            }
            Fork::Parent(pid) => children.push(pid),
        }
    }
    for pid in children {
        assert_eq!(waitpid(pid).unwrap(), 0);
    }
}

fn consumer_name(url: &str) -> String {
    let manager = StreamManager::connect(url).unwrap();
    let config = ConsumerConfig::new("orders").consumer("label");
    let consumer = manager
        .consume_fn::<RawMessage>("c", config, |_| Ok(()))
        .unwrap();
    let name = consumer.name().unwrap();
    manager.shutdown();
    name
}
