use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::fake::{Fake, Peer};
use super::{AMPLE, SHORT, config, connect, endpoint, eventually, shown};
use crate::config::ConnectionConfig;
use crate::connection::{Deadline, Wire};
use crate::error::ErrorKind;
use crate::runtime::Interrupt;

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[test]
fn unix_sockets_work() {
    let directory = tempfile::tempdir().unwrap();
    let server = Fake::unix(directory.path(), |peer| {
        peer.greet();
        while peer.request().is_some() {
            peer.say(b"+PONG\r\n");
        }
    });
    let mut wire = connect(&config(&server)).unwrap();
    assert!(!wire.is_stale());
    wire.send(PING, 1).unwrap();
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"PONG"[..]));

    let missing = format!("unix://{}/nothing", directory.path().display());
    let error = connect(&ConnectionConfig::new(missing).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn nobody_listening_is_unavailable_and_names_the_address() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("redis://:hunter2@{free}");
    let error = connect(&ConnectionConfig::new(url).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&free.to_string()), "{error}");
    assert!(!shown(&error).contains("hunter2"));
}

/// A listener whose queue is full drops further connection requests, until this is
/// dropped.
fn black_hole() -> (String, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    listener.bind(&any_port.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut sockets = vec![listener];
    for _ in 0..8 {
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        filler.connect_timeout(&address, SHORT).ok();
        sockets.push(filler);
    }
    let url = format!("redis://{}", address.as_socket().unwrap());
    (url, sockets)
}

#[test]
fn a_black_hole_ends_at_the_connect_timeout() {
    let (url, _sockets) = black_hole();
    let config = ConnectionConfig::new(url).unwrap().connect_timeout(SHORT);
    let error = connect(&config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("within 60ms"), "{error}");
}

/// Ends an attempt that nothing else ends.
fn is_interrupted(url: &str) {
    let hour = Duration::from_secs(3_600);
    let config = ConnectionConfig::new(url).unwrap().connect_timeout(hour);
    let endpoint = endpoint(&config);
    let interrupt = Interrupt::new();
    let mut deadline = Deadline::of(hour).unless(&interrupt);
    let attempt = thread::Builder::new()
        .spawn(move || Wire::connect_by(&endpoint, &mut deadline).map(drop))
        .unwrap();
    eventually(|| {
        interrupt.end();
        attempt.is_finished()
    });
    assert!(attempt.join().unwrap().is_err());
}

#[test]
fn an_attempt_ends_at_an_interrupt_wherever_it_waits() {
    let (url, _sockets) = black_hole();
    is_interrupted(&url);

    let silent = Fake::tcp(Peer::until_hangup);
    is_interrupted(silent.url());
    #[cfg(feature = "tls")]
    is_interrupted(&silent.url_as("rediss", ""));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.sock");
    let address = SockAddr::unix(&path).unwrap();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let filler = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    filler.connect(&address).unwrap();
    is_interrupted(&format!("unix://{}", path.display()));
}

#[test]
fn a_server_that_accepts_and_says_nothing_ends_at_the_connect_timeout() {
    let server = Fake::tcp(Peer::until_hangup);
    let config = config(&server).connect_timeout(SHORT);
    let error = connect(&config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.to_string().contains("did not answer within 60ms"),
        "{error}"
    );
}
