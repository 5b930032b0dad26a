//! Messages in a spool that Redis refuses for good.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stream_lib::{Added, BackupStreamConfig, ErrorKind, RawMessage, SpoolStats};
use stream_tests::{Fsync, LogCapture, Server, wait_until};
use tempfile::TempDir;

use crate::narrow_gate::NarrowGate;
use crate::{DEADLINE, Rig, STREAM, connect, connect_to, length, message, numbers, quick};

/// A server that keeps what it has when it is killed, with one setting.
fn server(setting: &str, value: &str) -> Server {
    let options = Server::options().appendonly(Fsync::Always);
    options.config(setting, value).start().unwrap()
}

fn spooling(dir: &Path) -> BackupStreamConfig {
    quick(100_000)
        .spool_dir(dir)
        .spool_grace(Duration::from_millis(50))
}

/// Message `n`, with so many bytes more.
fn large(n: usize, bytes: usize) -> RawMessage {
    message(n).with("body", "x".repeat(bytes))
}

fn stats(manager: &stream_lib::StreamManager) -> SpoolStats {
    manager.spool_stats("p").unwrap().unwrap()
}

fn refused_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().contains("refused-"))
        .collect()
}

#[track_caller]
fn wait_until_empty(rig: &Rig) {
    wait_until(DEADLINE, "an empty spool", || {
        stats(&rig.manager).messages == 0
    });
}

#[test]
fn message_too_large_for_redis_is_set_aside_and_its_neighbours_go_on() {
    let logs = LogCapture::start();
    let dir = TempDir::new().unwrap();
    let server = server("proto-max-bulk-len", "1mb");
    let rig = Rig::on(server, spooling(dir.path()));
    rig.server.kill();
    for message in [message(0), large(1, 2 << 20), message(2)] {
        assert_eq!(rig.producer().add(&message).unwrap(), Added::Spooled);
    }
    rig.server.restart();
    wait_until_empty(&rig);
    assert_eq!(numbers(&rig.server, STREAM), [0, 2]);
    assert_eq!(rig.placed(3..4), (1, 0), "later ones go straight to Redis");
    let told = stats(&rig.manager);
    assert_eq!(told.set_aside, 1);
    assert!(told.set_aside_bytes > 2 << 20);
    // Other tests log, too.
    let place = dir.path().to_str().unwrap();
    let lines = logs.containing(place);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].text.contains("it was set aside"), "{lines:?}");
    drop(rig.manager);

    // Another life knows of it, and it can be read back.
    let manager = connect(&rig.server);
    manager
        .create_backup_producer("p", spooling(dir.path()))
        .unwrap();
    assert_eq!(stats(&manager).set_aside, 1);
    let files = refused_files(dir.path());
    assert_eq!(files.len(), 1, "{files:?}");
    rig.server
        .command::<()>(&["CONFIG", "SET", "proto-max-bulk-len", "512mb"]);
    let mut wire = TcpStream::connect(rig.server.address()).unwrap();
    wire.write_all(&fs::read(&files[0]).unwrap()).unwrap();
    wire.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(numbers(&rig.server, STREAM), [0, 2, 3, 1]);
    fs::remove_file(&files[0]).unwrap();
    assert_eq!(stats(&manager).set_aside, 0);
}

/// The server says nothing, and closes.
#[test]
fn message_that_only_cuts_the_connection_is_set_aside_too() {
    let dir = TempDir::new().unwrap();
    let server = server("client-query-buffer-limit", "1mb");
    let rig = Rig::on(server, spooling(dir.path()));
    rig.server.kill();
    for n in 0..20 {
        let message = if n == 7 {
            large(n, 3 << 20)
        } else {
            message(n)
        };
        assert_eq!(rig.producer().add(&message).unwrap(), Added::Spooled);
    }
    rig.server.restart();
    wait_until_empty(&rig);
    let expected = (0..20).filter(|n| *n != 7);
    assert!(numbers(&rig.server, STREAM).into_iter().eq(expected));
    assert_eq!(stats(&rig.manager).set_aside, 1);
}

/// A request of several messages is refused for all of them, and sent in halves.
#[test]
fn messages_that_only_together_are_too_large_all_arrive() {
    let dir = TempDir::new().unwrap();
    let options = Server::options().appendonly(Fsync::Always);
    let server = options.start().unwrap();
    let gate = NarrowGate::before(server.address(), 64 << 10);
    let manager = connect_to(&server.url_at(gate.port));
    let config = || spooling(dir.path());
    manager.create_backup_producer("p", config()).unwrap();
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    for n in 0..30 {
        let message = large(n, if n == 13 { 100 << 10 } else { 10 << 10 });
        let added = manager.add_to("p", &message);
        // The large one goes to the spool behind others.
        assert_eq!(added.unwrap(), Added::Spooled, "{n}");
    }
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    wait_until(DEADLINE, "an empty spool", || stats(&manager).messages == 0);
    let expected = (0..30).filter(|n| *n != 13);
    assert!(numbers(&server, STREAM).into_iter().eq(expected));
    assert_eq!(stats(&manager).set_aside, 1);
    assert!(gate.refused() > 2);
}

#[test]
fn key_that_holds_something_else_sets_its_message_aside_alone() {
    let dir = TempDir::new().unwrap();
    let options = Server::options().appendonly(Fsync::Always);
    let rig = Rig::on(options.start().unwrap(), spooling(dir.path()));
    rig.server
        .command::<()>(&["LPUSH", "{orders}:once:taken", "x"]);
    rig.server.kill();
    let producer = rig.producer();
    producer.add(&message(0)).unwrap();
    producer.add_with_key(&message(1), "taken").unwrap();
    producer.add_with_key(&message(2), "free").unwrap();
    rig.server.restart();
    wait_until_empty(&rig);
    assert_eq!(numbers(&rig.server, STREAM), [0, 2]);
    assert_eq!(stats(&rig.manager).set_aside, 1);
}

/// A server that refuses everything is away, and nothing is set aside for it.
#[test]
fn refusals_that_pass_set_nothing_aside() {
    let dir = TempDir::new().unwrap();
    let options = Server::options().appendonly(Fsync::Always);
    let rig = Rig::on(options.start().unwrap(), spooling(dir.path()));
    let set = |value| {
        rig.server
            .command::<()>(&["CONFIG", "SET", "maxmemory", value]);
    };
    set("1");
    for n in 0..3 {
        let message = large(n, 1 << 20);
        assert_eq!(rig.producer().add(&message).unwrap(), Added::Spooled);
    }
    wait_until(DEADLINE, "a few tries", || {
        rig.server.calls("evalsha") >= 10
    });
    assert_eq!(stats(&rig.manager).messages, 3);
    set("0");
    wait_until_empty(&rig);
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..3));
    assert_eq!(stats(&rig.manager).set_aside, 0);
}

#[test]
fn message_too_large_for_redis_fails_for_its_caller_alone() {
    let dir = TempDir::new().unwrap();
    let server = server("proto-max-bulk-len", "1mb");
    let rig = Rig::on(server, spooling(dir.path()));
    let batch = [message(0), large(1, 2 << 20), message(2), message(3)];
    let added = rig.producer().add_all(&batch);
    let error = added[1].as_ref().unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_ne!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    for neighbour in [0, 2, 3] {
        assert!(matches!(added[neighbour], Ok(Added::Main(_))), "{added:?}");
    }
    assert_eq!(numbers(&rig.server, STREAM), [0, 2, 3]);
    assert!(rig.producer().add(&large(4, 2 << 20)).is_err());
    assert_eq!(rig.placed(5..6), (1, 0));
    assert_eq!(length(&rig.server, STREAM), 4);
    let told = stats(&rig.manager);
    assert_eq!((told.messages, told.set_aside), (0, 0));
}

#[test]
fn refused_messages_count_towards_the_bound_of_the_spool() {
    let dir = TempDir::new().unwrap();
    let server = server("proto-max-bulk-len", "1mb");
    let rig = Rig::on(server, spooling(dir.path()).max_spool_bytes(3 << 20));
    rig.server.kill();
    rig.producer().add(&large(0, 2 << 20)).unwrap();
    rig.server.restart();
    wait_until_empty(&rig);
    rig.server.kill();
    let again = || rig.producer().add(&large(1, 2 << 20));
    let error = again().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(
        error.to_string().contains("1 messages that Redis refused"),
        "{error}"
    );
    for file in refused_files(dir.path()) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(again().unwrap(), Added::Spooled);
    let error = rig.producer().add(&large(2, 4 << 20)).unwrap_err();
    assert!(
        error.to_string().contains("raise `max_spool_bytes`"),
        "{error}"
    );
}
