//! TLS with a real server: the wrong kind of port, and certificates that change.

use std::fs;

use stream_lib::{ConnectionConfig, ErrorKind, StreamManager};
use stream_tests::{Certificates, LogCapture, Server, ServerError, wait_until};

use crate::support::{DEADLINE, Seen, noting, order, quick};

/// A server with TLS; `None`, with a word, where the program can't do it.
fn server_with_tls(certificates: &Certificates) -> Option<Server> {
    match Server::options().tls(certificates.server(false)).start() {
        Ok(server) => Some(server),
        Err(e @ ServerError::NoTls { .. }) => {
            eprintln!("not tested: {e}");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn tls_at_a_plain_port_is_said() {
    let server = Server::start().unwrap();
    let certificates = Certificates::generate();
    let config = ConnectionConfig::new(format!("rediss://127.0.0.1:{}", server.port())).unwrap();
    let config = config
        .tls_root_certificates_file(certificates.ca())
        .connect_timeout(std::time::Duration::from_millis(500));
    let error = StreamManager::connect_with(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("`redis://`"), "{error}");
}

#[test]
fn plain_text_at_a_port_for_tls_is_said() {
    let certificates = Certificates::generate();
    let Some(server) = server_with_tls(&certificates) else {
        return;
    };
    let url = format!("redis://127.0.0.1:{}", server.tls_port().unwrap());
    let error = StreamManager::connect(url).unwrap_err();
    assert!(error.to_string().contains("`rediss://`"), "{error}");
}

#[test]
fn certificates_that_change_are_followed_by_a_consumer_that_runs() {
    let certificates = Certificates::generate();
    let Some(server) = server_with_tls(&certificates) else {
        return;
    };
    let log = LogCapture::start();
    let config = ConnectionConfig::new(server.tls_url().unwrap()).unwrap();
    let config = config.tls_root_certificates_file(certificates.ca());
    let manager = StreamManager::connect_with(config).unwrap();
    let seen = Seen::default();
    let stream = "tls-rotates";
    let consumer = manager.consume("c", quick(stream), noting(&seen)).unwrap();
    // Another authority, and a certificate of the server that it has signed.
    let next = Certificates::generate();
    let (now, new) = (certificates.server(false), next.server(false));
    fs::copy(new.cert, now.cert).unwrap();
    fs::copy(new.key, now.key).unwrap();
    server.restart();
    wait_until(DEADLINE, "the refusal to be told", || {
        let lines = log.containing(&format!("`{stream}` is held up"));
        lines.iter().any(|line| line.text.contains("BadSignature"))
    });
    fs::copy(next.ca(), certificates.ca()).unwrap();
    wait_until(DEADLINE, "it to work again", || {
        consumer.stats().held_up.is_none()
    });
    let handled = seen.count();
    let add = ["XADD", stream, "*", "order_id", "1", "amount", "1"];
    server.command::<String>(&add);
    seen.wait_for(handled + 1);
    manager.add(&order("1")).unwrap();
}
