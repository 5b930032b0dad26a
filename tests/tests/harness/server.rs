//! A private server's life: start, stop, kill, freeze, restart, and its end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, test_kill_process};
use stream_tests::{Fsync, Program, Server, ServerHandle, wait_until};

use crate::DEADLINE;

fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}

#[test]
fn a_started_server_answers_on_tcp_and_on_its_socket() {
    let server = Server::start().unwrap();
    for url in [server.url(), server.unix_url()] {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        let pong: String = redis::cmd("PING").query(&mut connection).unwrap();
        assert_eq!(pong, "PONG");
    }
    assert!(server.log().contains("Ready to accept connections"));
}

#[test]
fn many_servers_run_side_by_side() {
    thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Server::start().unwrap()))
            .collect();
        let servers: Vec<_> = starts.into_iter().map(|s| s.join().unwrap()).collect();
        for (n, server) in servers.iter().enumerate() {
            server.command::<()>(&["SET", "who", &n.to_string()]);
        }
        for (n, server) in servers.iter().enumerate() {
            assert_eq!(server.command::<usize>(&["GET", "who"]), n);
        }
    });
}

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = Server::start().unwrap();
    let (pid, dir) = (server.pid().unwrap(), server.dir().to_path_buf());
    assert!(exists(pid) && dir.is_dir());
    drop(server);
    assert!(!exists(pid));
    assert!(!dir.exists());
}

#[test]
fn a_panic_takes_the_server_down() {
    let (sender, receiver) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        scope
            .spawn(move || {
                let server = Server::start().unwrap();
                let facts = (server.pid().unwrap(), server.dir().to_path_buf());
                sender.send(facts).unwrap();
                panic!("as a failing test does");
            })
            .join()
    });
    assert!(outcome.is_err());
    let (pid, dir) = receiver.recv().unwrap();
    assert!(!exists(pid));
    assert!(!dir.exists());
}

#[test]
fn a_killed_owner_takes_its_server_along() {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_private-server"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let mut fact = |name: &str| {
        let line = lines.find(|line| line.as_ref().is_ok_and(|l| l.starts_with(name)));
        line.unwrap().unwrap().split_off(name.len())
    };
    let pid: u32 = fact("pid ").parse().unwrap();
    let dir = PathBuf::from(fact("dir "));
    fact("ready");
    assert!(exists(pid) && dir.is_dir());

    // SIGKILL: the owner can do nothing any more.
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until(DEADLINE, "the end of the orphaned server", || {
        is_gone(pid) && !dir.exists()
    });
}

/// Whether a process that is not our child has ended. Where nobody reaps
/// orphans it stays as a zombie.
fn is_gone(pid: u32) -> bool {
    let stat = Path::new("/proc").join(pid.to_string()).join("stat");
    match std::fs::read_to_string(stat) {
        Ok(stat) => stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z')),
        Err(_) => !exists(pid),
    }
}

#[test]
fn a_stopped_server_can_be_restarted_on_the_same_port() {
    let server = Server::start().unwrap();
    let (url, pid) = (server.url(), server.pid().unwrap());
    server.stop();
    assert!(!server.is_running());
    assert!(server.log().contains("ready to exit"), "{}", server.log());
    assert!(server.try_command::<String>(&["PING"]).is_err());

    server.restart();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid().unwrap(), pid);
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    assert_eq!(
        redis::cmd("PING").query(&mut connection),
        Ok("PONG".to_owned())
    );
}

#[test]
fn a_killed_server_keeps_its_data_only_with_an_append_only_file() {
    for fsync in [None, Some(Fsync::Always), Some(Fsync::EverySecond)] {
        let options = Server::options();
        let options = match fsync {
            Some(fsync) => options.appendonly(fsync),
            None => options,
        };
        let server = options.start().unwrap();
        server.command::<String>(&["XADD", "orders", "*", "order_id", "A-1"]);
        server.kill();
        assert!(!server.is_running());
        server.restart();
        let length: u64 = server.command(&["XLEN", "orders"]);
        assert_eq!(length, u64::from(fsync.is_some()), "{fsync:?}");
    }
}

#[test]
fn a_running_server_is_restarted_by_a_kill() {
    let server = Server::start().unwrap();
    let pid = server.pid().unwrap();
    server.command::<()>(&["SET", "a", "1"]);
    server.restart();
    assert!(!exists(pid));
    assert_eq!(server.command::<u64>(&["EXISTS", "a"]), 0);
}

#[test]
fn a_frozen_server_answers_when_it_is_thawed() {
    let server = Server::start().unwrap();
    let mut connection = server.connect().unwrap();
    server.freeze();
    assert!(server.is_running());
    connection
        .set_read_timeout(Some(std::time::Duration::from_millis(50)))
        .unwrap();
    let stalled: redis::RedisResult<String> = redis::cmd("PING").query(&mut connection);
    assert!(stalled.unwrap_err().is_timeout());
    server.thaw();
    assert_eq!(server.command::<String>(&["PING"]), "PONG");
}

#[test]
fn a_frozen_server_can_be_stopped_and_dropped() {
    let server = Server::start().unwrap();
    server.freeze();
    server.stop();
    assert!(!server.is_running());
    // It has taken the signal, and was not killed at last.
    assert!(server.log().contains("ready to exit"), "{}", server.log());

    server.restart();
    let pid = server.pid().unwrap();
    server.freeze();
    drop(server);
    assert!(!exists(pid));
}

#[test]
#[should_panic(expected = "not running")]
fn a_dead_server_can_not_be_frozen() {
    let server = Server::start().unwrap();
    server.kill();
    server.freeze();
}

#[test]
fn a_server_that_dies_by_itself_is_seen_as_dead() {
    let server = Server::start().unwrap();
    let _: redis::RedisResult<()> = server.try_command(&["SHUTDOWN", "NOSAVE"]);
    wait_until(DEADLINE, "the end of the server", || !server.is_running());
    server.restart();
    assert!(server.is_running());
}

#[test]
fn usage_and_calls_grow_with_work() {
    let server = Server::start().unwrap();
    assert_eq!(server.calls("XADD"), 0);
    for _ in 0..3 {
        server.command::<String>(&["XADD", "orders", "*", "order_id", "A-1"]);
    }
    assert_eq!(server.calls("XADD"), 3);

    let before = server.usage().unwrap();
    assert!(before.resident > 1 << 20, "{before:?}");
    server.command::<()>(&["EVAL", "for i = 1, 2e7 do end return 1", "0"]);
    assert!(server.usage().unwrap().cpu_time > before.cpu_time);
}

#[test]
fn without_a_server_program_the_error_says_what_to_do() {
    let finished = Program::at(env!("CARGO_BIN_EXE_private-server"))
        .env("STREAM_TEST_SERVER", "/nowhere/redis-server")
        .run(DEADLINE);
    assert_eq!(finished.status.code(), Some(1));
    let text = finished.stderr;
    for part in [
        "/nowhere/redis-server does not exist",
        "make server",
        "STREAM_TEST_SERVER",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_handle_at_a_url_starts_nothing() {
    let handle = ServerHandle::at("redis://127.0.0.1:1/0");
    assert_eq!(handle.url(), "redis://127.0.0.1:1/0");
    assert!(handle.server().is_none());

    let private = ServerHandle::private().unwrap();
    assert_eq!(private.url(), private.server().unwrap().url());
}
