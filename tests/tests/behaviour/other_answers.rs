//! Answers of a proxy in place of Redis: they are not Redis's, and the outcome of writes
//! is unknown.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use stream_lib::{
    Added, BackupStreamConfig, ErrorKind, Producer, RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{Proxy, Server, wait_until};
use tempfile::TempDir;

use crate::support::{DEADLINE, Seen, ask, noting, order, quick};

/// Answers every request with one line, but for those of a handshake.
fn answering(line: &'static str, info: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    begin(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            begin(move || serve(stream, line, info));
        }
    });
    address
}

/// Starts a thread that ends with the process, or with its connection.
fn begin(body: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name("answering".to_owned());
    thread.spawn(body).unwrap();
}

fn serve(mut stream: TcpStream, line: &str, info: &str) {
    let (mut read, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        read.extend_from_slice(&chunk[..count]);
        while let Some((words, length)) = request(&read) {
            read.drain(..length);
            let answer = match (words[0].as_str(), words.get(1).map(String::as_str)) {
                ("CLIENT", Some("ID")) => ":7\r\n".to_owned(),
                ("INFO", _) if !info.is_empty() => format!("${}\r\n{info}\r\n", info.len()),
                _ => format!("-{line}\r\n"),
            };
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The words of the first request, and its length, if it is whole.
fn request(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let (count, mut at) = header(bytes, 0)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, start) = header(bytes, at)?;
        at = start + length + 2;
        let word = bytes.get(start..at)?;
        words.push(String::from_utf8_lossy(&word[..length]).into_owned());
    }
    Some((words, at))
}

/// A number behind its type, and where the next line begins.
fn header(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let line = bytes.get(at + 1..)?;
    let length = line.windows(2).position(|pair| pair == b"\r\n")?;
    let number = std::str::from_utf8(&line[..length]).ok()?.parse().ok()?;
    Some((number, at + 1 + length + 2))
}

const LINES: [&str; 3] = [
    "upstream failure",
    "no upstream host",
    "ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.",
];

fn message(n: usize) -> RawMessage {
    RawMessage::new().with("n", n.to_string())
}

/// A server, and what stands before it, which has lost it.
fn before(server: &Server) -> (Proxy, StreamManager) {
    let proxy = Proxy::in_front_of(server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    (proxy, manager)
}

fn lose(proxy: &Proxy, line: &'static str) {
    proxy.redirect(answering(line, ""));
    proxy.cut();
}

fn find_again(proxy: &Proxy, server: &Server) {
    proxy.redirect(server.address());
    proxy.cut();
}

#[test]
fn the_outcome_of_an_add_is_unknown_and_a_spool_keeps_it() {
    for line in LINES {
        let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
        let (proxy, manager) = before(&server);
        manager
            .create_simple_producer("simple", StreamConfig::new("simple"))
            .unwrap();
        let config = BackupStreamConfig::new("spooled").spool_dir(dir.path());
        manager.create_backup_producer("spooled", config).unwrap();
        let simple: Producer<RawMessage> = manager.producer("simple").unwrap();
        let spooled: Producer<RawMessage> = manager.producer("spooled").unwrap();
        simple.add(&message(0)).unwrap();
        spooled.add(&message(0)).unwrap();
        lose(&proxy, line);
        let error = simple.add(&message(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
        assert!(error.to_string().contains(line), "{error}");
        for n in 1..5 {
            assert_eq!(spooled.add(&message(n)).unwrap(), Added::Spooled, "{line}");
        }
        find_again(&proxy, &server);
        wait_until(DEADLINE, "the spool to be sent", || {
            ask::<usize>(&server, "XLEN spooled") == 5
        });
        wait_until(DEADLINE, "an add to work", || {
            simple.add(&message(2)).is_ok()
        });
    }
}

#[test]
fn a_consumer_starts_without_redis_and_works_when_it_is_back() {
    for line in LINES {
        let server = Server::start().unwrap();
        let (proxy, manager) = before(&server);
        lose(&proxy, line);
        let seen = Seen::default();
        let consumer = manager
            .consume("c", quick("orders"), noting(&seen))
            .unwrap();
        assert!(consumer.is_running());
        find_again(&proxy, &server);
        wait_until(DEADLINE, "an add to work", || {
            manager.add(&order("1")).is_ok()
        });
        seen.wait_for(1);
        assert!(consumer.is_running());
        // And in the midst of its life.
        lose(&proxy, line);
        wait_until(DEADLINE, "an add to fail", || {
            manager.add(&order("2")).is_err()
        });
        find_again(&proxy, &server);
        wait_until(DEADLINE, "an add to work", || {
            manager.add(&order("3")).is_ok()
        });
        seen.wait_for(2);
        assert!(consumer.is_running());
    }
}

#[test]
fn a_sentinel_says_what_it_is() {
    let info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n";
    let sentinel = answering(
        "ERR unknown command 'XADD', with args beginning with: ",
        info,
    );
    let url = format!("redis://{sentinel}");
    let error = StreamManager::connect(&url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("Sentinel"), "{error}");

    let config = stream_lib::ConnectionConfig::new(&url).unwrap();
    let lazy = StreamManager::connect_lazy(config).unwrap();
    let error = lazy.add(&order("1")).unwrap_err();
    assert!(error.to_string().contains("sentinel"), "{error}");
}

#[test]
fn a_node_of_a_cluster_says_what_it_is() {
    let node = answering(
        "MOVED 105 127.0.0.1:7001",
        "# Server\r\nredis_version:7.0.15\r\n",
    );
    let manager = StreamManager::connect(format!("redis://{node}")).unwrap();
    let adding = manager.add(&order("1")).unwrap_err();
    let starting = manager
        .consume("c", quick("orders"), noting(&Seen::default()))
        .unwrap_err();
    let looking = manager.stream_stats("orders").unwrap_err();
    for error in [adding, starting, looking] {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("Redis Cluster"), "{error}");
    }
}
