//! Log lines contain all causes of a failure.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use stream_lib::{BackupStreamConfig, ConnectionConfig, RawMessage, StreamConfig, StreamManager};
use stream_tests::{Certificates, LogCapture, Proxy, Server, ServerError, wait_until};

use crate::support::{DEADLINE, Seen, noting, quick};

/// Waits for a line about `stream` that says both.
#[track_caller]
fn wait_for_line(log: &LogCapture, stream: &str, what: &str, cause: &str) {
    let name = format!("`{stream}`");
    wait_until(DEADLINE, format!("{what} … {cause}"), || {
        let lines = log.containing(&name);
        lines
            .iter()
            .any(|line| line.text.contains(what) && line.text.contains(cause))
    });
}

/// Opens a producer of each kind against a server that can't be used.
fn open(config: ConnectionConfig, backup: &str, sent: &str) -> StreamManager {
    let manager = StreamManager::connect_lazy(config).unwrap();
    let drained = BackupStreamConfig::new(backup).max_length(5);
    manager.create_backup_producer(backup, drained).unwrap();
    let quick = StreamConfig::new(sent).send_timeout(Duration::from_millis(50));
    let producer = manager.create_simple_producer(sent, quick).unwrap();
    let message = RawMessage::new().with("n", "1");
    drop(producer.typed::<RawMessage>().send(&message).unwrap());
    manager
}

fn are_told(config: ConnectionConfig, name: &str, cause: &str) {
    let log = LogCapture::start();
    let (backup, sent) = (format!("{name}-backup"), format!("{name}-sent"));
    let manager = open(config, &backup, &sent);
    let seen = Seen::default();
    let read = format!("{name}-read");
    manager.consume("c", quick(&read), noting(&seen)).unwrap();
    wait_for_line(&log, &backup, "backup producer", cause);
    wait_for_line(&log, &backup, "cleaning", cause);
    wait_for_line(&log, &sent, "fail", cause);
    wait_for_line(&log, &read, "held up", cause);
}

#[test]
fn refused_port_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let config = ConnectionConfig::new(format!("redis://127.0.0.1:{port}")).unwrap();
    are_told(config, "port", "refused");
}

#[test]
fn unknown_host_is_told() {
    let config = ConnectionConfig::new("redis://nowhere.invalid").unwrap();
    are_told(config, "host", "lookup");
}

#[test]
fn refused_password_is_told() {
    let server = Server::options().password("right").start().unwrap();
    let port = server.port();
    let config = ConnectionConfig::new(format!("redis://:wrong@127.0.0.1:{port}")).unwrap();
    are_told(config, "password", "WRONGPASS");
}

#[test]
fn certificate_of_an_unknown_authority_is_told() {
    let certificates = Certificates::generate();
    let server = match Server::options().tls(certificates.server(false)).start() {
        Ok(server) => server,
        Err(e @ ServerError::NoTls { .. }) => return eprintln!("not tested: {e}"),
        Err(e) => panic!("{e}"),
    };
    let config = ConnectionConfig::new(server.tls_url().unwrap()).unwrap();
    // All authorities of the harness have the same name; this one has another.
    let config = config.tls_root_certificates(fs::read(certificates.client_cert()).unwrap());
    are_told(config, "issuer", "UnknownIssuer");
}

#[test]
fn other_cause_within_an_outage_is_told() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let log = LogCapture::start();
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let seen = Seen::default();
    let stream = "log-change";
    manager.consume("c", quick(stream), noting(&seen)).unwrap();
    manager
        .create_backup_producer("p", BackupStreamConfig::new(stream).max_length(5))
        .unwrap();
    proxy.refuse();
    proxy.cut();
    wait_for_line(&log, stream, "held up", "");
    wait_for_line(&log, stream, "backup producer", "");
    server.command::<()>(&["CONFIG", "SET", "requirepass", "new"]);
    proxy.pass();
    // Nothing has worked meanwhile.
    wait_for_line(&log, stream, "held up", "NOAUTH");
    wait_for_line(&log, stream, "backup producer", "NOAUTH");
}
